"""Rules of repair: beside a plain loop, told, written and read, undone to the digest, and the same on a stream."""

import json
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from data.quality import clean
from deephedge.core.errors import DataError
from deephedge.data import Origin, Records
from deephedge.data.quality import ALL, Adjust, Drop, Fill, Once, Where, Winsorise, apply, checked, from_dict

QUICK = tuple(check for check in ALL if check.name != "other volatility")  # which compiles
RULES = (
    Drop(Where(("ask", "<", "@bid"))),
    Once(Where()),
    Fill(Where(("bid", "==", 0.0)), "bid"),
    Winsorise(Where(("name", "in", ["A", "B"])), "bid", window=5, width=3.0),
    Adjust(Where(("event_time", ">=", "2024-02-01")), "ask", 0.01),
)


def dirty(seed: int = 0, rows: int = 120) -> Records:
    """Two names in turn, with zeros, crossed quotes, spikes, repeats and gaps."""
    rng = np.random.default_rng(seed)
    at = clean.stamped(np.busday_offset("2024-01-02", np.arange(rows) // 2))
    bid = 100.0 + np.cumsum(rng.standard_normal(rows))
    bid[rng.integers(0, rows, 8)] = 0.0
    bid[rng.integers(0, rows, 4)] *= 5.0
    ask = np.where(rng.random(rows) < 0.05, bid - 1.0, bid + 1.0)
    frame = pl.DataFrame({
        "event_time": at, "known_time": at, "name": np.where(np.arange(rows) % 2, "B", "A"), "bid": bid, "ask": ask,
        "bid_size": np.where(rng.random(rows) < 0.1, np.nan, 1.0),
    })  # fmt: skip
    frame = pl.concat([frame, frame[rng.integers(0, rows, 5).tolist()]])
    return Records.of("quotes", frame, origin=Origin("by hand"))


def test_a_digest_is_of_the_content():
    records = dirty()
    again = Records.of("quotes", records.frame.sort("bid", descending=True), origin=records.origin)
    parts = Records.of("quotes", pl.concat([records.frame[:50], records.frame[50:]]), origin=records.origin)
    assert again.frame.sort(pl.all()).equals(records.frame.sort(pl.all()))
    assert parts.digest == records.digest == Records.of("quotes", records.frame, origin=records.origin).digest
    zeros = records.frame.with_columns(pl.col("bid_size").fill_null(0.0))
    assert Records.of("quotes", zeros, origin=records.origin).digest != records.digest


def test_a_digest_of_texts_is_of_the_content():
    at = [f"2024-01-{day:02d}" for day in range(1, 29)]
    text = [f"a headline long enough to lie elsewhere, {n % 5}" if n % 3 else None for n in range(28)]
    frame = pl.DataFrame({"event_time": at, "known_time": at, "name": "A", "headline": text})
    digests = {Records.of("news", rows, origin=Origin("x")).digest for rows in (frame, frame[::-1], frame.to_dicts())}
    assert len(digests) == 1


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_is_told_written_and_undone(rule):
    records = dirty()
    better, undo = apply(records, [rule])
    assert better.digest != records.digest
    assert undo(better).digest == records.digest and undo(better).repairs == records.repairs
    assert len(better.repairs) == 1 and better.repairs[0].startswith(f"{rule.name} ")
    count = int(better.repairs[0].rsplit(": ", 1)[1].split()[0])
    changed = len(records) - len(better)
    if not changed:
        changed = int((records.frame[rule.column] != better.frame[rule.column]).sum())
    assert count == changed > 0
    assert from_dict(json.loads(json.dumps(rule.to_dict()))) == rule


def test_all_rules_together_are_undone():
    records = dirty()
    better, undo = apply(records, RULES)
    assert len(better.repairs) == len(RULES)
    assert undo(better).digest == records.digest
    with pytest.raises(DataError, match="not the records that were repaired"):
        undo(records)


@pytest.mark.parametrize("cut", [1, 7, 60])
def test_a_stream_is_repaired_as_the_whole_is(cut):
    records = dirty()
    whole, _ = apply(records, RULES)
    moments = records.frame["known_time"].unique().sort()
    pieces, before = [], None
    for start in range(0, len(moments), cut):
        last = moments[min(start + cut, len(moments)) - 1]
        known = records.known_by(last)
        earlier = known.frame.filter(pl.col("known_time") < moments[start])
        piece = Records.of("quotes", known.frame.filter(pl.col("known_time") >= moments[start]), origin=records.origin)
        before = Records.of("quotes", earlier, origin=records.origin)
        pieces.append(apply(piece, RULES, before=before)[0])
    assert pieces[0].joined(*pieces[1:]).digest == whole.digest


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_no_rule_looks_ahead(rule):
    records = dirty()
    when = records.frame["known_time"][len(records) // 2]
    later = pl.col("known_time") > when
    other = records.frame.with_columns(
        pl.when(later).then(pl.col(name) * 7.0).otherwise(name) for name in ("bid", "ask")
    )
    changed = Records.of("quotes", other, origin=records.origin)
    results = [apply(one, [rule])[0].known_by(when).digest for one in (records, changed)]
    assert results[0] == results[1]


def test_fill_and_winsorise_beside_a_loop():
    records = dirty()
    filled = apply(records, [RULES[2]])[0].frame
    last: dict[str, float | None] = {}
    for row, now in zip(records.frame.iter_rows(named=True), filled["bid"], strict=True):
        wanted = last.get(row["name"]) if row["bid"] == 0.0 else row["bid"]
        assert now == wanted
        if row["bid"] != 0.0:
            last[row["name"]] = row["bid"]
    held = apply(records, [RULES[3]])[0].frame
    for name in ("A", "B"):
        x = records.frame.filter(name=name)["bid"].to_numpy()
        middle = np.array([np.median(x[t - 5 : t]) if t >= 5 else np.nan for t in range(len(x))])
        away = np.abs(x - middle)
        wanted = x.copy()
        for t in range(len(x)):
            known = away[max(t - 5, 0) : t]
            if t >= 5 and np.isfinite(known).any():
                reach = 3.0 * 1.4826 * np.median(known[np.isfinite(known)])
                wanted[t] = np.clip(x[t], middle[t] - reach, middle[t] + reach)
        np.testing.assert_allclose(held.filter(name=name)["bid"], wanted, rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Where(("bid", "~", 1.0)), "a condition is"),
        (lambda: apply(dirty(), [Drop(Where(("bib", "<", 1.0)))]), "no column 'bib': did you mean 'bid'"),
        (lambda: apply(dirty(), [Drop(Where(("bid", "<", "@asc")))]), "no column 'asc': did you mean 'ask'"),
        (lambda: apply(dirty(), [Adjust(Where(), "name", 2.0)]), "says what a row is about"),
        (lambda: apply(dirty(), [Fill(Where(), "event_time")]), "says what a row is about"),
        (lambda: from_dict({"rule": "dropp"}), "did you mean 'drop'"),
        (lambda: from_dict({"rule": "adjust", "columm": "bid"}), "no field 'columm': did you mean 'column'"),
        (lambda: apply(dirty(), [], before=clean.of(clean.series(0))), "what came before must be quotes"),
    ],
)
def test_mistakes_are_told(make, said):
    with pytest.raises(DataError, match=said):
        make()


def test_what_is_not_known_meets_no_condition():
    frame = pl.DataFrame({"event_time": ["2024-01-02"], "known_time": ["2024-01-02"], "name": ["A"], "bid": [None]})
    records = Records.of("quotes", frame, origin=Origin("by hand"))
    assert len(apply(records, [Drop(Where(("bid", "<", 1.0))), Drop(Where(("bid", "!=", 1.0)))])[0]) == 1
    assert len(apply(records, [Drop(Where())])[0]) == 0


def test_proposed_repairs_make_records_acceptable():
    frame = clean.chain(3)
    late = frame.filter(pl.col("event_time") == frame["event_time"].max())
    copied = late.with_columns(pl.col(name) + timedelta(days=3) for name in ("event_time", "known_time"))
    records = clean.of(pl.concat([frame, copied]))
    report = checked(records, QUICK)
    assert not report.accepted and report.of("copies")[0].rows == copied.height
    better, undo = apply(records, report.rules)
    assert checked(better, QUICK).accepted and better.digest == clean.of(frame).digest
    assert undo(better).digest == records.digest
