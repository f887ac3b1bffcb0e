from functools import lru_cache
from itertools import combinations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge import instruments as i
from deephedge.core.errors import ParameterError
from deephedge.pricing import schwartz

RATE, YIELD, VOL = 0.05, 0.04, 0.3
DATES = tuple(np.arange(1, 9) / 8)


@lru_cache
def world(key, kind="stock"):
    stock = dh.markets.BlackScholes("A", vol=VOL, rate=RATE, dividend=YIELD)
    market = {"stock": stock, "power": dh.markets.Schwartz("A", 1.0, 4.0, 1.1, 0.8, rate=RATE)}[kind]
    grid = dh.TimeGrid.uniform(maturity=1.0, steps=8)
    return dh.sample(market, grid, 4096, key=jax.random.key(key), method="random")


@eqx.filter_jit
def paid(swing, paths):
    """(cash today, rights left at the end) on each path."""
    one = lambda path: (jnp.sum(swing.cashflows(path) / path.numeraire), swing.state(path)["rights"][-1])  # noqa: E731
    return jax.vmap(one)(paths)


def meant(cash):
    cash = np.asarray(cash, float)
    return cash.mean(), cash.std() / np.sqrt(len(cash))


def lattice(maximum, minimum, between=25):
    """Value by a binomial tree with a layer for each number of rights left, and the thresholds that it uses."""
    dt = 1 / (8 * between)
    up, tree = np.exp(VOL * np.sqrt(dt)), [np.zeros(8 * between + 1)] * (maximum + 1)
    chance = (np.exp((RATE - YIELD) * dt) - 1 / up) / (up - 1 / up)
    levels = np.full((8, maximum), np.inf)
    for step in range(8 * between, -1, -1):
        spot = up ** (2.0 * np.arange(step + 1) - step)
        if step < 8 * between:
            tree = [np.exp(-RATE * dt) * (chance * v[1:] + (1 - chance) * v[:-1]) for v in tree]
        if step % between or step == 0:
            continue
        date, taken = step // between - 1, list(tree)
        for left in range(1, maximum + 1):
            use = spot - 1 + tree[left - 1]
            must = minimum - (maximum - left) > 7 - date
            used = (use > tree[left]) | must
            levels[date, left - 1], taken[left] = np.min(spot[used], initial=np.inf), np.where(used, use, tree[left])
        tree = taken
    return tree[maximum][0], levels


@pytest.mark.parametrize("maximum, minimum", [(1, 0), (3, 0), (4, 3)])
def test_rules_make_what_a_lattice_says(maximum, minimum):
    value, levels = lattice(maximum, minimum)
    swing = i.Swing("A", 1.0, DATES, maximum, minimum)
    ruled = eqx.tree_at(lambda s: s.rule, swing, i.SwingThresholds(levels))
    fitted = i.fit_swing(swing, world(1))
    for found, slack in ((ruled, 0.002), (fitted, 0.01)):
        cash, left = paid(found, world(2))
        mean, error = meant(cash)
        assert -3 * error - slack * value < mean - value < 3 * error, (mean, value, error)
        assert (left <= maximum - minimum).all()
    hasty = meant(paid(swing, world(2))[0])[0]
    assert hasty < meant(paid(fitted, world(2))[0])[0] - (0.01 if minimum == 0 else 0)


def test_one_right_is_a_right_used_once_by_the_same_regression():
    swing = i.fit_swing(i.Swing("A", 1.0, DATES, 1, call=False), world(1))
    once = i.fit_exercise(i.American("A", 1.0, 1.0, call=False), world(1))
    late = eqx.filter_jit(jax.vmap(lambda path: jnp.sum(once.cashflows(path) / path.numeraire)))(world(2))
    np.testing.assert_allclose(paid(swing, world(2))[0], late, atol=1e-6)


def test_with_a_right_for_every_date_it_is_a_strip_of_calls():
    paths = world(2)
    calls = jnp.sum(jnp.maximum(paths.quote("A") - 1, 0)[:, 1:] / paths.numeraire[:, 1:], axis=1)
    for rule in (i.WhenItPays(), i.SwingThresholds(np.full((8, 8), 1e9))):
        np.testing.assert_allclose(paid(i.Swing("A", 1.0, DATES, 8, rule=rule), paths)[0], calls, atol=1e-5)
    forced = jnp.sum((paths.quote("A") - 1)[:, 1:] / paths.numeraire[:, 1:], axis=1)
    np.testing.assert_allclose(paid(i.Swing("A", 1.0, DATES, 8, 8), paths)[0], forced, atol=1e-5)


def test_on_reverting_power_it_lies_between_the_best_fixed_dates_and_the_strip():
    times = np.array(DATES)
    ahead = schwartz.future(1.0, times, 4.0, 1.1, 0.8)
    calls = np.exp(-RATE * times) * np.asarray(schwartz.option(ahead, 1.0, times, 0.0, 4.0, 0.8))
    mean, error = meant(paid(i.fit_swing(i.Swing("A", 1.0, DATES, 3), world(1, "power")), world(2, "power"))[0])
    assert np.sort(calls)[-3:].sum() + 3 * error < mean < calls.sum() - 3 * error
    assert (
        mean
        < meant(eqx.filter_jit(jax.vmap(lambda p: i.worst_swing(i.Swing("A", 1.0, DATES, 3), p)))(world(2, "power")))[0]
    )


def test_a_book_of_swings_compiles_them_as_one_and_their_end_lies_on_the_grid():
    fitted = i.fit_swing(i.Swing("A", 1.0, DATES, 3), world(1))
    book = i.Book((fitted, eqx.tree_at(lambda s: s.strike, fitted, jnp.array(1.1))), (1.0, -2.0))
    assert len(book.kinds) == 1
    cash = eqx.filter_jit(jax.vmap(lambda path: jnp.sum(book.cashflows(path) / path.numeraire)))(world(2))
    apart = [paid(eqx.tree_at(lambda s: s.strike, fitted, jnp.array(k)), world(2))[0] for k in (1.0, 1.1)]
    np.testing.assert_allclose(cash, apart[0] - 2 * apart[1], atol=1e-5)
    with pytest.raises(dh.core.errors.ProblemError, match="expires at 1 years"):
        dh.HedgingProblem(dh.TimeGrid.uniform(maturity=0.5, steps=4), book, (i.Spot("A"),), ())


@pytest.mark.parametrize("maximum, minimum", [(2, 0), (3, 2)])
def test_the_worst_case_is_the_best_of_all_choices(maximum, minimum):
    path = jax.tree.map(lambda x: x[0], world(2))
    each = np.asarray((path.quote("A") - 1.05)[1:] / path.numeraire[1:], float)
    choices = (sum(c) for n in range(minimum, maximum + 1) for c in combinations(each, n))
    swing = i.Swing("A", 1.05, DATES, maximum, minimum)
    np.testing.assert_allclose(i.worst_swing(swing, path), max(choices), atol=1e-6)
    paths = world(1)
    assert (paid(swing, paths)[0] <= eqx.filter_jit(jax.vmap(lambda p: i.worst_swing(swing, p)))(paths) + 1e-5).all()


@pytest.mark.parametrize(
    "build, says",
    [
        (lambda: i.Swing("A", 1.0, (0.5, 0.4), 1), "dates must be increasing"),
        (lambda: i.Swing("A", 1.0, (), 1), "dates must be a row"),
        (lambda: i.Swing("A", 1.0, (0.0, 1.0), 1), "increasing years above 0"),
        (lambda: i.Swing("A", 1.0, (0.5, 1.0), 3), "rights must be"),
        (lambda: i.Swing("A", 1.0, (0.5, 1.0), 1, 2), "rights must be"),
        (lambda: paid(i.Swing("A", 1.0, DATES, 1, rule=i.SwingThresholds([[1.0]])), world(2)), "prices must be"),
    ],
)
def test_bad_terms_are_refused(build, says):
    with pytest.raises(ParameterError, match=says):
        build()
