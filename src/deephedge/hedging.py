"""The waist: one hedging problem, one decision, one rollout. Everything else is arrangement."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jaxtyping import Array, Bool, Float, PyTree

from deephedge.core.errors import ProblemError, require
from deephedge.core.grid import TimeGrid
from deephedge.core.parallel import gathered, over_paths
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float
from deephedge.features.base import AbstractFeature
from deephedge.frictions.base import AbstractConstraint, AbstractCost
from deephedge.frictions.constraints import Box
from deephedge.frictions.costs import ProportionalCost
from deephedge.frictions.execution import Execution, Orders
from deephedge.frictions.funding import AbstractCharge, Holdings, charged
from deephedge.instruments.base import AbstractContract, AbstractTradable, slack
from deephedge.policies.base import AbstractPolicy

Trade = Float[Array, " instrument"]
Cash = Float[Array, ""]


class HedgingProblem(eqx.Module):
    """Hold this liability, see these features, trade these instruments on this grid, pay these costs.

    ``initial`` is the position held before the first decision (units, one number or one an instrument); with
    ``close_out`` the last position is sold at the last point, at a cost, otherwise it is marked at its price.
    ``execution`` says how an order becomes a trade, ``funding`` what holding costs beyond the numeraire's interest.
    """

    grid: TimeGrid
    liability: AbstractContract
    instruments: tuple[AbstractTradable, ...] = eqx.field(converter=tuple)
    features: tuple[AbstractFeature, ...] = eqx.field(converter=tuple)
    cost: AbstractCost = ProportionalCost(0.0)
    constraint: AbstractConstraint = Box()
    initial: Float[Array, "*instrument"] = eqx.field(converter=as_float, default=0.0)
    close_out: bool = eqx.field(static=True, default=False)
    execution: Execution = Execution()
    funding: AbstractCharge | None = None

    def __check_init__(self):
        require(len(self.instruments) > 0, "a hedging problem needs at least one instrument", ProblemError)
        for kind, wanted in (("instruments", AbstractTradable), ("features", AbstractFeature)):
            wrong = [type(x).__name__ for x in getattr(self, kind) if not isinstance(x, wanted)]
            require(not wrong, f"{kind} must be {wanted.__name__} objects, found {wrong}", ProblemError)
        names = self.feature_names
        twice = sorted({name for name in names if names.count(name) > 1})
        require(not twice, f"two features are called {twice}; give one of them another name", ProblemError)
        _expires_inside(self.liability, self.grid)

    @property
    def feature_names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.features)


class Snapshot(eqx.Module):
    """All that is known at one point: features, cash prices of the instruments, quotes, and what can be traded.

    ``limits`` is what the constraint measured there. Where instruments roll, ``rolls`` says which of them do and
    ``closing`` at which price what was held is closed.
    """

    observation: PyTree
    price: Float[Array, "*batch instrument"]
    quotes: dict[str, Float[Array, "*batch"]]
    tradable: Bool[Array, "*batch instrument"] | None = None
    limits: PyTree = None
    rolls: Bool[Array, "*batch instrument"] | None = None
    closing: Float[Array, "*batch instrument"] | None = None


class Desk(eqx.Module):
    """What is carried from one decision to the next: ``friction`` is what the cost remembers of earlier trades."""

    position: Float[Array, "*batch instrument"]
    memory: PyTree
    friction: PyTree = None
    orders: Orders | None = None


class Ledger(eqx.Module):
    """What happened on a path. ``wealth = liability + sum(gain) - sum(cost)``, in units of the numeraire.

    ``position`` and ``trade`` in units; ``cost`` and ``gain`` of each step, the cost of closing out in the last one;
    ``weight`` how much the path counts beside others, where the market says so. ``charge`` is the part of ``cost`` that
    was paid for holding, ``tradable`` what could be dealt in, ``usage`` the share used of each limit that has a name.
    """

    position: Float[Array, "*batch step instrument"]
    trade: Float[Array, "*batch step instrument"]
    cost: Float[Array, "*batch step"]
    gain: Float[Array, "*batch step"]
    liability: Float[Array, "*batch"]
    wealth: Float[Array, "*batch"]
    weight: Float[Array, "*batch"] | None = None
    charge: Float[Array, "*batch step"] | None = None
    tradable: Bool[Array, "*batch step instrument"] | None = None
    usage: Float[Array, "*batch step limit"] | None = None


class _Encoded(AbstractPolicy):
    """A policy whose observations have been encoded already, all points at once."""

    policy: AbstractPolicy

    def init(self) -> PyTree:
        return self.policy.init()

    def encode(self, observation: PyTree) -> PyTree:
        return observation

    def __call__(self, encoded: PyTree, position: Array, state: PyTree) -> tuple[Array, PyTree]:
        return self.policy(encoded, position, state)


def decide(problem: HedgingProblem, policy: AbstractPolicy, desk: Desk, now: Snapshot) -> tuple[Desk, Trade, Cash]:
    """One decision. Training scans it, backtests scan it, serving calls it. What has expired is held, not traded.

    The policy is asked from the position that the desk will have once its orders are dealt; the trade is what is dealt
    at this point, which without delays is what was just decided.
    """
    count = len(problem.instruments)
    orders = problem.execution.init(count) if desk.orders is None else desk.orders
    settled = desk.position if orders is None else desk.position + orders.waiting()
    target, memory = policy(policy.encode(now.observation), settled, desk.memory)
    position = problem.constraint.at(now.limits)(target, settled)
    if now.tradable is not None:
        position = jnp.where(now.tradable, position, settled)
    if orders is not None:
        orders, dealt = _halted(*problem.execution(orders, position - settled, now.quotes), now.tradable)
        position = desk.position + dealt
    trade = position - desk.position
    state = problem.cost.init(count) if desk.friction is None else desk.friction
    friction, cost = _paid(problem.cost, state, desk.position, trade, now)
    return Desk(position, memory, friction, orders), trade, cost


def start(problem: HedgingProblem, policy: AbstractPolicy) -> Desk:
    """The desk before its first decision."""
    count = len(problem.instruments)
    position = jnp.broadcast_to(problem.initial, (count,))
    return Desk(position, policy.init(), problem.cost.init(count), problem.execution.init(count))


def snapshots(problem: HedgingProblem, path: MarketPath) -> Snapshot:
    """What is known at each point of a path, or of the part of it seen so far; points lead."""
    instruments = problem.instruments
    observation = {feature.name: feature(path) for feature in problem.features}
    price = jnp.stack([instrument.price(path) for instrument in instruments], axis=-1)
    tradable = jnp.stack([instrument.tradable(path) for instrument in instruments], axis=-1)
    limits = problem.constraint.measure(path, instruments, problem.liability)
    rolls, closing = None, None
    if any(type(each).rolls is not AbstractTradable.rolls for each in instruments):
        rolls = jnp.stack([each.rolls(path) for each in instruments], axis=-1)
        closing = jnp.stack([each.closing(path) for each in instruments], axis=-1)
    return Snapshot(observation, price, {"time": path.times} | path.quotes, tradable, limits, rolls, closing)


def rollout(problem: HedgingProblem, policy: AbstractPolicy, path: MarketPath) -> Ledger:
    """Follow a policy along one path: a scan of ``decide``."""
    seen = snapshots(problem, path)
    now = jax.tree.map(lambda x: x[:-1], seen)
    now = eqx.tree_at(
        lambda now: now.observation, now, jax.vmap(policy.encode, axis_size=now.price.shape[0])(now.observation)
    )
    encoded = _Encoded(policy)

    def step(desk: Desk, now: Snapshot) -> tuple[Desk, tuple]:
        held = desk.position
        desk, trade, cost = decide(problem, encoded, desk, now)
        used = problem.constraint.at(now.limits).usage(desk.position, held)
        return desk, (desk.position, trade, cost, used)

    # the backward pass keeps matrix products and does the cheap rest again: less memory to move than either extreme
    step = jax.checkpoint(step, policy=jax.checkpoint_policies.dots_saveable, prevent_cse=False)
    desk, (position, trade, cost, usage) = lax.scan(step, start(problem, policy), now)
    if problem.close_out:
        price, quotes, tradable = jax.tree.map(lambda x: x[-1], (seen.price, seen.quotes, seen.tradable))
        closing = jnp.where(tradable, -desk.position, 0.0)
        left = problem.cost.step(desk.friction, closing, price, quotes)[1] / path.numeraire[-1]
    cash = jnp.stack([instrument.cashflows(path) for instrument in problem.instruments], axis=-1)
    owed = problem.liability.cashflows(path)
    paid, charge = cost / path.numeraire[:-1], None
    if problem.funding is not None:
        held = Holdings(position, now.price, cash[1:], jnp.zeros_like(cost), jnp.diff(path.times), now.quotes)
        bought = jnp.sum(trade * now.price, axis=-1).at[0].add(jnp.sum(problem.initial * now.price[0]))
        income = jnp.sum(position[:-1] * cash[1:-1], axis=-1)
        flow = owed[:-1] - bought - cost + jnp.concatenate([jnp.zeros(1, income.dtype), income])
        charge = charged(problem.funding, path, held, flow) / path.numeraire[1:]
        paid = paid + charge
    paid = paid.at[-1].add(left) if problem.close_out else paid
    unit = path.numeraire[:, None]
    gain = jnp.sum(position * (jnp.diff(seen.price / unit, axis=0) + (cash / unit)[1:]), axis=-1)
    liability = jnp.sum(owed / path.numeraire)
    wealth = liability + jnp.sum(gain) - jnp.sum(paid)
    return Ledger(position, trade, paid, gain, liability, wealth, path.weight, charge, now.tradable, usage)


def evaluate(problem: HedgingProblem, policies: dict[str, AbstractPolicy], paths: MarketPath) -> dict[str, Ledger]:
    """Follow each policy along the same batch of paths (path axis leading)."""
    require(paths.times.ndim == 2, "evaluate needs a batch of paths; follow one path with rollout", ProblemError)
    problem.constraint.check(jax.tree.map(lambda x: x[0], paths), problem.instruments, problem.liability)
    return {name: gathered(_follow(problem, policy, paths)) for name, policy in policies.items()}


def follow(problem: HedgingProblem, policy: AbstractPolicy, paths: MarketPath) -> Ledger:
    """``rollout`` along a batch of paths, in chunks on all devices. To be called inside ``jit``."""
    arrays, rest = eqx.partition((problem, policy), eqx.is_array)

    def work(common: PyTree, index: Array, weight: Array) -> tuple[tuple, Ledger]:
        problem, policy = eqx.combine(common[0], rest)
        chunk = jax.tree.map(lambda x: x[index], common[1])
        return (), jax.vmap(lambda path: rollout(problem, policy, path))(chunk)

    return over_paths(work, (arrays, paths), paths.times.shape[0])[1]


_follow = eqx.filter_jit(follow)


def _halted(orders: Orders, trade: Trade, tradable: Bool[Array, " instrument"] | None) -> tuple[Orders, Trade]:
    """What cannot be dealt in is not dealt, and its orders are gone."""
    if tradable is None:
        return orders, trade
    kept = jax.tree.map(lambda x: jnp.where(tradable, x, 0.0), orders)
    return kept, jnp.where(tradable, trade, 0.0)


def _paid(cost: AbstractCost, state: PyTree, held: Trade, trade: Trade, now: Snapshot) -> tuple[PyTree, Cash]:
    """The cost of a trade; what rolls is closed in the old contract and opened in the new, both at cost."""
    if now.rolls is None or now.closing is None:
        return cost.step(state, trade, now.price, now.quotes)
    closed = jnp.where(now.rolls, -held, 0.0)
    state, first = cost.step(state, closed, now.closing, now.quotes)
    state, second = cost.step(state, trade - closed, now.price, now.quotes)
    return state, first + second


def _expires_inside(contract: AbstractContract, grid: TimeGrid) -> None:
    """The ``expiry`` of every contract in the liability, however deep in books, must lie on the grid.

    What a contract that says when it ends is written on may live longer: its value then is all that is paid.
    """

    def ends(node: object) -> bool:
        return isinstance(node, AbstractContract) and getattr(node, "expiry", None) is not None

    for date in (node.expiry for node in jax.tree.leaves(contract, is_leaf=ends) if ends(node)):
        if any(isinstance(x, Tracer) for x in (date, grid.times)):
            continue
        end, latest = float(np.asarray(grid.times)[-1]), float(np.asarray(date).max())
        require(
            end >= latest - slack(latest),
            f"the liability expires at {latest:.6g} years, after the grid ends at {end:.6g}; "
            "lengthen the grid, or it would never pay",
            ProblemError,
        )
