"""From an order to a trade: how late it is dealt, how much of it, and what becomes of the rest."""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.core.errors import ProblemError, require
from deephedge.core.types import as_float, concrete
from deephedge.frictions.base import Rate, per_instrument


class Orders(eqx.Module):
    """Units ordered and not yet dealt: on their way, the oldest first, and arrived but not filled."""

    queue: Float[Array, "latency instrument"]
    resting: Float[Array, " instrument"]

    def waiting(self) -> Float[Array, " instrument"]:
        """All that may still be dealt."""
        return jnp.sum(self.queue, axis=0) + self.resting


class Execution(eqx.Module):
    """What a market does with an order: without arguments, all of it at once.

    ``latency`` is the number of points between a decision and its dealing, at the price met then. ``fill`` is the share
    of what has arrived that is dealt at a point, from 0 to 1: a number, one for each instrument, or the names of quotes
    of it, so that fills may be random. ``participation`` caps a trade at that share of the units that the market itself
    trades in a step, which ``volume`` (a number, one for each instrument, or names of quotes) tells. What is not filled
    waits for the next point; with ``cancel`` it is forgotten.

    A policy is asked for the position that it wants to have when its orders have been filled, and is told that
    position, so that it does not order twice. What ends or is halted loses its orders. Closing out at the end of a
    path is not delayed: what is still held is sold there.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> late = dh.frictions.Execution(latency=1, fill=0.5)
    >>> orders, trade = late(late.init(1), jnp.array([8.0]), {})
    >>> orders, then = late(orders, jnp.array([0.0]), {})
    >>> trade.tolist(), then.tolist(), orders.waiting().tolist()
    ([0.0], [4.0], [4.0])
    """

    latency: int = eqx.field(static=True, default=0)
    fill: Rate | None = None
    participation: Float[Array, "*instrument"] | None = None
    volume: Rate | None = None
    cancel: bool = eqx.field(static=True, default=False)

    def __init__(
        self,
        latency: int = 0,
        fill: ArrayLike | str | Sequence[float | str] | None = None,
        participation: ArrayLike | None = None,
        volume: ArrayLike | str | Sequence[float | str] | None = None,
        cancel: bool = False,
    ):
        whole = isinstance(latency, int) and latency >= 0
        require(whole, f"latency is a whole number of points, 0 or more, was {latency!r}", ProblemError)
        given = (participation is None) == (volume is None)
        require(given, "a participation cap needs both a share (participation) and the volume it is a share of")
        self.latency, self.cancel = latency, cancel
        self.fill = None if fill is None else Rate("fill", fill, "a share from 0 to 1")
        self.volume = None if volume is None else Rate("volume", volume, "units a step")
        self.participation = None if participation is None else as_float(participation)
        for name, value in (("fill", self.fill and self.fill.numbers), ("participation", self.participation)):
            sound = value is None or concrete(value, lambda x: (x >= 0) & (x <= 1))
            require(sound, f"{name} is a share from 0 to 1, was {value}")

    @property
    def immediate(self) -> bool:
        """Whether an order is dealt in whole where it is given."""
        return self.latency == 0 and self.fill is None and self.participation is None

    def init(self, instruments: int) -> Orders | None:
        """No orders yet."""
        zero = as_float(np.zeros((self.latency, instruments)))
        return None if self.immediate else Orders(zero, as_float(np.zeros(instruments)))

    def __call__(
        self, orders: Orders | None, order: Float[Array, " instrument"], quotes: dict[str, Float[Array, ""]]
    ) -> tuple[Orders | None, Float[Array, " instrument"]]:
        """What is still to be dealt after this point, and the units dealt at it."""
        if orders is None or self.immediate:
            return orders, order
        queue = jnp.concatenate([orders.queue, order[None]])
        due = orders.resting + queue[0]
        dealt = due if self.fill is None else due * self.fill(quotes, due)
        if self.participation is not None:
            most = per_instrument("participation", self.participation, due) * self.volume(quotes, due)  # pyright: ignore
            dealt = jnp.clip(dealt, -most, most)
        return Orders(queue[1:], jnp.zeros_like(due) if self.cancel else due - dealt), dealt
