import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge import instruments as i
from deephedge.core.errors import ParameterError

TIMES = np.linspace(0.0, 1.0, 21)
RNG = np.random.default_rng(3)
MARKS = {name: 60 * np.exp(np.cumsum(RNG.normal(0, 0.05, 21))) for name in ("F1", "F2", "F3", "F4")}
NUMERAIRE = np.exp(np.cumsum(RNG.uniform(0, 0.02, 21)))
DATES = np.array([0.25, 0.5, 0.72, 1.5])
NAMES = tuple(MARKS)


def make(**more):
    quotes = {name: jnp.asarray(x, jnp.result_type(float)) for name, x in (MARKS | more).items()}
    times, unit = (jnp.asarray(x, jnp.result_type(float)) for x in (TIMES, NUMERAIRE))
    return dh.MarketPath(times, quotes, unit)


@eqx.filter_jit
def said(contract, path):
    price, cash = contract.price(path), contract.cashflows(path)
    gain = jnp.diff(price / path.numeraire) + (cash / path.numeraire)[1:]
    return gain, price, cash, contract.rolls(path), contract.tradable(path)


def margins(held, multiplier):
    """Daily margin of the contract held over each step, discounted; None is no contract."""
    moves = [0.0 if n is None else MARKS[NAMES[n]][k + 1] - MARKS[NAMES[n]][k] for k, n in enumerate(held)]
    return multiplier * np.array(moves) / NUMERAIRE[1:]


def test_a_future_earns_the_margin_of_every_day_whatever_the_numeraire():
    gain, price, cash, rolls, tradable = said(i.Future("F1", 0.5, 10.0), make())
    np.testing.assert_allclose(gain, margins([0 if k < 10 else None for k in range(20)], 10), atol=2e-4)
    np.testing.assert_allclose(price, np.where(TIMES < 0.499, 10 * MARKS["F1"], 0), rtol=1e-6)
    assert not rolls.any() and not cash[11:].any() and (tradable == (TIMES < 0.499)).all()
    bought = i.sold(i.Future("F1", 0.5, 10.0)).cashflows(make()) / NUMERAIRE
    np.testing.assert_allclose(-bought.sum(), gain.sum(), rtol=1e-3)


@pytest.mark.parametrize("nearby, lag", [(1, 0.0), (2, 0.0), (1, 0.06), (3, 0.1)])
def test_a_strip_earns_what_the_old_contract_does_up_to_its_roll_and_then_the_new_one(nearby, lag):
    held = []
    for time in TIMES:  # by hand: the first whose date to leave is still ahead, and as many further as it says
        ahead = [n for n in range(4) if time < DATES[n] - lag - 1e-6]
        held.append(ahead[nearby - 1] if len(ahead) >= nearby else None)
    gain, price, _, rolls, tradable = said(i.FuturesStrip(NAMES, DATES, nearby, lag, 2.0), make())
    np.testing.assert_allclose(gain, margins(held[:-1], 2), atol=2e-4)
    marks = [0 if n is None else 2 * MARKS[NAMES[n]][k] for k, n in enumerate(held)]
    np.testing.assert_allclose(price, marks, rtol=1e-6)
    expected = [k > 0 and held[k] is not None and held[k] != held[k - 1] for k in range(21)]
    assert rolls.tolist() == expected and tradable.tolist() == [n is not None for n in held]


def test_no_gain_comes_from_the_gap_between_two_contracts():
    flat = make(**{name: np.full(21, 50.0 + 10 * n) for n, name in enumerate(NAMES)})
    gain, price, *_ = said(i.FuturesStrip(NAMES, DATES, lag=0.06), flat)
    assert np.abs(gain).max() < 2e-4 and float(jnp.ptp(price)) == 30.0


def test_gradients_are_those_of_the_contract_that_was_held():
    strip = i.FuturesStrip(NAMES[:3], DATES[:3])
    slope = jax.grad(lambda mark: jnp.sum(said(strip, make(F2=mark))[0]))(jnp.asarray(MARKS["F2"], jnp.float32))
    expected = np.zeros(21)
    for k in range(5, 10):  # over the steps from 0.25 to 0.5
        expected[k : k + 2] += np.array([-1, 1]) / NUMERAIRE[k + 1]
    np.testing.assert_allclose(slope, expected, atol=1e-5)


def test_spreads_are_books_that_roll():
    spread = i.calendar_spread(i.FuturesStrip(NAMES, DATES, 1), i.FuturesStrip(NAMES, DATES, 2))
    _, price, _, rolls, _ = said(spread, make())
    np.testing.assert_allclose(price[:5], MARKS["F1"][:5] - MARKS["F2"][:5], atol=2e-5)
    assert np.flatnonzero(rolls).tolist() == [5, 10, 15]
    crack = i.crack_spread(i.Future("F1", 0.5), i.Future("F2", 0.5), i.Future("F3", 0.5))
    expected = [np.diff(MARKS[name])[3] / NUMERAIRE[4] for name in NAMES]
    np.testing.assert_allclose(said(crack, make())[0][3], -expected[0] + (2 * expected[1] + expected[2]) / 3, atol=1e-4)


@pytest.mark.parametrize(
    "build, says",
    [
        (lambda: i.Future("F1", 0.0), "expiry must be years above 0"),
        (lambda: i.Future("F1", 1.0, 0.0), "multiplier must be units"),
        (lambda: i.FuturesStrip(NAMES, DATES[::-1]), "expiries must be increasing"),
        (lambda: i.FuturesStrip(NAMES[:2], DATES), "one for each of"),
        (lambda: i.FuturesStrip(NAMES, DATES, 5), "nearby must be 1 to 4"),
        (lambda: i.FuturesStrip(NAMES, DATES, lag=-0.1), "lag must be 0 or more"),
        (lambda: i.crack_spread(*3 * [i.Future("F1", 1.0)], ratio=(3, 0, 1)), "ratio must be three numbers"),
    ],
)
def test_bad_terms_are_refused(build, says):
    with pytest.raises(ParameterError, match=says):
        build()
