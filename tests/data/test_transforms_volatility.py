"""Volatilities beside pandas, loops written out, and the package arch."""

import numpy as np
import pandas as pd
import pytest
from arch import arch_model

from deephedge.core.errors import DataError
from deephedge.data import History, load
from deephedge.data import transforms as t

RNG = np.random.default_rng(5)
DAYS, N = 80, 10
DATES = np.busday_offset("2021-01-01", np.arange(DAYS), roll="forward")
CLOSE = 100 * np.exp(np.cumsum(0.01 * RNG.normal(size=DAYS)))
OPEN = np.r_[100.0, CLOSE[:-1]] * np.exp(0.004 * RNG.normal(size=DAYS))
HIGH = np.maximum(OPEN, CLOSE) * np.exp(0.01 * RNG.random(DAYS))
LOW = np.minimum(OPEN, CLOSE) * np.exp(-0.01 * RNG.random(DAYS))
BARS = {"A": CLOSE, "A.open": OPEN, "A.high": HIGH, "A.low": LOW, "A.variance": 1e-4 * RNG.random(DAYS)}
HISTORY = History.of(DATES, BARS, source="made up")


def applied(transform, history=HISTORY):
    (values,) = transform.fit(history)(history).values()
    return values


def rolled(squares):
    return np.sqrt(252 * pd.Series(squares).rolling(N).mean())


def test_close():
    np.testing.assert_allclose(applied(t.CloseVol("A", N)), rolled(np.log(pd.Series(CLOSE)).diff() ** 2), rtol=1e-11)


def test_parkinson():
    np.testing.assert_allclose(
        applied(t.Parkinson("A", N)), rolled(np.log(HIGH / LOW) ** 2 / (4 * np.log(2))), rtol=1e-11
    )


def test_garman_klass():
    squares = 0.5 * np.log(HIGH / LOW) ** 2 - (2 * np.log(2) - 1) * np.log(CLOSE / OPEN) ** 2
    np.testing.assert_allclose(applied(t.GarmanKlass("A", N)), rolled(squares), rtol=1e-11)


def test_yang_zhang_day_by_day():
    expected = np.full(DAYS, np.nan)
    for day in range(N, DAYS):
        last = range(day - N + 1, day + 1)
        night = [np.log(OPEN[j] / CLOSE[j - 1]) for j in last]
        session = [np.log(CLOSE[j] / OPEN[j]) for j in last]
        ranges = [
            np.log(HIGH[j] / CLOSE[j]) * np.log(HIGH[j] / OPEN[j])
            + np.log(LOW[j] / CLOSE[j]) * np.log(LOW[j] / OPEN[j])
            for j in last
        ]
        k = 0.34 / (1.34 + (N + 1) / (N - 1))
        variance = np.var(night, ddof=1) + k * np.var(session, ddof=1) + (1 - k) * np.mean(ranges)
        expected[day] = np.sqrt(252 * variance)
    np.testing.assert_allclose(applied(t.YangZhang("A", N)), expected, rtol=1e-11)


def test_intraday():
    np.testing.assert_allclose(applied(t.IntradayVol("A.variance", N)), rolled(BARS["A.variance"]), rtol=1e-11)


def test_all_measure_the_volatility_of_a_brownian_motion():
    """Within 3 standard errors, less what the ranges of 390 points miss.

    Each end falls short by 0.5826 of a point's deviation on average (Broadie, Glasserman and Kou 1997); for a day of
    deviation 1 its mean is 0.798, and the mean square of the range is 4 log 2.
    """
    rng, sigma, days, points = np.random.default_rng(1), 0.2, 3_000, 390
    path = sigma * np.sqrt(1 / 252 / points) * np.cumsum(rng.normal(size=(days, points)), axis=1)
    starts, inside = np.r_[0.0, np.cumsum(path[:-1, -1])], np.c_[np.zeros(days), path]
    bars = {"A.high": inside.max(axis=1), "A.low": inside.min(axis=1), "A.open": np.zeros(days), "A": path[:, -1]}
    quotes = {name: np.exp(starts + x) for name, x in bars.items()} | {
        "A.rv": (np.diff(inside, axis=1) ** 2).sum(axis=1)
    }
    history = History.of(np.arange(days).astype("datetime64[D]"), quotes, source="Brown")
    missed = 0.5826 / np.sqrt(points)
    end, square = np.sqrt(2 / np.pi), 4 * np.log(2)
    square += -2 * (2 * missed) * 2 * end + (2 * missed) ** 2
    satchell = 1 - 4 * missed * end + 2 * missed**2
    for transform, variance, error in (
        (t.CloseVol("A", days - 1), 1.0, np.sqrt(0.5)),
        (t.IntradayVol("A.rv", days), 1.0, np.sqrt(0.5 / points)),
        (t.Parkinson("A", days), square / (4 * np.log(2)), np.sqrt(0.5 / 4.9)),
        (t.GarmanKlass("A", days), square / 2 - (2 * np.log(2) - 1), np.sqrt(0.5 / 7.4)),
        (t.YangZhang("A", days - 1), 0.34 / 2.34 + 2 / 2.34 * satchell, np.sqrt(0.5 / 6)),
    ):
        ratio = applied(transform, history)[-1] / sigma
        assert abs(ratio - np.sqrt(variance)) < 3 * error / np.sqrt(days), (transform, ratio)


def test_a_close_outside_the_range_of_its_day_is_refused():
    wrong = History.of(DATES, BARS | {"A.high": np.where(np.arange(DAYS) == 7, LOW, HIGH)}, source="made up")
    for transform in (t.GarmanKlass("A"), t.YangZhang("A")):
        with pytest.raises(DataError, match=f"must hold all prices of the day between them, did not on {DATES[7]}"):
            transform.fit(wrong)(wrong)
    with pytest.raises(DataError, match="below 0 on"):
        t.IntradayVol("A.variance").fit(HISTORY)(History.of(DATES, {"A.variance": -CLOSE}, source="made up"))


@pytest.mark.parametrize("horizon", [1, 10])
def test_garch_forecasts_are_those_of_arch(horizon):
    history = load("arch").between("2010-01-01", "2014-12-31")
    train = history.between(None, "2013-12-31")
    fitted = t.GarchForecast("SPX", horizon).fit(train)
    made = fitted(history)[f"SPX.garch{horizon}"]

    def theirs(returns, params=None):
        model = arch_model(100 * returns, mean="Constant", vol="GARCH", p=1, q=1)
        result = model.fit(disp="off") if params is None else model.fix(params)
        variance = result.forecast(horizon=horizon, start=0).variance.to_numpy().mean(axis=1)
        return result, np.sqrt(252 * variance) / 100

    result, expected = theirs(train.log_returns())
    # Its forecasts start from another first variance than its fit, so for some months they differ from either.
    np.testing.assert_allclose(made[1 : len(train)][200:], expected[200:], rtol=1e-7)
    if horizon == 1:
        own = np.sqrt(252) * np.asarray(result.conditional_volatility) / 100
        np.testing.assert_allclose(made[1 : len(train) - 1], own[1:], rtol=1e-10)
    # Years that it was not fitted on: arch starts elsewhere, and both have forgotten where.
    _, expected = theirs(history.log_returns(), np.asarray(result.params))
    np.testing.assert_allclose(made[len(train) :], expected[len(train) - 1 :], rtol=1e-7)
    assert np.isnan(made[0])


def test_a_variance_premium():
    history = History.of(DATES, {"A.vol": np.full(DAYS, 0.2), "A.rv": np.linspace(0.1, 0.3, DAYS)}, source="made up")
    expected = [0.04 - rv**2 for rv in np.linspace(0.1, 0.3, DAYS)]
    np.testing.assert_allclose(applied(t.VariancePremium("A.vol", "A.rv"), history), expected, rtol=1e-9, atol=1e-15)
