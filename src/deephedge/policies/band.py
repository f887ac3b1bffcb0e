"""The no-transaction band: hold still inside a learnt interval, trade to its edge outside."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from deephedge.core.errors import ConfigError, require
from deephedge.core.types import as_float
from deephedge.policies.base import AbstractPolicy, Frozen, Observation, Scaler, frozen, gather, on_top_of
from deephedge.policies.baseline import BlackScholesDelta
from deephedge.policies.network import Layers

# First half-widths, in units. A band that holds the starting position everywhere is a plateau: nobody trades, and
# nothing is learnt. Around the delta of one instrument there is always a trade to make. Elsewhere the centre may be the
# start itself: of 512 random networks without a centre a seventh starts on the plateau at 0.13, none at 0.02.
WIDTH_AROUND_CENTRE, WIDTH_AROUND_NOTHING = 0.13, 0.02


class NoTransactionBand(AbstractPolicy):
    r"""Clip the position into :math:`[\,b+u(c-w),\ b+u(c+w)\,]`, one interval for each instrument.

    A network of the features alone gives the shift :math:`c` and the half-width :math:`w>0` around the position
    :math:`b` of ``centre``; nothing in it depends on the position, so a rollout evaluates it once for all points and
    scans only a clip. Without ``centre`` the Black-Scholes delta is used where the features are the ones it reads and
    there is one instrument, otherwise none: pass ``centre=None`` to force none. A centre is asked from position 0.

    Source: Imaki, Imajo, Ito, Minami, Nakagawa (2021), for any number of instruments and with a learnt centre.

    >>> import deephedge as dh, jax
    >>> band = dh.policies.NoTransactionBand(("log_moneyness", "time_left", "vol"), key=jax.random.key(0))
    >>> type(band.centre.policy).__name__
    'BlackScholesDelta'
    """

    layers: Layers
    scaler: Scaler
    centre: Frozen | None
    features: tuple[str, ...] = eqx.field(static=True)

    def __init__(
        self,
        features: tuple[str, ...] | list[str],
        *,
        key: PRNGKeyArray,
        instruments: int = 1,
        width: int = 32,
        depth: int = 2,
        activation: str = "relu",
        inputs: int | None = None,
        centre: AbstractPolicy | str | None = "auto",
    ):
        self.features = tuple(features)
        if isinstance(centre, str):
            require(centre == "auto", f"centre must be a policy, None or 'auto', was {centre!r}", ConfigError)
            reads = {"log_moneyness", "time_left", "vol"} <= set(self.features) and instruments == 1
            centre = BlackScholesDelta() if reads else None
        self.centre = frozen(centre)
        columns = inputs or len(self.features)
        self.scaler = Scaler.identity(columns, instruments)
        sizes = (columns, *[width] * depth, 2 * instruments)
        layers = Layers.make(sizes, key=key, activation=activation, last=0.1)
        first = WIDTH_AROUND_CENTRE if self.centre is not None and instruments == 1 else WIDTH_AROUND_NOTHING
        start = as_float(np.repeat((0.0, np.log(np.expm1(first))), instruments))
        self.layers = eqx.tree_at(lambda x: x.biases[-1], layers, start)

    def init(self) -> None:
        return None

    def encode(self, observation: Observation) -> tuple[Array, Array]:
        """Lower and upper edge of the band for each instrument."""
        shift, spread = jnp.split(self.layers(self.scaler(gather(observation, self.features))), 2)
        centre = self.scaler.positions(shift)
        if self.centre is not None:
            nothing = jnp.zeros_like(centre)
            centre = centre + on_top_of(self.centre, self.centre.encode(observation), nothing)
        half = self.scaler.unit * jax.nn.softplus(spread)
        return centre - half, centre + half

    def __call__(
        self, encoded: PyTree, position: Float[Array, " instrument"], state: PyTree
    ) -> tuple[Float[Array, " instrument"], PyTree]:
        lower, upper = encoded
        return jnp.clip(position, lower, upper), state
