"""What the time of the year does to a price, known in advance."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.types import as_float, concrete, number

MONTHS = 12
ON_THE_BORDER = 1e-4  # months: a first of the month that rounding put just before it belongs to the new month


class Seasonality(eqx.Module):
    r"""Log factor of the time of the year, the sum of what is given:

    .. math:: s(t) = \sum_n a_n\cos(2\pi n(t+t_0)) + b_n\sin(2\pi n(t+t_0)) + m_{\lfloor 12(t+t_0)\rfloor \bmod 12}.

    ``cosines`` and ``sines`` are :math:`a_1,a_2,\dots` and :math:`b_1,b_2,\dots` (no unit, in logs), ``months`` twelve
    log factors from January to December, ``start`` the part of the year (0 to 1) that has passed at time 0.

    Raises ``ParameterError`` for months that are not twelve, or a start outside 0 to 1.

    Source: Sorensen (2002) for the trigonometric form.

    >>> winter = Seasonality(cosines=(0.2,))
    >>> [round(float(s), 3) for s in winter(jnp.array([0.0, 0.25, 0.5]))]
    [0.2, -0.0, -0.2]
    """

    cosines: Float[Array, " order"] = number(default=())
    sines: Float[Array, " frequency"] = number(default=())
    months: Float[Array, " month"] | None = eqx.field(
        converter=lambda value: None if value is None else as_float(value), default=None
    )
    start: Float[Array, ""] = number(default=0.0)

    def __check_init__(self):
        for field in ("cosines", "sines", "months"):
            value = getattr(self, field)
            row = value is None or (value.ndim == 1 and concrete(value, np.isfinite))
            require(row, f"{field} must be a row of finite log factors, was {value}")
        twelve = self.months is None or self.months.shape == (MONTHS,)
        require(twelve, f"months must be twelve log factors, January first, was {self.months}")
        inside = concrete(self.start, lambda t: (t >= 0) & (t <= 1))
        require(inside, f"start must be a part of the year between 0 and 1, was {self.start}")

    def __call__(self, times: Float[Array, "*any"]) -> Float[Array, "*any"]:
        year = times + self.start
        total = jnp.zeros_like(year)
        for wave, sizes in ((jnp.cos, self.cosines), (jnp.sin, self.sines)):
            for order in range(sizes.shape[0]):
                total = total + sizes[order] * wave(2.0 * np.pi * (order + 1) * year)
        if self.months is None:
            return total
        month = jnp.floor(MONTHS * year + ON_THE_BORDER).astype(int) % MONTHS
        return total + self.months[month]
