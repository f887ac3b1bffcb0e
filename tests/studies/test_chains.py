"""Books of option chains: a world whose law is known, the file of Cboe, and what is refused."""

import datetime as dt
import os
from pathlib import Path

import jax
import numpy as np
import polars as pl
import pytest
from scipy.stats import norm

import deephedge as dh
from deephedge import data
from deephedge.core.errors import ConfigError, DataError, GridError
from deephedge.studies import Study
from deephedge.studies.chains import Books, greeks

DAYS = [f"2024-01-{day:02d} 21:00" for day in (2, 3, 4, 5, 8, 9)]
SPOT = np.array([100.0, 101.0, 99.0, 98.0, 100.5, 102.0])
ENDS = (dt.date(2024, 2, 16), dt.date(2024, 3, 15))
RATE, HALF, TIMES = 0.04, 0.01, np.arange(3) / 252
ROOT = Path(__file__).parents[2]
FILE = "B_options/spx_cboe_delayed_2019-04-25_2019-06-28.parquet"


def left(end, day):
    return (dt.datetime.combine(end, dt.time(21)) - dt.datetime.fromisoformat(day)).total_seconds() / 86400 / 365


def textbook(spot, strike, vol, years, call):
    ahead = spot * np.exp(RATE * years)
    d1 = np.log(ahead / strike) / (vol * np.sqrt(years)) + 0.5 * vol * np.sqrt(years)
    value = np.exp(-RATE * years) * (ahead * norm.cdf(d1) - strike * norm.cdf(d1 - vol * np.sqrt(years)))
    return value if call else value - spot + strike * np.exp(-RATE * years)


def rows():
    found = []
    for day, spot in zip(DAYS, SPOT, strict=True):
        for end in ENDS:
            for strike in np.arange(85.0, 116.0):
                for right in ("call", "put"):
                    price = float(
                        textbook(spot, strike, 0.25 - 0.2 * np.log(strike / 100), left(end, day), right == "call")
                    )
                    found.append({
                        "event_time": day, "known_time": day, "underlier": "A", "root": "A", "expiry": end,
                        "strike": strike, "right": right, "settlement": "pm", "bid": price * (1 - HALF),
                        "ask": price * (1 + HALF), "underlier_price": float(spot), "unit": "USD",
                    })  # fmt: skip
    return pl.DataFrame(found)


def chains_of(frame):
    return data.Chains.of(data.Records.of("options", frame, origin=data.Origin("by hand")), rate=RATE)


@pytest.fixture(scope="module")
def chains():
    return chains_of(rows())


def books(**changed) -> Books:
    known = {"underlier": "A", "count": 1, "books": 40, "years": (0.05, 0.3), "money": (-0.1, 0.1), "half": 1e-3}
    return Books(
        "none.parquet", **known | {"hedges": {"call": 0.0, "put": -0.05}, "hedge_years": (0.05, 0.3)} | changed
    )


def test_a_book_is_what_was_quoted_in_units_of_the_sale(chains):
    """Of single contracts: each is one of those out of the money, at its prices on the days of the window."""
    paths, starts = books().windows(chains, "2024-01-02", "2024-01-05", TIMES)
    assert [str(day) for day in np.unique(starts)] == ["2024-01-02", "2024-01-03"] and len(starts) == 80
    seen = set()
    for n, start in enumerate(starts):
        first = int(np.searchsorted([day[:10] for day in DAYS], str(start)))
        scale = 100 / SPOT[first]
        quote = {name: np.asarray(row[n], float) for name, row in paths.quotes.items()}
        np.testing.assert_allclose(quote["A"], SPOT[first : first + 3] * scale, rtol=1e-6)
        for strike in np.arange(85.0, 116.0):
            for end in ENDS:
                call, vol = strike >= SPOT[first], 0.25 - 0.2 * np.log(strike / 100)
                ages = [left(end, day) for day in DAYS[first : first + 3]]
                price = [textbook(s, strike, vol, t, call) * scale for s, t in zip(SPOT[first:], ages, strict=False)]
                if np.allclose(price, quote["book"], rtol=2e-5):
                    seen.add((strike, end))
                    assert abs(np.log(strike / SPOT[first])) < 0.1
                    gap = textbook(SPOT[first] + 1e-3, strike, vol, ages[0], call) - price[0] / scale
                    assert quote["book.delta"][0] == pytest.approx(gap / 1e-3, abs=2e-3)
        np.testing.assert_allclose(quote["book.bid"], quote["book"] * (1 - HALF), rtol=1e-4)
        np.testing.assert_allclose(quote["put.ask"], quote["put"] * (1 + HALF), rtol=1e-4)
        np.testing.assert_allclose(quote["put.half"], HALF * quote["put"], rtol=1e-3)
        np.testing.assert_allclose(quote["A.ask"] - quote["A.bid"], 2e-3 * quote["A"], rtol=1e-2)
    assert len(seen) > 20
    gone = left(ENDS[0], DAYS[0]) - left(ENDS[0], DAYS[2])
    assert float(paths.numeraire[0, -1]) == pytest.approx(np.exp(RATE * gone), rel=1e-6)


def test_a_book_of_several_is_their_mean_and_a_hedge_the_nearest(chains):
    paths, _ = books(count=40, books=2, money=(-0.15, 0.15)).windows(chains, "2024-01-02", "2024-01-04", TIMES)
    call = [textbook(s, 100.0, 0.25, left(ENDS[1], d), True) for s, d in zip(SPOT, DAYS[:3], strict=False)]
    near = [textbook(s, 100.0, 0.25, left(ENDS[0], d), True) for s, d in zip(SPOT, DAYS[:3], strict=False)]
    np.testing.assert_allclose(paths.quotes["call"][0], near, rtol=2e-5)  # 45 days: the first expiry
    late, _ = books(tenor=0.2).windows(chains, "2024-01-02", "2024-01-04", TIMES)
    np.testing.assert_allclose(late.quotes["call"][0], call, rtol=2e-5)
    every = chains.call == (np.log(chains.strike / SPOT[0]) >= 0)
    every &= np.abs(np.log(chains.strike / SPOT[0])) < 0.15
    mean, some = chains.mark[every, 0].mean(), float(paths.quotes["book"][0, 0])
    assert some == pytest.approx(mean, rel=0.2) and some != pytest.approx(mean, rel=1e-6)


def test_what_comes_later_changes_nothing(chains):
    frame = rows()
    cut = chains_of(frame.filter(pl.col("event_time") <= DAYS[2]))
    for one in (books(), books(count=3)):
        whole, early = (one.windows(each, "2024-01-02", "2024-01-04", TIMES)[0] for each in (chains, cut))
        jax.tree.map(np.testing.assert_array_equal, whole, early)


def test_a_spread_is_assumed_where_it_is_given(chains):
    wide = books(spread=0.02).assumed(chains)
    np.testing.assert_allclose([wide.bid, wide.ask], [0.98 * chains.mark, 1.02 * chains.mark])
    assert books().assumed(chains) is chains


def test_paths_that_there_are_can_be_drawn(chains):
    paths, _ = books(books=3).windows(chains, "2024-01-02", "2024-01-05", TIMES)
    grid = dh.TimeGrid.uniform(maturity=2 / 252, steps=2)
    batch = dh.sample(dh.markets.Drawn(paths), grid, 600, key=jax.random.key(0), method="random")
    known = [row.tobytes() for row in np.asarray(paths.quotes["book"])]
    found = [row.tobytes() for row in np.asarray(batch.quotes["book"])]
    counts = np.array([found.count(row) for row in dict.fromkeys(known)])
    assert counts.sum() == 600 and np.all(np.abs(counts - 600 / len(counts)) < 4 * np.sqrt(600 / len(counts)))
    with pytest.raises(GridError, match="these paths have 3 points, the grid has 4"):
        dh.sample(dh.markets.Drawn(paths), dh.TimeGrid.uniform(maturity=1.0, steps=3), 2, key=jax.random.key(0))
    with pytest.raises(DataError, match="two paths or more"):
        dh.markets.Drawn(jax.tree.map(lambda x: x[:1], paths))


@pytest.mark.parametrize(
    ("changed", "error", "told"),
    [
        ({"hedges": {}}, ConfigError, "hedges must name one listed option"),
        ({"hedges": {"book": 0.0}}, ConfigError, "a hedge cannot be called book"),
        ({"count": 0}, ConfigError, "count and books must be 1 or more"),
        ({"count": 500}, DataError, "a book takes 500; widen money or years"),
        ({"hedge_years": (0.5, 1.0)}, DataError, "no option was quoted on 2024-01-02 to serve as call"),
    ],
)
def test_what_cannot_be_sold_or_hedged_is_said(chains, changed, error, told):
    with pytest.raises(error, match=told):
        books(**changed).windows(chains, "2024-01-02", "2024-01-05", TIMES)


def test_too_few_days_and_an_unknown_layout_are_said(chains, tmp_path):
    with pytest.raises(DataError, match="2 snapshots from 2024-01-02 to 2024-01-03 hold no window of 2 steps"):
        books().windows(chains, "2024-01-02", "2024-01-03", TIMES)
    with pytest.raises(ConfigError, match="unknown layout 'cbo': did you mean 'cboe'"):
        books(layout="cbo").read([tmp_path])


def test_sensitivities_of_a_book_are_derivatives_of_its_price():
    def price(spot, vol):
        return greeks(spot, 1.01 * spot, 0.98, 103.0, vol, 0.2, True)["mark"]

    with jax.enable_x64(True):
        found = greeks(100.0, 101.0, 0.98, 103.0, 0.2, 0.2, True)
        delta = jax.grad(price)
        expected = [of(100.0, 0.2) for of in (delta, jax.grad(delta), jax.grad(price, 1), jax.grad(delta, 1))]
        np.testing.assert_allclose([found[name] for name in ("delta", "gamma", "vega", "vanna")], expected, rtol=1e-9)


def test_the_study_sells_at_the_bid_and_closes_at_the_mark(monkeypatch):
    """Delta by the index, bought and sold at its bid and ask, in a plain loop over the steps of each window."""
    home = Path(os.environ.get("DEEPHEDGE_DATA", ROOT.parent / "shared" / "data"))
    if not (home / FILE).is_file():
        pytest.skip(f"no market data at {home / FILE}; set DEEPHEDGE_DATA to the folder that holds B_options")
    monkeypatch.setenv("DEEPHEDGE_DATA", str(home))
    study = Study.load("spx_book", ['data.chain.expiries=["2019-06-21", "2019-07-19"]', "data.chain.books=2"])
    assert study.overlap == 10 and study.underlier == "SPX"
    paths, starts = study.windows("validation")
    assert len(starts) == 2 * (len(study.years("validation")) - 5)
    found = dh.evaluate(study.problem, {"it": study.baselines["delta"]}, paths)["it"].wealth
    quote = {name: np.asarray(row, float) for name, row in paths.quotes.items()}
    grown = np.asarray(paths.numeraire, float)
    cash = quote["book.bid"][:, 0].copy()
    held = np.zeros(len(starts))
    for n in range(5):
        wanted = quote["book.delta"][:, n]
        cash -= (wanted - held) * quote["SPX"][:, n] / grown[:, n] + 5e-5 * np.abs(wanted - held) * quote["SPX"][
            :, n
        ] / grown[:, n]
        cash += wanted * quote["SPX"][:, n] / grown[:, n] * quote["SPX.dividend"][:, n] / 252
        held = wanted
    cash += (held - 5e-5 * np.abs(held)) * quote["SPX"][:, 5] / grown[:, 5] - quote["book"][:, 5] / grown[:, 5]
    np.testing.assert_allclose(found, cash, atol=2e-4)
