"""Laws of the policies: every member, learnt or not, passes all of them."""

import functools
import io
import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i
from deephedge import policies as p
from deephedge.core.errors import MissingFeature
from deephedge.policies.base import Scaler
from deephedge.pricing import black

# Small programs, each run once or twice: a third of the time goes if XLA does not polish them.
quick_jit = functools.partial(
    eqx.filter_jit,
    compiler_options={"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True},
)
STEPS, EXPIRY, LATER, LENGTH = 8, 0.1, 0.3, 4
HELD = ("spot", "listed", "mark")
OPTION, WINDOWS, GREEKS = ("log_moneyness", "time_left", "vol"), ("returns", "vols"), ("delta", "gamma", "vega")
SOLD = i.short(i.EuropeanCall("SPX", strike=1.0, expiry=EXPIRY))
PROBLEM = dh.HedgingProblem(
    grid=dh.TimeGrid.uniform(maturity=EXPIRY, steps=STEPS),
    liability=SOLD,
    instruments=(i.Spot("SPX"), i.Spot("listed")),
    features=(
        f.LogMoneyness("SPX", 1.0), f.TimeLeft(EXPIRY), f.Quote("SPX.vol", "vol"),
        f.Window(f.LogReturn("SPX"), LENGTH, "returns"), f.Window(f.Quote("SPX.vol", "v"), LENGTH, "vols"),
        *(f.Price(i.Spot(name), feature) for name, feature in zip(("SPX", "listed"), HELD[:2], strict=True)),
        f.Price(SOLD, "mark"),
        *(f.Quote(before + greek, before + greek) for before in ("", "hedge_") for greek in GREEKS),
        f.Buckets((SOLD, i.Spot("SPX"), i.Spot("listed")), ("SPX", "listed")), f.Positions(SOLD, ("SPX", "SPX.vol")),
    ),
    cost=dh.frictions.ProportionalCost(1e-3),
    initial=(0.3, -0.1),
)  # fmt: skip
ROWS = {"log_moneyness": (0.0, 0.05), "time_left": (0.05, 0.03), "vol": (0.2, 0.03), "returns": (0.0, 0.02),
        "vols": (0.2, 0.03), "wealth": (0.0, 0.02)}  # fmt: skip


def with_wealth(policy: p.AbstractPolicy) -> p.WithWealth:
    return p.WithWealth(policy, PROBLEM.cost, prices=HELD[:2], liability="mark")


LEARNT = {
    "MLP": lambda key: p.MLP(OPTION, key=key, instruments=2, width=8),
    "MLP on windows, position unseen": lambda key: p.MLP(
        (*OPTION, "returns"), key=key, instruments=2, width=8, inputs=3 + LENGTH, semi_recurrent=False
    ),
    "MLP on delta": lambda key: p.MLP(OPTION, key=key, instruments=2, width=8, baseline=p.BlackScholesDelta()),
    "GRU": lambda key: p.GRU(OPTION, key=key, instruments=2, width=8),
    "GRU on band": lambda key: p.GRU(
        OPTION, key=key, instruments=2, width=8, baseline=p.WhalleyWilmott(cost=1e-3, risk_aversion=10.0)
    ),
    "LSTM": lambda key: p.LSTM(OPTION, key=key, instruments=2, width=8),
    "LSTM, position unseen": lambda key: p.LSTM(OPTION, key=key, instruments=2, width=8, semi_recurrent=False),
    "Attention": lambda key: p.Attention(WINDOWS, OPTION, key=key, length=LENGTH, instruments=2, width=8),
    "CNN": lambda key: p.CNN(WINDOWS, OPTION, key=key, length=LENGTH, instruments=2, width=8),
    "CNN on delta": lambda key: p.CNN(
        WINDOWS, key=key, length=LENGTH, instruments=2, width=8, kernel=3, semi_recurrent=False, baseline=p.Delta()
    ),
    "band": lambda key: p.NoTransactionBand(OPTION, key=key, instruments=2, width=8),
    "band on delta-gamma": lambda key: p.NoTransactionBand(
        OPTION, key=key, instruments=2, width=8, centre=p.DeltaGamma()
    ),
    "DeepSet on buckets": lambda key: p.DeepSet(
        OPTION, columns=4, key=key, instruments=2, width=8, depth=1, baseline=p.BucketHedge()
    ),
    "GRU that sees its wealth": lambda key: with_wealth(p.GRU((*OPTION, "wealth"), key=key, instruments=2, width=8)),
}
BASELINES = {
    "no hedge": p.NoHedge(),
    "static": p.Static((0.5, -0.25)),
    "Black-Scholes delta": p.BlackScholesDelta(kind="put", units=2.0, carry=0.02, dividend=0.01),
    "delta": p.Delta(units=2.0),
    "minimum variance": p.MinimumVarianceDelta((-0.2, 0.1, -0.3)),
    "Leland": p.Leland(cost=1e-3, step=EXPIRY / STEPS, units=-1.0),
    "Whalley-Wilmott": p.WhalleyWilmott(cost=1e-3, risk_aversion=10.0),
    "delta-vega": p.DeltaVega(),
    "delta-gamma": p.DeltaGamma(units=2.0),
    "buckets": p.BucketHedge(),
}


def measured(policy: p.AbstractPolicy) -> p.AbstractPolicy:
    """``policy`` with scalers such as training would have measured."""
    is_scaler = lambda node: isinstance(node, Scaler)  # noqa: E731
    reads = getattr(policy.policy if isinstance(policy, p.WithWealth) else policy, "features", ())
    columns = [(*ROWS[name], LENGTH if name in WINDOWS else 1) for name in reads]
    mean, scale = (np.concatenate([np.full(c[2], c[k]) for c in columns] or [[]]) for k in (0, 1))
    unit, offset = jnp.array([0.5, 2.0]), jnp.array([0.1, -0.3])
    known = Scaler(jnp.asarray(mean, "f"), jnp.asarray(scale, "f"), unit, offset, True)
    return jax.tree.map(lambda node: known if is_scaler(node) else node, policy, is_leaf=is_scaler)


MEMBERS = {name: measured(make(jax.random.key(1))) for name, make in LEARNT.items()} | BASELINES
every_member = pytest.mark.parametrize("policy", MEMBERS.values(), ids=MEMBERS.keys())
every_learnt = pytest.mark.parametrize("name", LEARNT)


def greeks(spot: np.ndarray, vol: np.ndarray, left: np.ndarray) -> dict[str, np.ndarray]:
    """Those of the option sold, and of a listed one 5 % further out that lives longer."""
    ours = {greek: getattr(black, greek)(spot, 1.0, vol, left) for greek in GREEKS}
    hedge = {f"hedge_{greek}": getattr(black, greek)(spot, 1.05, vol, left + LATER - EXPIRY) for greek in GREEKS}
    return ours | hedge


def paths(number: int) -> dh.MarketPath:
    """Spot and volatility that move together, and quotes for a listed option and the sensitivities."""
    rng, dt = np.random.default_rng(5), EXPIRY / STEPS
    z = rng.standard_normal((2, number, STEPS))
    vol = 0.2 * np.exp(np.cumsum(0.1 * z[0], -1) - 0.05)
    move = vol * np.sqrt(dt) * (-0.7 * z[0] + 0.7 * z[1])
    start = np.zeros((number, 1))
    spot, vol = np.exp(np.hstack([start, np.cumsum(move, -1)])), np.hstack([start + 0.2, vol])
    times = np.broadcast_to(np.linspace(0, EXPIRY, STEPS + 1), spot.shape)
    quotes = {"SPX": spot, "SPX.vol": vol, "listed": black.price(spot, 1.05, vol, LATER - times)}
    quotes |= greeks(spot, vol, EXPIRY - times)
    return dh.MarketPath(*jax.tree.map(jnp.float32, (times, quotes, np.ones_like(spot))))


PATHS = paths(STEPS + 1)
follow = quick_jit(lambda policy, paths: jax.vmap(lambda path: dh.rollout(PROBLEM, policy, path))(paths))
decide = quick_jit(lambda policy, desk, now: dh.decide(PROBLEM, policy, desk, now))


def pick(tree, n: int):
    return jax.tree.map(lambda x: x[n], tree)


SNAPSHOTS = jax.jit(jax.vmap(lambda path: dh.snapshots(PROBLEM, path)))(PATHS)
SEEN = [[pick(pick(SNAPSHOTS, n), point) for point in range(STEPS)] for n in range(2)]


@every_member
def test_adapted(policy):
    """What happens after a point changes nothing up to it."""
    later = jnp.arange(STEPS + 1) > jnp.arange(STEPS + 1)[:, None]  # path n differs after point n
    quotes = {name: jnp.where(later, 1.3 * x[:1] + 0.1, x[:1]) for name, x in PATHS.quotes.items()}
    position = follow(policy, dh.MarketPath(PATHS.times, quotes, PATHS.numeraire)).position
    for point in range(STEPS):
        np.testing.assert_array_equal(position[point, : point + 1], position[-1, : point + 1])


@every_member
def test_a_loop_of_decisions_is_the_rollout_of_a_batch(policy):
    """Live code, handed one point of one path after another, holds what the batched rollout held."""
    batch = follow(policy, PATHS).position
    for n, seen in enumerate(SEEN):
        desk, positions = dh.start(PROBLEM, policy), []
        for now in seen:
            desk, _, _ = decide(policy, desk, now)
            positions.append(desk.position)
        np.testing.assert_allclose(jnp.stack(positions), batch[n], rtol=2e-5, atol=2e-6)


@every_learnt
def test_saved_leaves_restore_the_policy(name):
    """Weights, scaler and baseline come back bit for bit into a policy made from another key."""
    policy, file = MEMBERS[name], io.BytesIO()
    eqx.tree_serialise_leaves(file, policy)
    file.seek(0)
    again = eqx.tree_deserialise_leaves(file, measured(LEARNT[name](jax.random.key(2))))
    assert eqx.tree_equal(again, policy)
    np.testing.assert_array_equal(follow(again, PATHS).position, follow(policy, PATHS).position)


def extremes() -> dict[str, np.ndarray]:
    """Every combination of calm and wild, near and far, early and expired."""
    grid = itertools.product((-5.0, -1e-3, 0.0, 5.0), (0.0, 1e-6, 0.1), (1e-6, 0.2, 5.0))
    x, left, vol = np.array(list(grid), np.float32).T
    seen = {"log_moneyness": x, "time_left": left, "vol": vol, **greeks(np.exp(x), vol, left)}
    seen |= {"spot": np.exp(x), "listed": np.exp(x), "mark": -np.exp(x)}
    seen |= {"returns": np.repeat(x[:, None], LENGTH, 1), "vols": np.repeat(vol[:, None], LENGTH, 1)}
    owed, nothing = seen["delta"], np.zeros_like(x)
    rows = ((-owed, nothing), (nothing + 1, nothing), (nothing, nothing + 1))
    seen |= {"buckets": np.stack([np.stack(row, -1) for row in rows], 1)}
    seen |= {"positions": np.stack([nothing - 1, -np.exp(x), -owed, -seen["vega"]], -1)[:, None]}
    return {name: jnp.asarray(column, "f") for name, column in seen.items()}


@every_member
def test_extreme_observations_stay_finite(policy):
    """Positions, and their derivatives to every parameter, the position and the features."""
    parameters, fixed = eqx.partition(policy, eqx.is_inexact_array)

    @jax.vmap
    def respond(observation):
        def wanted(parameters, observation, position):
            policy = eqx.combine(parameters, fixed)
            return policy(policy.encode(observation), position, policy.init())

        value, pull = jax.vjp(wanted, parameters, observation, jnp.array([0.4, -0.2]))
        return value, pull(jax.tree.map(jnp.ones_like, value))

    for leaf in jax.tree.leaves(quick_jit(respond)(extremes())):
        assert np.isfinite(leaf).all()


@every_learnt
def test_training_moves_the_network_and_nothing_else(name):
    """Neither gradients nor weight decay reach a scaler or a baseline; every weight of the network learns."""
    policy, optimiser = MEMBERS[name], optax.adamw(1e-2, weight_decay=0.1)
    parameters, fixed = eqx.partition(policy, p.trainable(policy))

    @quick_jit
    def update(parameters):
        def loss(parameters):
            policy = eqx.combine(parameters, fixed)
            wealth = jax.vmap(lambda path: dh.rollout(PROBLEM, policy, path).wealth)(PATHS)
            return jnp.mean(jnp.square(wealth))

        gradient = jax.grad(loss)(parameters)
        step, _ = optimiser.update(gradient, optimiser.init(parameters), parameters)
        return eqx.apply_updates(parameters, step), gradient

    trained, gradient = update(parameters)
    after = eqx.combine(trained, fixed)
    for still in ("scaler", "baseline", "centre", "account"):
        assert eqx.tree_equal(getattr(after, still, None), getattr(policy, still, None))
    assert all(np.any(leaf) for leaf in jax.tree.leaves(gradient)), "a weight that nothing can teach"


@pytest.mark.parametrize("name", [name for name in LEARNT if getattr(MEMBERS[name], "baseline", None)])
def test_a_residual_that_says_nothing_is_its_baseline(name):
    policy = MEMBERS[name]

    def last(q):
        return q.head.weight if hasattr(q, "head") else getattr(q, "outer", getattr(q, "layers", None)).weights[-1]

    silenced = eqx.tree_at(lambda q: (last(q), q.scaler.offset), policy, replace_fn=jnp.zeros_like)
    expected = follow(policy.baseline.policy, PATHS).position
    np.testing.assert_allclose(follow(silenced, PATHS).position, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", [name for name in MEMBERS if name not in ("no hedge", "static")])
def test_a_missing_feature_is_named(name):
    """The error names a feature that is lacking and the nearest that is there."""
    almost = {f"{feature}_": value for feature, value in SEEN[0][0].observation.items()}
    with pytest.raises(MissingFeature, match=r"needs the feature '(\w+)', .* does not offer: did you mean '\1_'\?"):
        MEMBERS[name].encode(almost)


@every_member
def test_float64(policy):
    """In double precision a policy stays in double precision and decides the same."""
    desk, _, _ = decide(policy, dh.start(PROBLEM, policy), SEEN[0][0])
    with jax.enable_x64(True):
        policy, problem, now = jax.tree.map(
            lambda x: jnp.asarray(x, "d") if eqx.is_inexact_array(x) else x, (policy, PROBLEM, SEEN[0][0])
        )
        double, _, cost = dh.decide(problem, policy, dh.start(problem, policy), now)
        assert all(x.dtype == np.float64 for x in jax.tree.leaves((double, cost)))
        np.testing.assert_allclose(np.asarray(double.position), desk.position, rtol=1e-4, atol=1e-5)
