"""The minimum-variance delta: a delta that knows that volatility falls when the spot rises."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PyTree

from deephedge.core.errors import DataError, require
from deephedge.core.types import as_float, number
from deephedge.policies.base import Observation
from deephedge.policies.baseline import OPTION_FEATURES, AbstractOptionHedge, in_first
from deephedge.pricing import black


class MinimumVarianceDelta(AbstractOptionHedge):
    r"""Hull and White's delta: the least variance of the hedge where spot and volatility move together,

    .. math:: \delta_{MV} = \delta_{BS} + \frac{\nu_{BS}}{S\sqrt\tau}\left(a + b\,\delta_{BS} + c\,\delta_{BS}^2\right).

    ``coefficients`` are :math:`(a, b, c)`, no unit; get them from data with ``fitted``. Other arguments as in
    ``BlackScholesDelta``. For S&P 500 calls the correction is negative: less than the Black-Scholes delta is held.

    Source: Hull and White (2017).

    >>> import deephedge as dh, jax.numpy as jnp
    >>> seen = {"log_moneyness": jnp.array(0.0), "time_left": jnp.array(1.0), "vol": jnp.array(0.2)}
    >>> delta = dh.policies.MinimumVarianceDelta((-0.25, 0.0, 0.0))
    >>> round(float(delta(delta.encode(seen), jnp.zeros(1), None)[0][0]), 4)
    0.4406
    """

    coefficients: Float[Array, " column"] = eqx.field(converter=as_float, default=(0.0, 0.0, 0.0))
    features: tuple[str, ...] = eqx.field(static=True, converter=tuple, default=OPTION_FEATURES)
    kind: str = eqx.field(static=True, default="call")
    units: Float[Array, ""] = number(default=1.0)
    carry: Float[Array, ""] = number(default=0.0)
    dividend: Float[Array, ""] = number(default=0.0)

    def __check_init__(self):
        shape = self.coefficients.shape
        require(shape == (3,), f"coefficients must be the three numbers (a, b, c), had shape {shape}")

    def encode(self, observation: Observation) -> Float[Array, ""]:
        delta, columns = self._columns(*self.seen(observation))
        return self.units * (delta + columns @ self.coefficients)

    def __call__(
        self, encoded: PyTree, position: Float[Array, " instrument"], state: PyTree
    ) -> tuple[Float[Array, " instrument"], PyTree]:
        return in_first(encoded, position), state

    def fitted(self, observation: dict[str, ArrayLike]) -> "MinimumVarianceDelta":
        r"""This policy with :math:`a, b, c` by least squares over all steps of many paths or windows of history.

        ``observation`` holds the three features with axes (path, points), as in
        ``jax.vmap(lambda path: dh.snapshots(problem, path))(paths).observation``. What the Black-Scholes hedge misses
        over a step, :math:`\Delta f - \delta_{BS}\Delta S`, is regressed without a constant on
        :math:`\nu_{BS}\,(\Delta S/S\sqrt\tau)\,(1, \delta_{BS}, \delta_{BS}^2)`, all over the strike; :math:`f` is the
        Black-Scholes price at each point's own volatility.

        Errors: ``DataError`` for features without two axes, numbers that are not finite, or where nothing moves.
        """
        for name in self.features:
            shape, finite = np.shape(observation.get(name)), np.isfinite(observation.get(name, 0.0)).all()
            require(
                len(shape) == 2, f"feature {name!r} must have the axes (path, points), had shape {shape}", DataError
            )
            require(bool(finite), f"feature {name!r} holds numbers that are not finite", DataError)
        seen = {name: jnp.asarray(observation[name]) for name in self.features}
        missed, columns = (np.asarray(x, float) for x in _regression(self, seen))
        require(
            bool(np.linalg.matrix_rank(columns) == 3),
            "these paths move too little to fit three coefficients",
            DataError,
        )
        best = np.linalg.lstsq(columns, missed, rcond=None)[0]
        return eqx.tree_at(lambda policy: policy.coefficients, self, as_float(best))

    def _columns(self, forward: Array, vol: Array, left: Array) -> tuple[Array, Array]:
        """(delta, vega / (S sqrt tau) times 1, delta and its square)."""
        delta = self.delta(forward, vol, left)
        live = left > 0
        total = jnp.where(live, vol * jnp.sqrt(jnp.where(live, left, 1.0)), 0.0)
        vega = jnp.exp(-self.dividend * left) * black.vega(forward, 1.0, total) / forward
        return delta, vega * jnp.stack([jnp.ones_like(delta), delta, jnp.square(delta)])

    def _value(self, forward: Array, vol: Array, left: Array) -> Array:
        discount = jnp.exp(-(self.carry + self.dividend) * left)
        return discount * black.price(forward, 1.0, vol, left, call=self.kind == "call")


@eqx.filter_jit
def _regression(policy: MinimumVarianceDelta, observation: Observation) -> tuple[Float[Array, " row"], Array]:
    """What the Black-Scholes hedge misses over each step, and what should explain it."""

    def one(observation: Observation) -> tuple[Array, Array]:
        forward, vol, left = policy.seen(observation)
        spot = forward * jnp.exp(-policy.carry * left)
        move, gain = jnp.diff(spot), jnp.diff(policy._value(forward, vol, left))
        delta, columns = policy._columns(forward, vol, left)
        return gain - delta[:-1] * move, (columns[:, :-1] * move).T

    missed, columns = jax.vmap(one)(observation)
    return missed.ravel(), columns.reshape(-1, 3)
