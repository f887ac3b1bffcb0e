"""Models calibrated to one day of real option chains: ``python -m bench.calibration --data FOLDER``.

FOLDER (or ``B_options`` in ``DEEPHEDGE_DATA``) holds the files named in CHAINS. Each chain is cut by one rule, that
of `quotes_of`; every model is fitted to the same quotes, and the result file that the docs quote gets residuals in vol
points and seconds with all compilation. ``--brief`` takes a few quotes of each and writes nothing.
"""

import argparse
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from bench.kept import keep
from deephedge.markets import calibration as c

SHORTEST, LONGEST = 7 / 365, 2.6  # years
WIDEST = 0.5  # ask less bid over their mean
REACH = 3.0  # standard deviations from the money
PARITY = 0.05  # log-moneyness within which puts and calls give forward and discount

COLUMNS = ("tau", "strike", "call", "bid", "ask", "forward")  # forward: null where parity has to give it


def spx(folder: Path) -> pl.DataFrame:
    """S&P 500, an intraday snapshot of the delayed quotes; of each date the root with more quotes (AM or PM)."""
    day = pl.read_parquet(folder / "spx_cboe_delayed_2019-04-25_2019-06-28.parquet").filter(
        pl.col("quotedate") == pl.datetime(2019, 5, 31)
    )
    day = day.with_columns(pl.col("optionroot").str.head(-15).alias("root"), pl.len().over("expiration", "optionroot"))
    count = day.group_by("expiration", "root").agg(pl.len().alias("n")).sort("n").group_by("expiration").last()
    day = day.join(count, on=["expiration", "root"])
    return _columns(day, pl.col("expiration") - pl.col("quotedate"))


def megacap(name: str) -> Callable[[Path], pl.DataFrame]:
    """A US share half an hour after the close; American, of which only options out of the money are used."""

    def read(folder: Path) -> pl.DataFrame:
        day = pl.read_parquet(folder / "us_megacap5_yahoo_2025-11-25_2025-12-05.parquet").filter(
            (pl.col("snap_date") == pl.datetime(2025, 12, 3)) & (pl.col("underlying") == name)
        )
        return _columns(day, pl.col("expiration") - pl.col("snap_date"))

    return read


def coin(exchange: str) -> Callable[[Path], pl.DataFrame]:
    """Bitcoin, in coin: times the forward that the exchange gives for the expiry; they end at 8:00 UTC."""

    def read(folder: Path) -> pl.DataFrame:
        day = pl.read_parquet(folder / f"{exchange}_btc_eth_2026-07-04_2026-08-09.parquet").filter(
            (pl.col("file_date") == "2026-07-20") & (pl.col("underlying") == "BTC")
        )
        forward = pl.col("underlying_price").median().over("expiry")
        day = day.with_columns(forward=forward, bid=pl.col("bid") * forward, ask=pl.col("ask") * forward)
        return _columns(day, pl.col("expiry") + pl.duration(hours=8) - pl.col("snapshot_utc"), "forward")

    return read


def nifty(folder: Path) -> pl.DataFrame:
    """NSE closing prices of what was traded; no quotes, so half a spread is taken to be 1 % of the price or 1 rupee."""
    day = pl.read_parquet(folder / "nse_fo_bhavcopy_nifty_reliance_2025-01_2026-03.parquet").filter(
        (pl.col("TradDt") == pl.datetime(2026, 2, 3))
        & (pl.col("TckrSymb") == "NIFTY")
        & (pl.col("FinInstrmTp") == "IDO")
        & (pl.col("TtlTradgVol") > 100)
    )
    half = pl.max_horizontal(pl.lit(1.0), 0.01 * pl.col("ClsPric"))
    day = day.rename({"StrkPric": "strike"}).with_columns(
        pl.when(pl.col("OptnTp") == "CE").then(pl.lit("call")).otherwise(pl.lit("put")).alias("type"),
        (pl.col("ClsPric") - half).alias("bid"),
        (pl.col("ClsPric") + half).alias("ask"),
    )
    return _columns(day, pl.col("XpryDt") - pl.col("TradDt"))


CHAINS: dict[str, Callable[[Path], pl.DataFrame]] = {
    "SPX 2019-05-31 (Cboe)": spx,
    "BTC 2026-07-20 (Deribit)": coin("deribit"),
    "BTC 2026-07-20 (OKX)": coin("okx"),
    "NIFTY 2026-02-03 (NSE)": nifty,
    "NVDA 2025-12-03 (Yahoo)": megacap("NVDA"),
    "AAPL 2025-12-03 (Yahoo)": megacap("AAPL"),
}


def _columns(day: pl.DataFrame, left: pl.Expr, forward: str | None = None) -> pl.DataFrame:
    return day.select(
        (left.dt.total_seconds() / (365 * 86400)).alias("tau"),
        pl.col("strike").cast(pl.Float64),
        (pl.col("type") == "call").alias("call"),
        pl.col("bid").cast(pl.Float64),
        pl.col("ask").cast(pl.Float64),
        (pl.lit(None, pl.Float64) if forward is None else pl.col(forward)).alias("forward"),
    ).filter((pl.col("bid") > 0) & (pl.col("ask") > pl.col("bid")) & pl.col("tau").is_between(SHORTEST, LONGEST))


def forwards(chain: pl.DataFrame) -> pl.DataFrame:
    """Forward and discount of each expiry by put-call parity, with one rate for all expiries.

    C - P = D (F - K): the rate is the median over expiries from a quarter of a year on of the slope of a line through
    the strikes near the money, and the forward the median of K + (C - P) / D.
    """
    if chain["forward"].null_count() == 0:
        return chain.with_columns(discount=1.0)
    mid = chain.with_columns(mid=0.5 * (pl.col("bid") + pl.col("ask")))
    both = mid.filter("call").join(mid.filter(~pl.col("call")), on=["tau", "strike"])
    both = both.select("tau", "strike", gap=pl.col("mid") - pl.col("mid_right"))
    near = both.with_columns(money=pl.col("strike").sort_by(pl.col("gap").abs()).first().over("tau"))
    near = near.filter((pl.col("strike") / pl.col("money")).log().abs() < PARITY).sort("tau")
    slopes = [
        -np.log(-np.polyfit(part["strike"], part["gap"], 1)[0]) / part["tau"][0]
        for part in near.partition_by("tau")
        if part["tau"][0] > 0.25 and len(part) > 4
    ]
    rate = float(np.median(slopes)) if slopes else 0.0
    near = near.with_columns(discount=(-rate * pl.col("tau")).exp())
    found = near.group_by("tau").agg(
        (pl.col("strike") + pl.col("gap") / pl.col("discount")).median().alias("forward"), pl.col("discount").first()
    )
    return chain.drop("forward").join(found, on="tau")


def quotes_of(chain: pl.DataFrame) -> tuple[c.OptionQuotes, int, int]:
    """The quotes used, how many there were in the chain, and how many were an arbitrage.

    The rule: a bid above 0 and below the ask, at most half of the mid apart; a week to 2.6 years; out of the money,
    within 3 standard deviations (of the quote nearest to the money); no arbitrage at the
    spreads; five quotes an expiry.
    """
    whole = forwards(chain)
    mid = 0.5 * (pl.col("bid") + pl.col("ask"))
    used = whole.filter(
        (pl.col("call") == (pl.col("strike") >= pl.col("forward"))) & (pl.col("ask") - pl.col("bid") < WIDEST * mid)
    ).sort("tau", "strike")
    # At the money a price is 0.4 of the forward times volatility and the root of time.
    money = (mid / pl.col("discount") / pl.col("forward")).sort_by((pl.col("strike") / pl.col("forward")).log().abs())
    used = used.with_columns(
        total=money.first().over("tau") / 0.4, away=(pl.col("strike") / pl.col("forward")).log().abs()
    )
    used = used.filter(pl.col("away") < REACH * pl.col("total")).filter(pl.len().over("tau") >= 5)
    rows = {name: used[name].to_numpy() for name in ("strike", "forward", "discount", "call")}
    quotes, dropped = c.OptionQuotes.clean(
        expiry=used["tau"].to_numpy(), price=used.select(mid).to_series().to_numpy(),
        spread=used.select(0.5 * (pl.col("ask") - pl.col("bid"))).to_series().to_numpy(), **rows,
    )  # fmt: skip
    enough = [t for t in quotes.expiries if np.sum(quotes.expiry == t) >= 5]
    return quotes[np.isin(quotes.expiry, enough)], len(chain), len(dropped)


def thinned(quotes: c.OptionQuotes, most: int = 12) -> c.OptionQuotes:
    """At most ``most`` quotes of each expiry, evenly through the strikes: for models that simulate."""
    kept = []
    for t in quotes.expiries:
        own = np.flatnonzero(quotes.expiry == t)
        kept.append(own[np.unique(np.linspace(0, len(own) - 1, most).astype(int))])
    return quotes[np.concatenate(kept)]


MODELS: dict[str, Callable[[c.OptionQuotes], tuple[c.Calibration, ...]]] = {
    "Heston": lambda quotes: (c.calibrate_heston(quotes),),
    "Bates": lambda quotes: (c.calibrate_bates(quotes),),
    "SSVI": lambda quotes: (c.calibrate_ssvi(quotes),),
    "SABR, by expiry": lambda quotes: c.calibrate_sabr(quotes),
    "rough Bergomi, thinned": lambda quotes: (c.calibrate_rough_bergomi(thinned(quotes), paths=1024),),
}


def fitted(model: str, quotes: c.OptionQuotes) -> dict:
    """One row of the result file."""
    began, busy = time.perf_counter(), time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are in the report
        fits = MODELS[model](quotes)
    seconds, busy = time.perf_counter() - began, time.process_time() - busy
    residuals = np.concatenate([fit.residuals for fit in fits])
    row = {
        "model": model, "quotes": len(residuals), "rmse": float(np.sqrt(np.mean(residuals**2))),
        "median": float(np.median(np.abs(residuals))), "largest": float(np.max(np.abs(residuals))),
        "seconds": seconds, "cpu_seconds": busy, "reached": min(fit.reached for fit in fits), "starts": fits[0].starts,
    }  # fmt: skip
    if len(fits) == 1:
        fit = fits[0]
        row |= {
            "parameters": fit.parameters,
            "errors": fit.errors,
            "condition": fit.condition,
            "warnings": fit.warnings,
        }
    return row


def brief(quotes: c.OptionQuotes) -> c.OptionQuotes:
    """Two expiries with at most 12 quotes each."""
    kept = [
        np.flatnonzero(quotes.expiry == t)[:: max(1, np.sum(quotes.expiry == t) // 12)][:12]
        for t in quotes.expiries[1:3]
    ]
    return quotes[np.concatenate(kept)]


def main(arguments: list[str] | None = None) -> dict[str, dict]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("DEEPHEDGE_DATA", "data")) / "B_options")
    parser.add_argument("--brief", action="store_true")
    parser.add_argument("--only", default="", help="chains whose name contains this")
    options = parser.parse_args(arguments)
    results = {}
    for name, read in CHAINS.items():
        if options.only not in name:
            continue
        try:
            chain = read(options.data)
        except FileNotFoundError as absent:
            print(f"{name}: no data ({absent}); give the folder with --data")
            continue
        began = time.perf_counter()
        quotes, listed, arbitrage = quotes_of(chain)
        quotes = brief(quotes) if options.brief else quotes
        took = time.perf_counter() - began
        print(f"{name}: {len(quotes)} of {listed} quotes, {len(quotes.expiries)} expiries, "
              f"{arbitrage} dropped as an arbitrage, {took:.1f} s to clean", flush=True)  # fmt: skip
        rows = []
        for model in list(MODELS)[2:4] if options.brief else MODELS:
            rows.append(fitted(model, quotes))
            row = rows[-1]
            sizes = "  ".join(f"{what} {row[what]:6.3f}" for what in ("rmse", "median", "largest"))
            print(f"  {model:<16} {sizes} vol points, {row['seconds']:5.1f} s ({row['cpu_seconds']:.1f} s of CPU), "
                  f"{row['reached']} of {row['starts']} starts", flush=True)  # fmt: skip
            for sentence in row.get("warnings", ()):
                print(f"    {sentence}")
        results[name] = {"quotes": len(quotes), "listed": listed, "arbitrage": arbitrage,
                         "expiries": quotes.expiries.tolist(), "models": rows}  # fmt: skip
    if results and not options.brief:
        keep("calibration", results)
    return results


if __name__ == "__main__":
    main()
