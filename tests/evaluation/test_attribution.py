"""Profit and loss explained: sums to the ledger, closed-form Greeks, and what is left falls as it must."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

import deephedge as dh
from deephedge import features as f
from deephedge import frictions as c
from deephedge import instruments as i
from deephedge.core.errors import ProblemError
from deephedge.evaluation.attribution import TERMS, attribute

KEY = jax.random.key(3)
VOL, RATE = 0.25, 0.04


def follow(problem, units, paths):
    return dh.evaluate(problem, {"held": dh.policies.Static(units)}, paths)["held"]


def problem_of(liability, *instruments, grid, **more):
    return dh.HedgingProblem(grid, liability, instruments, (f.TimeLeft(1.0),), **more)


def quoted(times, rng, paths, vol_of_vol=0.0, rate=RATE):
    """Paths made by hand: a price, its volatility, a rate and a dividend yield."""
    step = np.diff(times)
    shocks = rng.normal(size=(2, paths, step.size)) * np.sqrt(step)
    start = np.zeros((paths, 1))
    vol = VOL * np.exp(np.c_[start, np.cumsum(vol_of_vol * shocks[1], axis=1)])
    moves = vol[:, :-1] * shocks[0] - 0.5 * vol[:, :-1] ** 2 * step
    quotes = {
        "A": np.exp(np.c_[start, np.cumsum(moves, axis=1)]),
        "A.vol": vol,
        "A.dividend": np.full_like(vol, 0.02),
        "rate": np.full_like(vol, rate),
    }
    arrays = {name: jnp.asarray(each, float) for name, each in quotes.items()}
    time = jnp.broadcast_to(jnp.asarray(times, float), vol.shape)
    return dh.MarketPath(time, arrays, jnp.exp(rate * time))


def test_a_call_by_the_greeks_of_black_and_scholes():
    """Short call and spot, at a cost and a fee: every term beside its closed form, the sum to the last digit."""
    times = np.linspace(0.0, 0.25, 7)
    paths = quoted(times, np.random.default_rng(0), 5, vol_of_vol=1.0)
    call = i.EuropeanCall("A", 1.0, 0.25)
    problem = problem_of(
        i.short(call), i.Spot("A"), grid=dh.TimeGrid(jnp.asarray(times)), cost=c.ProportionalCost(1e-3),
        close_out=True, funding=c.BorrowFee(0.05),
    )  # fmt: skip
    ledger = follow(problem, [-0.6], paths)
    found = attribute(problem, ledger, paths)
    assert tuple(found.terms) == TERMS
    np.testing.assert_allclose(sum(found.total().values()), np.asarray(ledger.wealth, float), rtol=1e-12)

    s, vol = (np.asarray(paths.quotes[name], float) for name in ("A", "A.vol"))
    unit, left, q = np.exp(RATE * times), (0.25 - times)[:-1], 0.02
    ds, dvol, dt, s0, v0 = np.diff(s), np.diff(vol), np.diff(times), s[:, :-1], vol[:, :-1]
    root = v0 * np.sqrt(left)
    d1 = (np.log(s0) + (RATE - q + v0**2 / 2) * left) / root
    d2 = d1 - root
    grown, kept = np.exp(-q * left), np.exp(-RATE * left)
    price = s0 * grown * norm.cdf(d1) - kept * norm.cdf(d2)
    delta, gamma = grown * norm.cdf(d1), grown * norm.pdf(d1) / (s0 * root)
    vega, vanna = s0 * grown * norm.pdf(d1) * np.sqrt(left), -grown * norm.pdf(d1) * d2 / v0
    volga = vega * d1 * d2 / v0
    theta = -s0 * grown * norm.pdf(d1) * v0 / (2 * np.sqrt(left)) - RATE * kept * norm.cdf(d2)
    theta += q * s0 * grown * norm.cdf(d1)
    interest = np.diff(1 / unit)
    expected = {
        "delta": -(delta + 0.6) * ds / unit[1:],
        "gamma": -0.5 * gamma * ds**2 / unit[1:],
        "vega": -vega * dvol / unit[1:],
        "vanna_volga": -(vanna * ds * dvol + 0.5 * volga * dvol**2) / unit[1:],
        "theta": -theta * dt / unit[1:],
        "carry": (-price - 0.6 * s0) * interest - 0.6 * s[:, 1:] * np.expm1(q * dt) / unit[1:],
        "rho": 0 * ds,
        "roll": 0 * ds,
    }
    expected["carry"] -= 0.05 * 0.6 * s0 * dt / unit[1:]
    for name, value in expected.items():
        np.testing.assert_allclose(found.terms[name], value, atol=2e-6, err_msg=name)
    cost = np.zeros_like(ds)
    cost[:, 0], cost[:, -1] = 6e-4 * s[:, 0], 6e-4 * s[:, -1] / unit[-1]
    np.testing.assert_allclose(found.terms["cost"], -cost, atol=1e-7)
    np.testing.assert_allclose(found.opening, -price[:, 0], atol=1e-6)


def test_nothing_is_unexplained_of_shares_and_futures():
    times = np.linspace(0.0, 0.5, 9)
    paths = quoted(times, np.random.default_rng(1), 4)
    problem = problem_of(
        i.Nothing(),
        i.Spot("A"),
        i.Future("A", 1.0),
        grid=dh.TimeGrid(jnp.asarray(times)),
        cost=c.ProportionalCost(0.01),
    )
    found = attribute(problem, follow(problem, [2.0, -1.0], paths), paths)
    assert np.abs(found.terms["unexplained"]).max() < 1e-6
    moved = np.diff(np.asarray(paths.quotes["A"])) / np.exp(RATE * times[1:])
    np.testing.assert_allclose(found.terms["delta"], moved, atol=1e-6)
    assert all(not found.terms[name].any() for name in ("gamma", "vega", "vanna_volga", "rho", "roll"))


@pytest.mark.slow
def test_what_is_unexplained_falls_with_the_step_to_the_power_three_halves():
    """An option that outlives the path, on a volatility that moves: a quarter of the step, an eighth of the rest."""
    call, left = i.EuropeanCall("A", 1.0, 1.0), []
    for steps in (4, 16):
        times = np.linspace(0.0, 0.25, steps + 1)
        paths = quoted(times, np.random.default_rng(2), 2000, vol_of_vol=0.6)
        problem = problem_of(i.Nothing(), call, grid=dh.TimeGrid(jnp.asarray(times)))
        found = attribute(problem, follow(problem, [1.0], paths), paths)
        left.append({name: np.sqrt(np.mean(each**2)) for name, each in found.terms.items()})
    assert 6.0 < left[0]["unexplained"] / left[1]["unexplained"] < 10.5
    assert 3.5 < left[0]["gamma"] / left[1]["gamma"] < 4.5 and 1.8 < left[0]["delta"] / left[1]["delta"] < 2.2
    assert left[1]["unexplained"] < left[1]["vanna_volga"] < left[1]["gamma"]


@pytest.mark.slow
def test_rolls_and_settlement():
    """A rolling option at a cost, one that ends on the way, a swap that remembers: no roll and no payoff is carry."""
    times = np.linspace(0.0, 0.4, 9)
    paths = quoted(times, np.random.default_rng(3), 6, rate=0.0)
    rolling, ended = i.RollingOption("A", tenor=0.2, every=0.1), i.EuropeanPut("A", 1.6, 0.2)
    swap = i.QuotedVarianceSwap("A", 0.4)
    instruments = (rolling, i.Book((ended, swap), (1.0, 2.0)))
    problem = problem_of(i.Nothing(), *instruments, grid=dh.TimeGrid(jnp.asarray(times)), cost=c.ProportionalCost(0.01))
    ledger = follow(problem, [1.0, 1.0], paths)
    found = attribute(problem, ledger, paths)
    np.testing.assert_allclose(sum(found.total().values()), np.asarray(ledger.wealth, float), rtol=1e-12)
    assert all(np.isfinite(each).all() for each in found.terms.values())

    one = [jax.tree.map(lambda x, n=n: x[n], paths) for n in range(6)]
    both = np.array([np.asarray(rolling.price(path) + rolling.closing(path)) for path in one])
    rolls = np.isclose(times[:-1] % 0.1, 0.0, atol=1e-6) | np.isclose(times[:-1] % 0.1, 0.1, atol=1e-6)
    rolls[0] = False
    np.testing.assert_allclose(found.terms["roll"], -0.01 * np.where(rolls, both[:, :-1], 0.0), atol=1e-7)
    assert np.abs(found.terms["carry"]).max() < 1e-6  # neither the payoff nor the roll is income; interest is 0

    apart = problem_of(i.Nothing(), ended, grid=problem.grid)
    alone = attribute(apart, follow(apart, [1.0], paths), paths)
    moved = np.diff(np.asarray(paths.quotes["A"], float))
    np.testing.assert_allclose(alone.terms["delta"][:, 3], -moved[:, 3], rtol=0.01)  # deep in the money, to its end
    assert np.abs(alone.terms["unexplained"][:, 3]).max() < 1e-4 and not alone.terms["delta"][:, 4:].any()


@pytest.mark.slow
def test_a_contract_may_stand_for_a_liability_without_a_price():
    grid = dh.TimeGrid.uniform(maturity=0.25, steps=2)
    paths = dh.sample(dh.markets.BlackScholes("A", vol=0.2), grid, 4, key=KEY)
    call = i.EuropeanCall("A", 1.0, 0.25)
    priced, bare = problem_of(i.short(call), i.Spot("A"), grid=grid), problem_of(OnlyCash(), i.Spot("A"), grid=grid)
    ledger = follow(priced, [0.0], paths)
    with pytest.raises(ProblemError, match="OnlyCash has no price; name a contract"):
        attribute(bare, ledger, paths)
    first, second = attribute(priced, ledger, paths), attribute(bare, ledger, paths, contract=i.short(call))
    for name in TERMS:
        np.testing.assert_allclose(first.terms[name], second.terms[name], atol=1e-7)
    with pytest.raises(ProblemError, match=r"did you mean 'A\.vol'"):
        attribute(priced, ledger, paths, vols=["A.vl"])
    with pytest.raises(ProblemError, match="path axis leading"):
        attribute(priced, ledger, jax.tree.map(lambda x: x[0], paths))
    with pytest.raises(ProblemError, match="the ledger is of"):
        attribute(priced, jax.tree.map(lambda x: x[:2], ledger), paths)


class OnlyCash(i.AbstractContract):
    """A short call written as cash alone."""

    def cashflows(self, path):
        return jnp.where(path.times >= 0.25 - 1e-6, -jnp.maximum(path.quote("A") - 1.0, 0.0), 0.0)
