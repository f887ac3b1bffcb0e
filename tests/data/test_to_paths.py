import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import deephedge as dh
from deephedge import data
from deephedge.core.errors import DataError


def history_of(count: int) -> data.History:
    rng = np.random.default_rng(count)
    quotes = {"SPX": 1000 * np.exp(np.cumsum(0.01 * rng.normal(size=count))), "SPX.vol": rng.uniform(0.1, 0.5, count)}
    return data.History.of(np.busday_offset("2020-01-01", np.arange(count), roll="forward"), quotes, source="made up")


@settings(deadline=None, max_examples=8)
@given(st.integers(3, 30), st.data())
def test_windows_are_the_slices_one_by_one(count, draws):
    history, steps = history_of(count), draws.draw(st.integers(1, count - 1))
    paths, starts = data.windows(history, steps)
    np.testing.assert_array_equal(starts, history.dates[: count - steps])
    for n in range(count - steps):
        cut = slice(n, n + steps + 1)
        spot, vol = history.quote("SPX")[cut], history.quote("SPX.vol")[cut]
        np.testing.assert_allclose(paths.quotes["SPX"][n], spot / spot[0], rtol=1e-6)
        np.testing.assert_allclose(paths.quotes["SPX.vol"][n], vol, rtol=1e-6)
        np.testing.assert_allclose(paths.times[n], np.arange(steps + 1) / 252, rtol=1e-6)
    assert bool(jnp.all(paths.numeraire == 1.0)) and bool(jnp.all(paths.quotes["SPX"][:, 0] == 1.0))


def test_without_rebase_prices_are_as_published():
    history = history_of(10)
    paths, _ = data.windows(history, 4, step_years=1 / 365, rebase=False)
    np.testing.assert_allclose(paths.quotes["SPX"][3], history.quote("SPX")[3:8], rtol=1e-6)
    np.testing.assert_allclose(paths.times[0, -1], 4 / 365, rtol=1e-6)


def test_a_quote_is_divided_by_the_start_of_another():
    history = history_of(10)
    paths, _ = data.windows(history, 4, rebase={"SPX": "SPX", "SPX.vol": "SPX"})
    spot, vol = history.quote("SPX"), history.quote("SPX.vol")
    np.testing.assert_allclose(paths.quotes["SPX"][3], spot[3:8] / spot[3], rtol=1e-6)
    np.testing.assert_allclose(paths.quotes["SPX.vol"][3], vol[3:8] / spot[3], rtol=1e-6)
    with pytest.raises(DataError, match=r"no quote .SPY.: did you mean .SPX."):
        data.windows(history, 4, rebase={"SPX": "SPY"})


def test_a_missing_volatility_is_refused_with_its_days_and_where_it_is_known():
    with pytest.raises(DataError, match=r"SPX\.vol is missing on 3,774 days \(1999-01-04, .*2014-01-03 to 2018-12-31"):
        data.windows(data.load(), 21)
    paths, starts = data.windows(data.load().between("2014-01-03", "2018-12-31"), 21)
    assert paths.quotes["SPX"].shape == (1257 - 21, 22) and str(starts[0]) == "2014-01-03"


@pytest.mark.parametrize(("steps", "message"), [(0, "1 step or more"), (10, "needs 11 days"), (99, "needs 100 days")])
def test_windows_that_do_not_fit_are_refused(steps, message):
    with pytest.raises(DataError, match=message):
        data.windows(history_of(10), steps)
    with pytest.raises(DataError, match="step_years must be years above 0"):
        data.windows(history_of(10), 2, step_years=0.0)


def test_a_problem_runs_on_them():
    paths, _ = data.windows(data.load().between("2016-01-01", "2016-12-31"), 21)
    month = 21 / 252
    problem = dh.HedgingProblem(
        grid=dh.TimeGrid.uniform(maturity=month, steps=21),
        liability=dh.instruments.short(dh.instruments.EuropeanCall("SPX", strike=1.0, expiry=month)),
        instruments=(dh.instruments.Spot("SPX"),),
        features=(
            dh.features.LogMoneyness("SPX", 1.0),
            dh.features.TimeLeft(month),
            dh.features.Quote("SPX.vol", "vol"),
        ),
    )
    ledger = dh.evaluate(problem, {"delta": dh.policies.BlackScholesDelta()}, paths)["delta"]
    assert ledger.wealth.shape == (252 - 21,) and bool(jnp.all(jnp.isfinite(ledger.wealth)))
    assert float(jnp.std(ledger.wealth)) < 0.5 * float(jnp.std(ledger.liability))
