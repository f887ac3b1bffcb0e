"""Clean simulated data pass, and every planted defect is found, whatever the seed: some 50 cases, 1,000 in proofs."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.quality import clean
from deephedge.core.errors import DataError
from deephedge.data import KINDS, Origin, Records
from deephedge.data.quality import ALL, Report, Tolerance, apply, checked, raw_times, require_accepted, text
from deephedge.reports import quality_page

SEEDS = st.integers(0, 2**32 - 1)
CHECKS = tuple(check for check in ALL if check.name != "other volatility")  # compiles; it has a test of its own
Defect = Callable[[pl.DataFrame, np.random.Generator], tuple[pl.DataFrame, np.ndarray]]


def put(frame: pl.DataFrame, rows: np.ndarray, **columns) -> pl.DataFrame:
    """With new values in some rows."""
    here = pl.Series(np.isin(np.arange(frame.height), rows))
    return frame.with_columns(
        pl.when(here).then(new).otherwise(pl.col(name)).alias(name) for name, new in columns.items()
    )


def inner(frame: pl.DataFrame, rng: np.random.Generator, edge: int = 12) -> np.ndarray:
    return rng.integers(edge, frame.height - edge, 1)


def spike(frame, rng):
    row = inner(frame, rng)
    return put(frame, row, value=pl.col("value") * rng.choice([0.3, 0.6, 1.5, 3.0])), row


def zero(frame, rng):
    row = inner(frame, rng)
    return put(frame, row, value=0.0), row


def hundredfold(frame, rng):
    row = inner(frame, rng)
    return put(frame, np.arange(row[0], frame.height), value=pl.col("value") * rng.choice([0.01, 100.0])), row


def split(frame, rng):
    row = inner(frame, rng)
    return put(frame, np.arange(row[0], frame.height), value=pl.col("value") / rng.choice([2.0, 3.0, 10.0])), row


def twice(frame, rng):
    row = inner(frame, rng)
    return pl.concat([frame, frame[row.tolist()]]), row


def contradiction(frame, rng):
    row = inner(frame, rng)
    return pl.concat([frame, frame[row.tolist()].with_columns(pl.col("value") * 1.01)]), row


def hole(frame, rng):
    row = int(inner(frame, rng)[0])
    return pl.concat([frame[:row], frame[row + 8 :]]), np.empty(0, int)


def carried(frame, rng):
    row = int(inner(frame, rng, 20)[0])
    rows = np.arange(row + 1, row + 8)
    return put(frame, rows, value=frame["value"][row]), rows


def hour(frame, rng):
    """Which of two clocks is the wrong one cannot be told where London's change of hour falls beside, so no rows."""
    start = int(inner(frame, rng, 20)[0])
    rows = np.arange(start, min(start + 20, frame.height))
    late = {name: pl.col(name).dt.offset_by("1h") for name in ("event_time", "known_time")}
    return put(frame, rows, **late), np.empty(0, int)


def crossed(frame, rng):
    row = rng.integers(0, frame.height, 1)
    return put(frame, row, bid=pl.col("ask"), ask=pl.col("bid")), row


def unoffered(frame, rng):
    row = rng.integers(0, frame.height, 1)
    return put(frame, row, ask=0.0), row


def negative(frame, rng):
    row = rng.integers(0, frame.height, 1)
    return put(frame, row, bid=-pl.col("ask")), row


def one_hundredfold(frame, rng):
    row = rng.choice(np.flatnonzero(frame["bid"].to_numpy() > 3.0), 1)
    return put(frame, row, bid=pl.col("bid") * 100, ask=pl.col("ask") * 100), row


def cents(frame, rng):
    rows = np.flatnonzero((frame["event_time"] == rng.choice(frame["event_time"].unique().to_list())).to_numpy())
    return put(frame, rows, bid=pl.col("bid") * 100, ask=pl.col("ask") * 100), rows


def percent(frame, rng):
    return frame.with_columns(pl.col("vol") * 100), np.arange(frame.height)


def junk(frame, rng):
    row = rng.integers(0, frame.height, 1)
    return put(frame, row, vol=float(rng.choice([0.0, 0.001, 36.0]))), row


def other_moment(frame, rng):
    return frame.with_columns(pl.col("underlier_price") * rng.choice([0.98, 1.02])), np.arange(frame.height)


def copied(frame, rng):
    half = frame.height // 3
    prices = frame[:half].select("bid", "ask")
    later = frame[half : 2 * half].with_columns(prices["bid"], prices["ask"])
    return pl.concat([frame[:half], later, frame[2 * half :]]), np.arange(half, 2 * half)


def morning(frame, rng):
    row = rng.integers(0, frame.height, 1)
    return put(frame, row, settlement=pl.lit("am")), row


def at_once(frame, rng):
    return frame.with_columns(known_time=pl.col("event_time")), np.arange(frame.height)


SERIES = {
    "spike": (spike, ("outliers",)), "zero": (zero, ("outliers", "signs")), "factor of 100": (hundredfold, ("units",)),
    "split": (split, ("splits", "outliers")), "twice": (twice, ("duplicates",)),
    "contradiction": (contradiction, ("duplicates",)), "hole": (hole, ("gaps",)), "carried": (carried, ("stale",)),
    "an hour": (hour, ("clock",)),
}  # fmt: skip
CHAIN = {
    "crossed": (crossed, ("quotes",)), "no ask": (unoffered, ("quotes",)), "negative": (negative, ("quotes",)),
    "one in cents": (one_hundredfold, ("arbitrage",)), "all in cents": (cents, ("option units",)),
    "percent": (percent, ("option units",)), "junk": (junk, ("junk volatility",)), "copy": (copied, ("copies",)),
    "other moment": (other_moment, ("simultaneity",)), "morning": (morning, ("settlement",)),
}  # fmt: skip
DEFECTS = {
    **{name: (clean.series, *rest) for name, rest in SERIES.items()},
    **{name: (clean.chain, *rest) for name, rest in CHAIN.items()},
    "no lag": (clean.monthly, at_once, ("release lag",)),
}


def spoilt(name: str, seed: int) -> None:
    make, defect, expected = DEFECTS[name]
    frame, rows = defect(make(seed), np.random.default_rng(seed))
    records = clean.of(frame)
    report = checked(records, CHECKS)
    found = [one for one in report.findings if one.check in expected and one.severity != "note"]
    assert found, text(report)
    times = set(frame["event_time"].gather(rows).to_list())
    seen = {records.frame["event_time"][int(row)] for one in found for row in one.index}
    assert times <= seen, text(report)
    if report.accepted:  # within the tolerance: with none it is refused wherever it is an error
        if any(one.severity == "error" for one in found):
            with pytest.raises(DataError, match=f"simulated is refused: .*{found[0].check}"):
                require_accepted(checked(records, CHECKS, Tolerance(0.0)))


def passes(seed: int, make: Callable) -> Report:
    report = checked(clean.of(make(seed)), CHECKS)
    assert not [one for one in report.findings if one.severity == "error"], text(report)
    return report


def quick(examples: int):
    slow = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    return settings(max_examples=examples, deadline=None, database=None, suppress_health_check=slow)


@pytest.mark.parametrize("name", DEFECTS)
@quick(2)
@given(seed=SEEDS)
def test_a_planted_defect_is_found(name, seed):
    spoilt(name, seed)


@pytest.mark.slow
@pytest.mark.parametrize("name", DEFECTS)
@quick(40)
@given(seed=SEEDS)
def test_planted_defects_are_found(name, seed):
    spoilt(name, seed)


@quick(4)
@given(seed=SEEDS)
def test_clean_data_pass(seed):
    for make in (clean.series, clean.monthly, clean.chain):
        assert not [one for one in passes(seed, make).findings if one.severity == "warning" and make is clean.chain]


@pytest.mark.slow
@quick(70)
@given(seed=SEEDS)
def test_clean_data_pass_whatever_the_seed(seed):
    for make in (clean.series, clean.monthly, clean.chain, lambda seed: clean.series(seed, tails=4.0)):
        passes(seed, make)


NUMBERS = (None, 0.0, -1.0, 1.0, 1.0, 2.5, 99.0, 100.0, 101.0, 1e-300, 1e300, -1e300)
TIMES = ("0001-01-01", "1677-09-21", "2024-03-10 07:00", "2024-03-11", "2024-03-12", "2024-03-15 20:00", "9999-12-30")
WORDS = {
    "expiry": ("0001-01-01", "2024-03-15", "2024-04-19", "9999-12-31"), "right": ("call", "put", "neither"),
    "style": (None, "american", "european"), "unit": (None, "USD", "coin", "fraction", "INR"),
    "settlement": (None, "am", "pm"), "root": (None, "SPX", "SPXW"), "underlier": ("SPX", "X"), "name": ("a.b", "a.c"),
}  # fmt: skip


def garbage(kind: str, seed: int) -> Records:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 60))
    columns = {
        name: [(WORDS.get(name) or (NUMBERS if of == "number" else ("", "text")))[n] for n in
               rng.integers(0, len(WORDS.get(name) or (NUMBERS if of == "number" else ("", "text"))), count)]
        for name, of in KINDS[kind].columns.items() if name not in ("event_time", "known_time")
    }  # fmt: skip
    columns |= {"strike": rng.choice([-1.0, 0.0, 95.0, 100.0, 1e300], count)} if kind == "options" else {}
    at = [TIMES[n] for n in rng.integers(0, len(TIMES), count)]
    return Records.of(kind, {"event_time": at, "known_time": at, **columns}, origin=Origin("garbage"))


def judged(kind: str, seed: int, checks) -> None:
    records = garbage(kind, seed)
    report = checked(records, checks)
    assert text(report) and quality_page(report)
    better, undo = apply(records, report.rules)
    assert undo(better).digest == records.digest


@pytest.mark.parametrize("kind", KINDS)
@quick(2)
@given(seed=SEEDS)
def test_garbage_is_judged_without_a_crash(kind, seed):
    judged(kind, seed, CHECKS)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@quick(100)
@given(seed=SEEDS)
def test_much_garbage_is_judged_without_a_crash(kind, seed):
    judged(kind, seed, ALL)


@quick(5)
@given(seed=SEEDS)
def test_shuffled_rows_are_told(seed):
    times = clean.series(seed)["event_time"].dt.replace_time_zone(None).to_numpy()
    rng = np.random.default_rng(seed)
    assert raw_times(times, "a.csv") == []
    assert "newest first" in raw_times(times[::-1], "a.csv")[0]
    assert "not in order" in raw_times(rng.permutation(times), "a.csv")[0]
