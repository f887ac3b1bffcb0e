"""Shocks on any market, and historical sizes against the closes they were read from."""

import csv
import os
from datetime import datetime
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import pytest

import deephedge as dh
from deephedge.core.errors import ParameterError, UnknownQuote
from deephedge.markets import SCENARIOS, BlackScholes, Heston, Schwartz, Shock, Stressed, historical

ROOT = Path(__file__).resolve().parents[2]
GRID = dh.TimeGrid([0.0, 0.1, 0.25, 0.3, 0.5])
AT = 0.2  # between two points: the shock arrives at the third


@eqx.filter_jit
def follow(market, shocks):
    return market.path(GRID, shocks)


def both(market, *shocks) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    normals = jax.random.normal(jax.random.key(0), market.shocks(GRID))
    found = (follow(x, normals).quotes for x in (market, Stressed(market, shocks)))
    return tuple({name: np.asarray(quote) for name, quote in quotes.items()} for quotes in found)


MARKETS = {
    "SPX": BlackScholes("SPX", vol=0.2, rate=0.03),
    "SPX.variance": Heston("SPX", 100.0, 0.04, 1.0, 0.04, vol_of_vol=0.5, correlation=-0.7),
    "CL.future.0.5": Schwartz("CL", 60.0, 1.5, 50.0, 0.4, expiries=(0.5,)),
}


@pytest.mark.parametrize("quote", MARKETS)
@pytest.mark.parametrize("kind, size", [("relative", -0.3), ("absolute", 0.7)])
@pytest.mark.parametrize("decay", [None, 0.05])
def test_a_shock_is_its_formula_on_any_market_and_touches_nothing_else(quote, kind, size, decay):
    plain, stressed = both(MARKETS[quote], Shock(quote, AT, size, kind, decay))
    since = np.asarray(GRID.times, float) - AT
    weight = np.where(since >= 0, 1.0 if decay is None else np.exp(-since / (decay or 1.0)), 0.0) * size
    expected = plain[quote] * (1 + weight) if kind == "relative" else plain[quote] + weight
    np.testing.assert_allclose(stressed[quote], expected, rtol=1e-5)
    np.testing.assert_array_equal(stressed[quote][:2], plain[quote][:2])  # adapted: bit for bit before the shock
    for other in set(plain) - {quote}:
        np.testing.assert_array_equal(stressed[other], plain[other])


def test_a_shock_on_a_point_arrives_there():
    for n, time in enumerate(GRID.times[1:-1], 1):
        plain, stressed = both(MARKETS["SPX"], Shock("SPX", time, -0.5))
        np.testing.assert_allclose(stressed["SPX"] / plain["SPX"], np.where(np.arange(5) < n, 1.0, 0.5))


def test_shocks_come_on_top_of_each_other_in_their_order():
    fall, rise = Shock("SPX", 0.1, -0.5), Shock("SPX", 0.25, 1.0, "absolute")
    plain, stressed = both(MARKETS["SPX"], fall, rise)
    expected = plain["SPX"] * np.array([1, 0.5, 0.5, 0.5, 0.5]) + np.array([0, 0, 1, 1, 1])
    np.testing.assert_allclose(stressed["SPX"], expected, rtol=1e-6)
    turned = both(MARKETS["SPX"], Shock("SPX", 0.25, 1.0, "absolute"), Shock("SPX", 0.25, -0.5))[1]["SPX"]
    np.testing.assert_allclose(turned[2:], (plain["SPX"][2:] + 1.0) * 0.5, rtol=1e-6)


def test_a_stressed_market_is_no_martingale_and_without_shocks_it_is_the_market():
    market = MARKETS["SPX"]
    assert market.martingale and not Stressed(market, Shock("SPX", 0.1, -0.2)).martingale
    assert Stressed(market, ()).martingale
    plain, same = both(market)
    jax.tree.map(np.testing.assert_array_equal, plain, same)


def test_oil_can_fall_through_zero():
    plain, stressed = both(MARKETS["CL.future.0.5"], *historical("2020-04 oil", 0.3, oil="CL.future.0.5"))
    np.testing.assert_allclose(plain["CL.future.0.5"] - stressed["CL.future.0.5"], [0, 0, 0, 55.9, 55.9], rtol=1e-5)


def test_unknown_names_are_told_the_nearest():
    with pytest.raises(UnknownQuote, match=r"did you mean 'SPX.vol'"):
        both(MARKETS["SPX"], Shock("SPX.vl", 0.1, 0.2))
    with pytest.raises(ParameterError, match="did you mean '2020-03 covid'"):
        historical("2020-03 covd", 0.1, equity="SPX")
    with pytest.raises(ParameterError, match="no move of vol: it has equity"):
        historical("1987-10 crash", 0.1, vol="SPX.vol")
    with pytest.raises(ParameterError, match="at least one of the moves"):
        historical("1987-10 crash", 0.1)


@pytest.mark.parametrize(
    "wrong", [{"kind": "additive"}, {"at": -0.1}, {"size": -1.0}, {"size": np.inf}, {"decay": 0.0}], ids=str
)
def test_parameters_outside_their_domain_are_refused(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        Shock("SPX", **{"at": 0.1, "size": -0.2, **wrong})


def closes(file: str, date: str, value: str, form: str = "%Y-%m-%d") -> dict[str, float]:
    """A column of a file of market data by ISO date; skips where the data are not at hand."""
    path = Path(os.environ.get("DEEPHEDGE_DATA", ROOT.parent / "shared" / "data")) / file
    if not path.is_file():
        pytest.skip(f"no market data at {path}; set DEEPHEDGE_DATA to the folder that holds A_equity")
    with path.open() as rows:
        return {
            datetime.strptime(row[date], form).date().isoformat(): float(row[value])
            for row in csv.DictReader(rows)
            if row[value]
        }


SP500 = "A_equity/sp500_ohlcv_yahoo_1975_2022.csv"


def test_the_falls_of_the_index_are_those_of_its_closes():
    index = closes(SP500, "date", "Price")
    for name, scenario in SCENARIOS.items():
        assert scenario.equity == round(index[scenario.end] / index[scenario.start] - 1.0, 3), name
    low = closes(SP500, "date", "Low")["2010-05-06"]
    assert round(low / index["2010-05-05"] - 1.0, 3) == -0.086


def test_the_rises_of_volatility_are_those_of_the_vix():
    vix = closes("A_equity/vix_ohlc_1990_2022.csv", "DATE", "CLOSE")
    for name, scenario in SCENARIOS.items():
        if scenario.start < min(vix):
            assert scenario.vix is None and "vol" not in scenario.moves
        else:
            assert scenario.vix == (vix[scenario.start], vix[scenario.end]), name
            assert scenario.moves["vol"][0] == pytest.approx((vix[scenario.end] - vix[scenario.start]) / 100)


def test_the_rise_of_rates_is_that_of_the_two_year_yield():
    yields = closes("E_rates_credit/us_treasury_par_yields_1990_2023.csv", "Date", "2_YR", "%m/%d/%Y")
    scenario = SCENARIOS["2022 rates"]
    assert scenario.rate == pytest.approx((yields[scenario.end] - yields[scenario.start]) / 100, abs=1e-9)
