"""Whalley and Wilmott's band: how far the delta may be missed before trading is worth its cost."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from deephedge.core.errors import require
from deephedge.core.types import concrete, number
from deephedge.policies.base import Observation
from deephedge.policies.baseline import OPTION_FEATURES, AbstractOptionHedge, in_first
from deephedge.pricing import black

# A half-width under a millionth of a unit is none: the cube root is infinitely steep at 0.
_CLOSED = 1e-18


class WhalleyWilmott(AbstractOptionHedge):
    r"""Trade to the nearer edge of the band :math:`u\Delta \pm h`, and not inside it:

    .. math:: h = \left(\frac{3}{2}\,\frac{e^{-r\tau}\,\varepsilon\,S\,(u\Gamma)^2}{\lambda}\right)^{1/3},

    the small-cost limit of the hedge of an exponential utility. ``cost`` is the share :math:`\varepsilon` of the cash
    traded, ``risk_aversion`` is :math:`\lambda` per unit of cash, ``strike`` (cash) gives the spot :math:`S` its level;
    the rest is as in ``BlackScholesDelta``, and :math:`r` is carry plus dividend. Closed at expiry, finite everywhere.

    Errors: ``ParameterError`` for a cost below 0, or a risk aversion or strike that is not positive.

    Source: Whalley and Wilmott (1997).

    >>> import deephedge as dh, jax.numpy as jnp
    >>> seen = {"log_moneyness": jnp.array(0.0), "time_left": jnp.array(1.0), "vol": jnp.array(0.2)}
    >>> band = dh.policies.WhalleyWilmott(cost=0.01, risk_aversion=10.0)
    >>> [round(float(edge), 4) for edge in band.encode(seen)]
    [0.359, 0.7206]
    """

    cost: Float[Array, ""] = number()
    risk_aversion: Float[Array, ""] = number()
    strike: Float[Array, ""] = number(default=1.0)
    features: tuple[str, ...] = eqx.field(static=True, converter=tuple, default=OPTION_FEATURES)
    kind: str = eqx.field(static=True, default="call")
    units: Float[Array, ""] = number(default=1.0)
    carry: Float[Array, ""] = number(default=0.0)
    dividend: Float[Array, ""] = number(default=0.0)

    def __check_init__(self):
        require(concrete(self.cost, lambda c: c >= 0), f"cost must be a share of cash from 0 up, was {self.cost}")
        for name in ("risk_aversion", "strike"):
            value = getattr(self, name)
            require(concrete(value, lambda x: x > 0), f"{name} must be above 0, was {value}")

    def encode(self, observation: Observation) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """Lower and upper edge of the band, in units of the first instrument."""
        forward, vol, left = self.seen(observation)
        centre, half = self.units * self.delta(forward, vol, left), self.half_width(forward, vol, left)
        return centre - half, centre + half

    def __call__(
        self, encoded: PyTree, position: Float[Array, " instrument"], state: PyTree
    ) -> tuple[Float[Array, " instrument"], PyTree]:
        lower, upper = encoded
        return in_first(jnp.clip(position[0], lower, upper), position), state

    def half_width(self, forward: Array, vol: Array, left: Array) -> Array:
        """:math:`h` in units, of the forward over the strike, the volatility and the years left."""
        growth, discount = jnp.exp(self.carry * left), jnp.exp(-(self.carry + self.dividend) * left)
        gamma = discount * jnp.square(growth) * black.gamma(forward, 1.0, vol, left) / self.strike
        spot = self.strike * forward / growth
        cubed = 1.5 * discount * self.cost * spot * jnp.square(self.units * gamma) / self.risk_aversion
        opened = cubed > _CLOSED
        return jnp.where(opened, jnp.cbrt(jnp.where(opened, cubed, 1.0)), 0.0)
