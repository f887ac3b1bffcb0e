"""Leland's delta: hedge with a volatility that pays for the trading."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from deephedge.core.errors import require
from deephedge.core.types import concrete, number
from deephedge.policies.base import Observation
from deephedge.policies.baseline import OPTION_FEATURES, AbstractOptionHedge, in_first


class Leland(AbstractOptionHedge):
    r"""The Black-Scholes delta at Leland's volatility

    .. math:: \hat\sigma^2 = \sigma^2\left(1 + \sqrt{2/\pi}\,\frac{k}{\sigma\sqrt{\Delta t}}\right),
        \qquad k = 2\varepsilon,

    for options sold; for options bought (``units`` below 0) the cost is taken off, and :math:`\hat\sigma` stays at 0
    where that leaves nothing. ``cost`` is the share :math:`\varepsilon` of the cash traded that one trade costs (a
    round trip costs :math:`k`), ``step`` the years :math:`\Delta t` between trades; the rest is as in
    ``BlackScholesDelta``.

    Errors: ``ParameterError`` for a cost below 0 or a step that is not positive.

    Source: Leland (1985).

    >>> import deephedge as dh, jax.numpy as jnp
    >>> seen = {"log_moneyness": jnp.array(0.0), "time_left": jnp.array(1.0), "vol": jnp.array(0.2)}
    >>> leland = dh.policies.Leland(cost=0.01, step=1 / 52)
    >>> round(float(leland(leland.encode(seen), jnp.zeros(1), None)[0][0]), 4)
    0.5499
    """

    cost: Float[Array, ""] = number()
    step: Float[Array, ""] = number()
    features: tuple[str, ...] = eqx.field(static=True, converter=tuple, default=OPTION_FEATURES)
    kind: str = eqx.field(static=True, default="call")
    units: Float[Array, ""] = number(default=1.0)
    carry: Float[Array, ""] = number(default=0.0)
    dividend: Float[Array, ""] = number(default=0.0)

    def __check_init__(self):
        require(concrete(self.cost, lambda c: c >= 0), f"cost must be a share of cash from 0 up, was {self.cost}")
        require(concrete(self.step, lambda t: t > 0), f"step must be years above 0, was {self.step}")

    def encode(self, observation: Observation) -> Float[Array, ""]:
        forward, vol, left = self.seen(observation)
        return self.units * self.delta(forward, self.volatility(vol), left)

    def __call__(
        self, encoded: PyTree, position: Float[Array, " instrument"], state: PyTree
    ) -> tuple[Float[Array, " instrument"], PyTree]:
        return in_first(encoded, position), state

    def volatility(self, vol: Float[Array, ""]) -> Float[Array, ""]:
        r"""The volatility :math:`\hat\sigma` that pays for the trading."""
        wider = jnp.sign(self.units) * (8.0 / np.pi) ** 0.5 * self.cost / jnp.sqrt(self.step)
        variance = vol * (vol + wider)
        positive = variance > 0  # the root of 0 has no derivative, so it is never taken
        return jnp.where(positive, jnp.sqrt(jnp.where(positive, variance, 1.0)), 0.0)
