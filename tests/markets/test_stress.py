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
from deephedge import config
from deephedge.core.errors import ConfigError, ParameterError, UnknownQuote
from deephedge.markets import SCENARIOS, BlackScholes, Heston, Schwartz, Shock, Stressed, historical, load_scenario

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


CRASH = """
what = "a fall that stays, and a fear that fades"
[[shock]]
quote = "SPX"
at = "1/4"
size = -0.2
[[shock]]
quote = "SPX.vol"
at = 0.25
size = 0.3
kind = "absolute"
decay = 0.1
[[shock]]
historical = "2020-04 oil"
at = 0.3
oil = "CL"
"""


def told(shocks) -> list[tuple]:
    numbers = [(x.at, x.size, -1.0 if x.decay is None else x.decay) for x in shocks]
    return [(x.quote, x.kind, *np.round(np.asarray(n, float), 5)) for x, n in zip(shocks, numbers, strict=True)]


def test_a_scenario_file_says_its_shocks_in_order(tmp_path):
    expected = [
        ("SPX", "relative", 0.25, -0.2, -1.0), ("SPX.vol", "absolute", 0.25, 0.3, 0.1),
        ("CL", "absolute", 0.3, -55.9, -1.0),
    ]  # fmt: skip
    assert told(load_scenario(CRASH)) == expected
    file = tmp_path / "mine.toml"
    file.write_text(CRASH)
    assert told(load_scenario(file)) == told(load_scenario(str(file))) == expected
    file.write_text(CRASH.replace("[[shock", "[[crash.shock").replace("what", "[crash]\nwhat") + "[[calm.shock]]\n"
                    'quote = "SPX"\nat = 0\nsize = 0\n')  # fmt: skip
    assert told(load_scenario(file, "crash")) == expected and len(load_scenario(file, "calm")) == 1
    with pytest.raises(ConfigError, match=r"mine.toml has no scenario 'crsh': did you mean 'crash'"):
        load_scenario(file, "crsh")
    with pytest.raises(ConfigError, match=r"mine.toml has no scenario None: name one of them: crash, calm"):
        load_scenario(file)


@pytest.mark.parametrize(
    ("wrong", "right", "error", "message"),
    [
        ("siez = 0.3", "size = 0.3", ConfigError, r"^mine.toml, shock 2.siez: unknown key, did you mean 'size'\?$"),
        ('size = "much"', "size = 0.3", ConfigError, r"shock 2.size: expected a number, was the text 'much'"),
        ("size = -1.0", "size = -0.2", ParameterError, r"mine.toml, shock 1: size must be above -1"),
        ('kind = "absolut"', 'kind = "absolute"', ParameterError, r"shock 2: kind 'absolut' is unknown: did you mean"),
        ("decay = 0", "decay = 0.1", ParameterError, r"shock 2: decay must be positive years"),
        ("at = -1", "at = 0.25", ParameterError, r"shock 2: at must be 0 years or more"),
        ("", 'quote = "SPX"\n', ConfigError, r"shock 1: missing key 'quote'"),
        ("quote = 3", 'quote = "SPX"', ConfigError, r"shock 1.quote: expected text, was 3"),
        ('type = "os"\nat = 0.3', "at = 0.3", ConfigError, r"shock 3.type: unknown key"),
        ('historical = "2020-04 oi"', 'historical = "2020-04 oil"', ParameterError, r"shock 3: .*did you mean"),
        ('equty = "CL"', 'oil = "CL"', ConfigError, r"shock 3.equty: unknown key, did you mean 'equity'"),
        ("wat =", "what =", ConfigError, r"mine.toml: unknown key 'wat', did you mean 'what'"),
        ("what = 3 #", "what = ", ConfigError, r"mine.toml: what must be text"),
        ("at = = 1", "at = 0.3", ConfigError, r"mine.toml line 15, column 6"),
    ],
    ids=str,
)
def test_a_wrong_scenario_file_is_refused_in_one_sentence(tmp_path, wrong, right, error, message):
    file = tmp_path / "mine.toml"
    file.write_text(CRASH.replace(right, wrong, 1))
    with pytest.raises(error, match=message) as refused:
        load_scenario(file)
    assert "\n" not in str(refused.value)


def test_scenarios_that_are_not_there_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"no scenario file nowhere.toml"):
        load_scenario("nowhere.toml")
    with pytest.raises(ConfigError, match=r"written as tables \[\[shock\]\]"):
        load_scenario("what = ''  # [[")


def test_the_scenarios_of_the_example_fit_its_market():
    for name, count in {"crash": 2, "squeeze": 1, "august_2015": 2}.items():
        shocks = load_scenario(ROOT / "examples" / "shocks.toml", name)
        assert len(shocks) == count
        jax.eval_shape(Stressed(MARKETS["SPX"], shocks).path, GRID, np.zeros((4, 1), np.float32))


STUDY = """
[market]
type = "markets.Stressed"
market = { type = "markets.BlackScholes", names = "SPX", vol = 0.2 }
[[market.stress]]
type = "markets.Shock"
quote = "SPX"
at = "1/4"
size = -0.2
"""


def test_a_study_file_can_say_shocks_one_by_one_by_file_and_by_history(tmp_path):
    names = config.namespace({"markets": dh.markets})

    def built(stress: str) -> list[tuple]:
        head, tail = STUDY.split("[[market.stress]]") if stress else (STUDY, "")
        table = config.parse(head + (stress or tail), "study.toml")["market"]
        return told(config.build(table, namespace=names, place="market").stress)

    first = ("SPX", "relative", 0.25, -0.2, -1.0)
    assert built("") == [first]
    file = tmp_path / "mine.toml"
    file.write_text(CRASH)
    assert built(f'stress = {{ type = "markets.load_scenario", source = "{file.as_posix()}" }}')[0] == first
    episode = 'name = "2018-02 volatility", at = 0.1, vol = "SPX.vol"'
    assert built(f'stress = {{ type = "markets.historical", {episode} }}') == [("SPX.vol", "absolute", 0.1, 0.2001, -1)]
    with pytest.raises(ConfigError, match=r"market.stress: expected a list"):
        built('stress = { type = "markets.Shock", quote = "SPX", at = 0.25, size = -0.2 }')
    with pytest.raises(ConfigError, match=r"market.stress\[0\].siez: unknown key, did you mean 'size'"):
        built('stress = [{ type = "markets.Shock", quote = "SPX", at = 0.25, siez = -0.2 }]')
    with pytest.raises(ParameterError, match=r"market.stress\[0\]: size must be above -1"):
        built('stress = [{ type = "markets.Shock", quote = "SPX", at = 0.25, size = -2 }]')


def test_every_crisis_that_was_asked_for_has_its_episode():
    asked = ("1987", "1997", "1998", "2001", "2008", "2010", "2011", "2015", "2018", "2020", "2022")
    assert all(any(name.startswith(year) for name in SCENARIOS) for year in asked)
    assert SCENARIOS["2020-04 oil"].oil < -18.27  # from 18.27 dollars to below nothing
