"""The store: what goes in comes out, nothing that was there changes, and an id stands for its content."""

import json
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from deephedge.core.errors import DataError
from deephedge.data import Origin, Records
from deephedge.data.query import query
from deephedge.data.store import Snapshot, Store

HERE = Origin("by hand", "nobody", "none")
START = datetime(2023, 11, 1, 21, tzinfo=UTC)


def chain(first: int, last: int, underlier: str = "SPX", shift: float = 0.0) -> Records:
    rows = [
        {
            "event_time": START + timedelta(day), "known_time": START + timedelta(day), "underlier": underlier,
            "expiry": datetime(2024, 6, 21).date(), "strike": strike, "right": right, "bid": strike / 10 + day + shift,
        }
        for day in range(first, last) for strike in (90.0, 100.0) for right in ("call", "put")
    ]  # fmt: skip
    return Records.of("options", rows, origin=HERE)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def everything(root):
    return {str(f.relative_to(root)): f.read_bytes() for f in root.rglob("*") if f.is_file()}


def test_what_goes_in_comes_out(store):
    pieces = [chain(0, 40), chain(40, 90), chain(0, 90, "NDX")]
    snapshot = store.add("chains", iter(pieces))
    assert snapshot.rows == 720 and len(snapshot.parts) > 4
    assert store.read("chains").frame.equals(pieces[0].joined(*pieces[1:]).frame)
    assert store.read("chains").origin == HERE
    few = store.read("chains", START + timedelta(30), START + timedelta(35), bucket="NDX", columns=("bid",))
    expected = pieces[2].between(START + timedelta(30), START + timedelta(35))
    assert few.frame["bid"].equals(expected.frame["bid"]) and few.frame["ask"].null_count() == len(few)
    assert len(store.read("chains", "2030-01-01")) == 0


def test_only_parts_that_may_hold_it_are_opened(store):
    snapshot = store.add("chains", [chain(0, 90), chain(0, 90, "NDX")])
    assert len(store.files(snapshot, "2023-12-01", "2024-01-01", "SPX")) == 1


def test_the_same_content_has_the_same_id_wherever_it_came_from(store, tmp_path):
    one = store.add("a", [chain(0, 90)])
    assert Store(tmp_path / "other").add("b", [chain(0, 90)]).id == one.id
    assert store.add("a", [chain(0, 90)]).id == one.id and len(store.history("a")) == 1
    assert store.add("c", [chain(0, 90, shift=1e-9)]).id != one.id


def test_rows_that_are_there_already_are_not_added_twice(store):
    store.add("a", [chain(0, 60)])
    snapshot = store.add("a", [chain(30, 90)])
    assert snapshot.rows == 360 and store.read("a").frame.equals(chain(0, 90).frame)
    assert snapshot.parent is not None


def test_an_older_snapshot_stays_as_it_was(store):
    first = store.add("a", [chain(0, 30)])
    before = everything(store.root / "parts")
    second = store.add("a", [chain(30, 60)])
    assert before.items() <= everything(store.root / "parts").items()
    assert store.read(f"a@{first.id[:6]}").frame.equals(chain(0, 30).frame)
    assert store.snapshot("a").id == second.id
    fresh = store.add("a", [chain(50, 60)], fresh=True)
    assert fresh.rows == 40 and [one["id"] for one in store.history("a")] == [first.id, second.id, fresh.id]


def test_a_refused_piece_changes_nothing_that_is_named(store):
    store.add("a", [chain(0, 30)])
    before = everything(store.root / "names") | everything(store.root / "snapshots")

    def broken():
        yield chain(30, 60)
        raise DataError("the second piece cannot be read")

    with pytest.raises(DataError, match="second piece"):
        store.add("a", broken())
    with pytest.raises(DataError, match="a holds options, these are news"):
        store.add("a", [Records.of("news", {}, origin=HERE)])
    assert everything(store.root / "names") | everything(store.root / "snapshots") == before


def test_damage_is_seen(store):
    snapshot = store.add("a", [chain(0, 90)])
    assert store.verify(snapshot) == []
    one, two = store.files(snapshot)[:2]
    frame = pl.read_parquet(one)
    frame.with_columns(pl.col("bid") + 1e-6).write_parquet(one)
    two.write_bytes(two.read_bytes()[:-9])
    assert len(store.verify(snapshot)) == 2
    place = store.root / "snapshots" / f"{snapshot.id}.json"
    facts = json.loads(place.read_text())
    facts["origins"][0]["licence"] = "free"
    place.write_text(json.dumps(facts))
    with pytest.raises(DataError, match="changed by hand"):
        store.snapshot("a")


def test_a_snapshot_survives_json(store):
    snapshot = store.add("a", [chain(0, 3).told("a sentence")])
    assert Snapshot.from_dict(json.loads(json.dumps(snapshot.to_dict()))) == snapshot
    assert snapshot.repairs == ("a sentence",)


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda s: s.read("chians"), "did you mean 'chains'"),
        (lambda s: s.read("chains@zz"), "no snapshot 'zz'"),
        (lambda s: s.read("chains", columns=("bud",)), "did you mean 'bid'"),
        (lambda s: s.add("Über", [chain(0, 1)]), "cannot be called"),
        (lambda s: s.add("../x", [chain(0, 1)]), "cannot be called"),
        (lambda s: s.add("none", []), "no rows"),
    ],
)
def test_mistakes_are_one_sentence(store, ask, told):
    store.add("chains", [chain(0, 3)])
    with pytest.raises(DataError, match=told):
        ask(store)


def test_a_query_is_the_same_as_the_frame(store):
    store.add("chains", [chain(0, 90), chain(0, 90, "NDX")])
    first = store.snapshot("chains")
    store.add("chains", [chain(90, 95)])
    frame = store.read("chains").frame
    found = query(store, 'select underlier, "right", sum(bid) total from chains group by all order by all')
    expected = frame.group_by("underlier", "right").agg(pl.col("bid").sum().alias("total")).sort("underlier", "right")
    assert found.select("underlier", "right").equals(expected.select("underlier", "right"))
    assert found["total"].to_list() == pytest.approx(expected["total"].to_list(), rel=1e-12)
    older = query(store, f'select count(*) n from "chains@{first.id}"')
    assert older["n"].to_list() == [720]
    assert query(store, "select * from chains", limit=3).height == 3


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_csv('{file}')", "select * from '{file}'", "copy chains to '{file}'", "drop view chains",
        "set memory_limit = '9GB'", "select 1; select 2", "selec", "select * from chians", "install httpfs",
        "attach '{file}'", "select * from read_text('{file}')",
    ],
)  # fmt: skip
def test_a_query_can_read_the_parts_and_do_nothing_else(store, tmp_path, sql):
    store.add("chains", [chain(0, 3)])
    file = tmp_path / "secret.csv"
    file.write_text("a\n1\n")
    with pytest.raises(DataError):
        query(store, sql.format(file=file))
    assert file.read_text() == "a\n1\n"
