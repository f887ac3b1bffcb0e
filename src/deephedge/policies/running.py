"""A policy that is told what the hedge has made so far."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, PyTree

from deephedge.core.errors import ConfigError, require
from deephedge.core.types import as_float
from deephedge.policies.base import AbstractFixed, AbstractPolicy, Observation, gather, read


class Running(eqx.Module):
    """What has to be known of the past: wealth so far, and the last decision with the position it started from."""

    wealth: Float[Array, ""]
    begun: Float[Array, ""]
    position: Float[Array, " instrument"]
    price: Float[Array, " instrument"]
    mark: Float[Array, ""]
    quotes: dict[str, Float[Array, ""]]
    friction: PyTree


class Account(AbstractFixed):
    """The books of one hedge, from the features ``prices``, ``liability`` and ``quotes``: nothing of it is trained."""

    cost: Any  # an AbstractCost, which policies do not import
    prices: tuple[str, ...] = eqx.field(static=True)
    liability: str = eqx.field(static=True)
    quotes: tuple[str, ...] = eqx.field(static=True)

    def init(self) -> Running:
        zero, row = as_float(0.0), as_float(np.zeros(len(self.prices)))
        return Running(zero, zero, row, row, zero, dict.fromkeys(self.quotes, zero), self.cost.init(len(self.prices)))

    def step(self, before: Running, observation: Observation, position: Float[Array, " instrument"]) -> Running:
        """From one decision to the next: ``position`` was held in between. The first only opens the books."""
        price, mark = gather(observation, self.prices), read(observation, self.liability)[0]
        trade = before.begun * (position - before.position)
        friction, paid = self.cost.step(before.friction, trade, before.price, before.quotes)
        gain = jnp.sum(position * (price - before.price)) + mark - before.mark - paid
        quotes = dict(zip(self.quotes, read(observation, *self.quotes), strict=True))
        wealth = before.wealth + before.begun * gain
        return Running(wealth, jnp.ones_like(wealth), position, price, mark, quotes, friction)


class WithWealth(AbstractPolicy):
    r"""``policy`` with one more feature, the mark-to-market profit of its own hedge so far:

    .. math:: W_k = M_k - M_0 + \sum_{j<k} \delta_j (P_{j+1} - P_j) - \sum_{j<k} c(\delta_j - \delta_{j-1}).

    ``prices`` names the feature with the price of each instrument, ``liability`` the one with the mark :math:`M` of
    what is owed, both as ``features.Price`` gives them; ``cost`` is the problem's, and reads the features ``quotes``
    under the names of its quotes (``"time"`` for an impact that fades). ``policy`` reads the wealth as the feature
    ``name``, and is evaluated inside the scan. It equals the ledger's wealth where nothing else is charged, orders
    are dealt at once and nothing rolls. With interest, dividends or a liability that pays on the way, give total
    prices; the cost is then charged on them.

    A risk that is not consistent in time, such as mean and deviation, wants it: what is best depends on what was made.
    Source: Schweizer (1995), for squared errors with drift; Cao, Chen, Hull, Poulos (2021), for the setting.

    >>> import deephedge as dh, jax
    >>> inner = dh.policies.MLP(("log_moneyness", "wealth"), key=jax.random.key(0))
    >>> policy = dh.policies.WithWealth(inner, dh.frictions.ProportionalCost(1e-2), prices=("spot",), liability="mark")
    >>> policy.features
    ('log_moneyness', 'spot', 'mark')
    """

    policy: AbstractPolicy
    account: Account
    name: str = eqx.field(static=True)

    def __init__(
        self,
        policy: AbstractPolicy,
        cost: Any,
        *,
        prices: tuple[str, ...] | list[str],
        liability: str,
        quotes: tuple[str, ...] | list[str] = (),
        name: str = "wealth",
    ):
        self.policy, self.name = policy, name
        self.account = Account(cost, tuple(prices), liability, tuple(quotes))

    def __check_init__(self):
        reads, own = getattr(self.policy, "features", (self.name,)), (*self.account.prices, self.account.liability)
        require(
            self.name in reads, f"the policy reads {reads}: add {self.name!r}, or leave out WithWealth", ConfigError
        )
        require(len(self.account.prices) > 0, "prices must name a feature for each instrument, was empty", ConfigError)
        require(self.name not in own, f"{self.name!r} is the wealth: give another name to the prices", ConfigError)

    @property
    def features(self) -> tuple[str, ...]:
        """What the problem must offer."""
        account = (*self.account.prices, self.account.liability, *self.account.quotes)
        names = (*(name for name in getattr(self.policy, "features", ()) if name != self.name), *account)
        return tuple(dict.fromkeys(names))

    def init(self) -> tuple[Running, PyTree]:
        return self.account.init(), self.policy.init()

    def encode(self, observation: Observation) -> Observation:
        read(observation, *self.features)
        return {name: value for name, value in observation.items() if name != self.name}

    def __call__(
        self, encoded: Observation, position: Float[Array, " instrument"], state: tuple[Running, PyTree]
    ) -> tuple[Float[Array, " instrument"], tuple[Running, PyTree]]:
        running = self.account.step(state[0], encoded, position)
        wanted, inner = self.policy(self.policy.encode(encoded | {self.name: running.wealth}), position, state[1])
        return wanted, (running, inner)

    def seen(
        self,
        observation: Observation,
        position: Float[Array, "step instrument"],
        initial: Float[Array, "*instrument"],
    ) -> Observation:
        """All that the policy inside would see at each decision, points leading, were ``position`` what is held."""

        def step(running: Running, now: tuple[Observation, Array]) -> tuple[Running, Array]:
            running = self.account.step(running, *now)
            return running, running.wealth

        first = jnp.broadcast_to(initial, position[:1].shape)
        held = jnp.concatenate([first, position[:-1]])
        return observation | {self.name: lax.scan(step, self.account.init(), (observation, held))[1]}
