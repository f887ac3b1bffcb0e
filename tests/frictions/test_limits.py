"""Limits: never broken, nearest, differentiable, and in conflict with each other by name."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

import deephedge as dh
from deephedge import features as f
from deephedge import frictions as c
from deephedge import instruments as i
from deephedge.core.errors import ProblemError
from deephedge.frictions.sets import Band, Diamond, Ellipsoid

COUNT = 3
BOX = c.Box(-1.5, [1.0, 2.0, 3.0], trade=2.5)
NAMES = ("a", "b", "gross", "turnover", "risk")


class Named(c.AbstractLimit):
    name: str = eqx.field(static=True)

    def measure(self, path, instruments, liability):
        raise NotImplementedError


LIMITS = c.Limits(tuple(Named(name) for name in NAMES), BOX)


def state(key):
    """Sets that some position in reach of the one held keeps with a tenth to spare, and a wish that may be far off."""
    keys = jax.random.split(key, 9)
    low, high = jnp.broadcast_to(BOX.lower, (COUNT,)), jnp.broadcast_to(BOX.upper, (COUNT,))
    inside = jax.random.uniform(keys[0], (COUNT,), minval=0.9 * low, maxval=0.9 * high)
    before = jnp.clip(inside + jax.random.uniform(keys[1], (COUNT,), minval=-2.2, maxval=2.2), low, high)
    slopes = jax.random.normal(keys[2], (2, COUNT)) * jnp.exp(2 * jax.random.normal(keys[3], (2, 1)))
    offsets = jax.random.normal(keys[4], (2,)) * 2
    weight = jnp.exp(jax.random.normal(keys[5], (2, COUNT)))
    matrix, offset = jax.random.normal(keys[6], (4, COUNT)), jax.random.normal(keys[7], (4,))
    values = jnp.abs(slopes @ inside + offsets)
    bands = [Band(slopes[n], offsets[n], -1.1 * values[n], 1.1 * values[n]) for n in range(2)]
    away = jnp.stack([inside, inside - before])
    diamonds = [Diamond(weight[n], 1.1 * jnp.sum(weight[n] * jnp.abs(away[n])), moving=n == 1) for n in range(2)]
    risk = Ellipsoid.of(matrix, offset, 1.1 * jnp.linalg.norm(matrix @ inside + offset))
    return (*bands, *diamonds, risk), before, before + 4 * jax.random.normal(keys[8], (COUNT,))


@eqx.filter_jit
def projected(keys):
    def one(key):
        sets, before, wanted = state(key)
        limits = LIMITS.at(sets)
        found = limits(wanted, before)
        return found, jnp.max(limits.usage(found, before)), BOX(found, before) - found, limits.usage(wanted, before)

    return jax.lax.map(one, keys, batch_size=1024)


def test_no_limit_is_ever_broken_where_one_can_keep_them():
    """Four thousand random states here, a million in the long proof."""
    check_states(jax.random.split(jax.random.key(0), 1024))


@pytest.mark.slow
def test_nor_on_a_million_states():
    check_states(jax.random.split(jax.random.key(17), 2**20))


def check_states(keys):
    found, worst, moved, before = projected(keys)
    assert jnp.isfinite(found).all() and (jnp.abs(moved) < 1e-6).all()
    assert (before.max(axis=-1) > 1).mean() > 0.9, "the wishes were harmless"
    assert float(worst.max()) <= 1.0, (float(worst.max()), int((worst > 1).sum()))


def nearest(sets, before, wanted):
    """The same problem by SLSQP in float64."""
    sets, before, wanted = jax.tree.map(lambda x: np.asarray(x, np.float64), (sets, before, wanted))
    first, second, gross, turnover, risk = sets
    low = np.maximum(np.broadcast_to(BOX.lower, COUNT), before - 2.5)
    high = np.minimum(np.broadcast_to(BOX.upper, COUNT), before + 2.5)

    def spare(x):
        y = risk.axes.T @ (x - risk.centre)
        return np.array([
            *(s.upper - (s.slope @ x + s.offset) for s in (first, second)),
            *(s.slope @ x + s.offset - s.lower for s in (first, second)),
            gross.radius - np.sum(gross.weight * np.abs(x)),
            turnover.radius - np.sum(turnover.weight * np.abs(x - before)),
            risk.radius**2 - risk.squares @ y**2 - risk.rest,
        ])  # fmt: skip

    best = None
    for begin in (np.clip(wanted, low, high), before, np.clip(0.5 * (wanted + before), low, high)):
        found = minimize(
            lambda x: 0.5 * np.sum((x - wanted) ** 2), begin, jac=lambda x: x - wanted, method="SLSQP",
            bounds=list(zip(low, high, strict=True)), constraints={"type": "ineq", "fun": spare},
            options={"maxiter": 300, "ftol": 1e-12},
        )  # fmt: skip
        if spare(found.x).min() > -1e-6 and (best is None or found.fun < best.fun):
            best = found
    return best


@pytest.mark.slow
def test_the_position_is_the_nearest_that_keeps_them():
    excess = []
    keys = jax.random.split(jax.random.key(0), 1024)[:40]
    states, ours = jax.vmap(state)(keys), projected(jax.random.split(jax.random.key(0), 1024))[0]
    for n in range(40):
        sets, before, wanted = jax.tree.map(lambda x, n=n: x[n], states)
        exact = nearest(sets, before, wanted)
        if exact is not None:
            found = np.asarray(ours[n], np.float64)
            excess.append(np.linalg.norm(found - wanted) / np.linalg.norm(exact.x - wanted) - 1)
    excess = np.array(excess)
    assert excess.size > 30 and excess.min() > -1e-4
    assert np.median(excess) < 2e-3 and np.quantile(excess, 0.9) < 0.04 and excess.max() < 0.3, excess


def test_what_keeps_them_already_is_left_alone_and_derivatives_are_those_of_the_projection():
    band = Band(jnp.array([1.0, 2.0, 0.0]), jnp.array(0.5), jnp.array(-1.0), jnp.array(1.0))
    limits = c.Limits((Named("a"),)).at((band,))
    quiet = jnp.array([0.1, -0.1, 5.0])
    np.testing.assert_allclose(limits(quiet, jnp.zeros(3)), quiet, atol=1e-6)
    slope = jax.jit(jax.jacobian(lambda x: limits(x, jnp.zeros(3))))
    np.testing.assert_allclose(slope(quiet), np.eye(3), atol=1e-6)
    normal = np.array([1.0, 2.0, 0.0]) / np.sqrt(5)
    np.testing.assert_allclose(slope(jnp.array([3.0, 3.0, 1.0])), np.eye(3) - np.outer(normal, normal), atol=1e-4)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=3, max_size=3), st.floats(0.0, 4.0))
def test_the_nearest_point_of_a_diamond(x, radius):
    weight, x = np.array([0.5, 1.0, 2.0]), np.array(x)
    found = np.asarray(_diamond(jnp.asarray(weight), jnp.asarray(radius), jnp.asarray(x)), np.float64)
    assert weight @ np.abs(found) <= radius + 1e-4
    # Optimal where no point of the set lies further along the way that is left to x: checked at its corners.
    corners = [sign * radius / weight[n] * np.eye(3)[n] for n in range(3) for sign in (1, -1)]
    assert max((x - found) @ (corner - found) for corner in corners) < 1e-3 * (1 + np.abs(x).max() ** 2)


@jax.jit
def _diamond(weight, radius, x):
    weight, radius, x = (v.astype(jnp.float32) for v in (weight, radius, x))
    return Diamond(weight, radius).project(x, x)


GRID = dh.TimeGrid.uniform(maturity=0.5, steps=6)
CALL = i.EuropeanCall("A", 1.0, 0.5)
MARKET = dh.markets.BlackScholes("A", vol=0.3, rate=0.02)
EVERY = (
    c.delta_limit("A", 0.2), c.gamma_limit("A", 30.0), c.vega_limit("A.vol", 0.3), c.NetLimit(1.5), c.GrossLimit(2.0),
    c.margin_limit(0.5, (0.2, 0.5)), c.TurnoverLimit(1.0), c.ScenarioLimit("crash", 0.2, {"A": 0.8}, {"A.vol": 0.1}),
    c.ValueAtRisk(0.05, ("A", "A.vol"), ("A.vol", 0.6), [[1, -0.7], [-0.7, 1]]),
)  # fmt: skip


def problem(limits, **more):
    return dh.HedgingProblem(
        GRID, i.sold(CALL), (i.Spot("A"), i.EuropeanCall("A", 1.1, 1.0)), (f.TimeLeft(0.5),), constraint=limits, **more
    )


@pytest.mark.slow
def test_on_a_path_every_kind_of_limit_is_what_it_says():
    told = problem(c.Limits(EVERY))
    paths = dh.sample(MARKET, GRID, 64, key=jax.random.key(3), method="random")
    ledger = dh.evaluate(told, {"wild": dh.policies.Static((4.0, -3.0))}, paths)["wild"]
    assert float(ledger.usage.max()) <= 1.0 and ledger.usage.shape == (64, 6, len(EVERY))
    assert (np.asarray(ledger.usage) > 0.99).any(axis=(0, 1)).sum() >= 3, "which ones bind?"
    path = jax.tree.map(lambda x: x[0], paths)
    held, before = ledger.position[0], np.concatenate([np.zeros((1, 2)), ledger.position[0][:-1]])
    spot, vol, time = np.asarray(path.quotes["A"])[:6], 0.3, np.asarray(path.times)[:6]
    price = np.stack([np.asarray(each.price(path))[:6] for each in told.instruments], -1)
    greek = {
        kind: np.stack([np.asarray(getattr(f, kind)(each)(path))[:6] for each in (*told.instruments[1:], CALL)], -1)
        for kind in ("Delta", "Gamma", "Vega")
    }
    delta = held[:, 0] + held[:, 1] * greek["Delta"][:, 0] - greek["Delta"][:, 1]
    gamma, vega = (held[:, 1] * greek[kind][:, 0] - greek[kind][:, 1] for kind in ("Gamma", "Vega"))
    value = np.asarray(held) * price

    def crash(contract, strike, expiry):
        from deephedge.pricing import black

        left = expiry - time
        return [
            np.exp(-0.02 * left) * np.asarray(black.price(s * np.exp(0.02 * left), strike, v, left, True))
            for s, v in ((0.8 * spot, vol + 0.1), (spot, vol))
        ]

    (far, far_now), (own, own_now) = crash(None, 1.1, 1.0), crash(None, 1.0, 0.5)
    loss = -(held[:, 0] * -0.2 * spot + held[:, 1] * (far - far_now) - (own - own_now))
    risks = np.stack([delta * spot * vol, vega * vol * 0.6], -1) / np.sqrt(252)
    cov = np.array([[1, -0.7], [-0.7, 1]])
    var = 2.3263479 * np.sqrt(np.einsum("ti,ij,tj->t", risks, cov, risks))
    expected = [
        np.abs(delta) / 0.2, np.abs(gamma) / 30, np.abs(vega) / 0.3, np.abs(value.sum(-1)) / 1.5,
        np.abs(value).sum(-1) / 2, (np.abs(value) * [0.2, 0.5]).sum(-1) / 0.5,
        (np.abs(held - before) * price).sum(-1) / 1.0, loss / 0.2, var / 0.05,
    ]  # fmt: skip
    np.testing.assert_allclose(ledger.usage[0], np.stack(expected, -1), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("limits, names", [
    (c.Limits((c.delta_limit("A", 0.1),), c.Box(upper=(0.1, 0.0), lower=0.0)), "'delta A' and 'box'"),
    pytest.param(
        c.Limits((c.NetLimit(100.0), c.delta_limit("A", 0.1), c.GrossLimit(0.05))), "'delta A' and 'gross'",
        marks=pytest.mark.slow,
    ),
])  # fmt: skip
def test_limits_that_exclude_each_other_are_named(limits, names):
    paths = dh.sample(MARKET, GRID, 2, key=jax.random.key(3), method="random")
    with pytest.raises(ProblemError, match=rf"years into the path: {names} exclude each other"):
        dh.evaluate(problem(limits), {"none": dh.policies.NoHedge()}, paths)


@pytest.mark.parametrize("make, message", [
    (lambda: c.Limits(()), "needs limits, got none"),
    (lambda: c.Limits((c.NetLimit(1.0), c.NetLimit(2.0))), r"two limits are called \['net'\]"),
    (lambda: c.delta_limit("A", 1.0, 0.5), "least must be 0 or less, was 0.5"),
    (lambda: c.GrossLimit(-1.0), "most must be 0 or more"),
    (lambda: c.ScenarioLimit("calm", 1.0), "moves no quote"),
    (lambda: c.ValueAtRisk(1.0, ("A",), (0.2, 0.3)), "one volatility for each quote"),
    (lambda: c.ValueAtRisk(1.0, ("A",), (0.2,), level=0.4), "level must be within"),
    (lambda: c.ValueAtRisk(1.0, ("A", "B"), (0.2, 0.2), [[1, 2], [2, 1]]), "positive semi-definite"),
    (lambda: c.Limits((c.NetLimit(1.0),))(jnp.zeros(1), jnp.zeros(1)), "known where `measure` was asked"),
])  # fmt: skip
def test_bad_limits_are_refused(make, message):
    with pytest.raises(ProblemError, match=message):
        make()
