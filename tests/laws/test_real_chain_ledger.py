"""A short listed option replayed trade by trade from the file itself: bid and ask, cash, interest, settlement.

Nothing of the library's marks is used: the desk below reads rows of the file, deals at their bids and asks, and keeps a
cash account. What it takes from the library are the positions and the rate and dividend yield of each day.
"""

import datetime as dt
import os
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import polars as pl
import pytest

import deephedge as dh
from deephedge import data
from deephedge import features as f
from deephedge import frictions as c
from deephedge import instruments as i
from deephedge import policies as p
from deephedge.data.layouts import Cboe

FILE = "B_options/spx_cboe_delayed_2019-04-25_2019-06-28.parquet"
SOLD, HEDGE = ("SPX", dt.date(2019, 6, 21), 2850.0, "call"), ("SPXW", dt.date(2019, 7, 31), 2875.0, "put")
INDEX, UNITS = 5e-5, 7.0


@pytest.fixture(scope="module")
def chosen() -> pl.DataFrame:
    """The rows of both expiries near the money; the longer one tells rate and yield."""
    root = Path(os.environ.get("DEEPHEDGE_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
    if not (root / FILE).is_file():
        pytest.skip(f"no market data at {root / FILE}; set DEEPHEDGE_DATA to the folder that holds B_options")
    frame = pl.scan_parquet(root / FILE).filter(
        pl.col("expiration").dt.date().is_in([SOLD[1], HEDGE[1]]) & pl.col("strike").is_between(2700, 3000)
    )
    return frame.collect()


def quotes(frame: pl.DataFrame, contract: tuple, times: np.ndarray) -> np.ndarray:
    """(bid, ask) of one contract on each day, as the file has them; NaN where it has none."""
    root, end, strike, right = contract
    own = frame.filter(
        pl.col("optionroot").str.contains(f"^{root}\\d") & (pl.col("expiration").dt.date() == end)
        & (pl.col("strike") == strike) & (pl.col("type") == right)
    )  # fmt: skip
    by_day = {day.date(): (bid, ask) for day, bid, ask in own.select("quotedate", "bid", "ask").iter_rows()}
    return np.array([by_day.get(day, (np.nan, np.nan)) for day in times.astype("datetime64[D]").astype(object)])


def by_hand(frame: pl.DataFrame, times: np.ndarray, positions: np.ndarray, rate: np.ndarray, dividend: np.ndarray):
    """Wealth in cash of the first day."""
    spots = dict(frame.select(pl.col("quotedate").dt.date(), "underlying_last").unique().iter_rows())
    spot = np.array([spots[day] for day in times.astype("datetime64[D]").astype(object)])
    sold, hedge = (quotes(frame, contract, times) for contract in (SOLD, HEDGE))
    cash, unit, index, option = UNITS * sold[0, 0], 1.0, 0.0, 0.0
    for k, now in enumerate(times):
        if k > 0:
            span = (now - times[k - 1]) / np.timedelta64(1, "s") / 86400 / 365
            cash, unit = cash * np.exp(rate[k - 1] * span), unit * np.exp(rate[k - 1] * span)
            cash += index * spot[k] * np.expm1(dividend[k - 1] * span)
        last = k == len(times) - 1
        wish = (0.0, 0.0) if last else positions[k]
        cash -= (wish[0] - index) * spot[k] + INDEX * abs(wish[0] - index) * spot[k]
        cash -= (wish[1] - option) * hedge[k, 1 if wish[1] > option else 0]  # at the ask or at the bid
        index, option = wish
    return (cash - UNITS * max(spot[-1] - SOLD[2], 0.0)) / unit


def follow(chains: data.Chains):
    sold = chains.find(*SOLD[1:], settlement="am")
    hedge = chains.find(*HEDGE[1:])
    last = int(np.searchsorted(chains.times, chains.expires[sold]))
    path = chains.path({"sold": sold, "hedge": hedge}, 0, last)
    ends = chains.years(chains.expires[[sold, hedge]])
    short = i.Listed("sold", "SPX", SOLD[2], ends[0], SOLD[3])
    other = i.Listed("hedge", "SPX", HEDGE[2], ends[1], HEDGE[3])
    problem = dh.HedgingProblem(
        grid=dh.TimeGrid(path.times), liability=i.sold_at_bid(short, UNITS), instruments=(i.Spot("SPX"), other),
        features=(f.Delta(short), f.Vega(short), f.Delta(other, "hedge_delta"), f.Vega(other, "hedge_vega")),
        cost=c.QuotedSpread((None, "hedge"), default=(INDEX, 0.0)), close_out=True,
    )  # fmt: skip
    ledger = eqx.filter_jit(dh.rollout)(problem, p.DeltaVega(units=UNITS), path)
    return chains.times[: last + 1], jax.tree.map(np.asarray, ledger), chains


@pytest.fixture(scope="module")
def chains(chosen) -> data.Chains:
    records = data.Records.of("options", Cboe().rows(chosen, "chain"), origin=data.Origin("Cboe"))
    return data.Chains.of(records)


@pytest.mark.parametrize("wide, tolerance", [(True, 1e-9), pytest.param(False, 3e-6, marks=pytest.mark.slow)])
def test_a_desk_that_reads_the_file_ends_with_the_same_wealth(chosen, chains, wide, tolerance):
    """In float32 to three millionths of the premium: index times position is rounded to seven digits each day."""
    with jax.enable_x64(wide):
        times, ledger, _ = follow(chains)
    expected = by_hand(chosen, times, ledger.position.astype(float), chains.rate, chains.dividend)
    premium = UNITS * quotes(chosen, SOLD, times)[0, 0]
    assert abs(float(ledger.wealth) - expected) <= tolerance * max(premium, abs(expected))
    assert ledger.cost.sum() > 0 and np.abs(ledger.trade[:, 1]).sum() > 1 and ledger.tradable.all()
    assert len(times) == 36 and "2019-05-27" not in times.astype("datetime64[D]").astype(str)
