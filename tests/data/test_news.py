import numpy as np
import pytest

from deephedge.core.errors import DataError
from deephedge.data import Origin, Records, news_columns

pl = pytest.importorskip("polars")
DAY = np.timedelta64(1, "D")
START = np.datetime64("2024-01-01T12:00", "us")


def news_of(known, *, names=None, ids=None):
    count = len(known)
    stamps = pl.Series(known.astype("datetime64[us]")).dt.replace_time_zone("UTC")
    rows = {"event_time": stamps, "known_time": stamps, "source": ["a"] * count}
    rows |= {"name": names if names is not None else [""] * count, "id": ids or [f"{k:05d}" for k in range(count)]}
    return Records.of("news", rows, origin=Origin("drawn"))


def drawn(count=300, days=60, seed=0):
    """Times with ties, three names, tones with gaps; and decision times, some at the times of items."""
    rng = np.random.default_rng(seed)
    known = START + np.sort(rng.integers(0, days * 24, count)) * np.timedelta64(1, "h")
    news = news_of(known, names=rng.choice(["AAPL", "MSFT", ""], count).tolist())
    known = news.frame["known_time"].dt.replace_time_zone(None).to_numpy()
    scores = {
        "tone": np.where(rng.random(count) < 0.2, np.nan, rng.uniform(-1, 1, count)),
        "novelty": rng.random(count),
    }
    at = np.unique(np.concatenate([START - DAY + np.arange(days + 30) * DAY, known[::7]]))
    return news, known, scores, at


def by_hand(known, score, at, half_life):
    """Mean, dispersion and volume, one time and one item after the other."""
    rows = []
    for when in at:
        volume, weights, values = 0.0, [], []
        for moment, value in zip(known, score, strict=True):
            if moment <= when:
                weight = 0.5 ** ((when - moment) / DAY / half_life)
                volume += weight
                if not np.isnan(value):
                    weights.append(weight)
                    values.append(value)
        mean = np.average(values, weights=weights) if values else 0.0
        spread = np.sqrt(np.average((np.array(values) - mean) ** 2, weights=weights)) if values else 0.0
        rows.append((mean, spread, volume))
    return np.array(rows)


@pytest.mark.parametrize("half_life", [0.02, 1.0, 30.0])
def test_columns_are_those_of_a_double_loop(half_life):
    news, known, scores, at = drawn(count=120, days=25)
    if half_life < 0.1:  # an old item must still weigh something in the loop that it is compared with
        at = at[np.searchsorted(known, at, side="right") > 0]
        at = at[(at - known[np.searchsorted(known, at, side="right") - 1]) / DAY < 10]
    found = news_columns(news, scores, at, half_life=half_life)
    for name, score in scores.items():
        columns = [f"news.{name}", f"news.{name}_dispersion", "news.volume"]
        wanted = by_hand(known, score, at, half_life)
        np.testing.assert_allclose(found.select(columns).to_numpy(), wanted, rtol=1e-9, atol=1e-7)


def test_labels_split_the_items():
    news, known, scores, at = drawn(count=80, days=20)
    by_name = news_columns(news, scores, at, half_life=2.0, by="name", prefix="n")
    topics = np.array(["oil", "rates"])[np.arange(80) % 2]
    by_topic = news_columns(news, scores, at, half_life=2.0, by=topics, labels=("oil", "war"))
    for table, label, start in (
        (by_name, news.frame["name"].to_numpy() == "AAPL", "n.AAPL"),
        (by_topic, topics == "oil", "news.oil"),
    ):
        wanted = by_hand(known[label], scores["tone"][label], at, 2.0)
        columns = [f"{start}.tone", f"{start}.tone_dispersion", f"{start}.volume"]
        np.testing.assert_allclose(table.select(columns).to_numpy(), wanted, rtol=1e-9, atol=1e-7)
    assert by_topic.columns[1:6] == [
        "news.oil.volume",
        "news.oil.tone",
        "news.oil.tone_dispersion",
        "news.oil.novelty",
        "news.oil.novelty_dispersion",
    ]
    assert not by_topic.select(pl.col("^news.war.*$")).to_numpy().any()
    assert not any(column.startswith("news.rates") for column in by_topic.columns)


@pytest.mark.parametrize("half_life", [0.01, 3.0])
def test_what_becomes_known_later_changes_no_row_before(half_life):
    news, known, scores, at = drawn()
    full = news_columns(news, scores, at, half_life=half_life)
    for cut in at[[1, 20, 60, -1]]:
        count = int(np.searchsorted(known, cut, side="right"))
        early = news_columns(
            news.known_by(cut), {n: s[:count] for n, s in scores.items()}, at[at <= cut], half_life=half_life
        )
        assert early.equals(full.filter(pl.col("time") <= pl.lit(cut).dt.replace_time_zone("UTC")))
        changed = {name: np.where(known > cut, 0.9, score) for name, score in scores.items()}
        again = news_columns(news, changed, at, half_life=half_life)
        assert again.head(len(early)).equals(early)


def test_an_item_counts_from_the_moment_it_is_known_and_not_from_when_it_happened():
    rows = [{"event_time": "2024-01-01", "known_time": "2024-01-03", "name": "", "source": "a", "id": "1"}]
    news = Records.of("news", rows, origin=Origin("by hand"))
    at = np.array(["2024-01-02", "2024-01-02T23:59:59.999999", "2024-01-03", "2024-01-05"], "datetime64[us]")
    found = news_columns(news, {"tone": np.array([-1.0])}, at, half_life=2.0)
    assert found["news.tone"].to_list() == [0, 0, -1, -1]
    assert found["news.volume"].to_list() == pytest.approx([0, 0, 1, 0.5], rel=1e-14)


def test_a_revised_item_counts_once_as_it_was_first_told():
    first = {"event_time": "2024-01-01", "known_time": "2024-01-01", "name": "", "source": "a", "id": "1"}
    news = Records.of("news", [first, first | {"known_time": "2024-01-02"}], origin=Origin("by hand"))
    found = news_columns(
        news, {"tone": np.array([0.5, -1.0])}, np.array(["2024-01-02"], "datetime64[us]"), half_life=1.0
    )
    assert found.row(0)[1:] == pytest.approx((0.5, 0.5, 0.0), rel=1e-14)
    nameless = [first | {"id": None}, first | {"id": None}]
    news = Records.of("news", nameless, origin=Origin("by hand"))
    found = news_columns(news, {}, np.array(["2024-01-01"], "datetime64[us]"), half_life=1.0)
    assert found["news.volume"].to_list() == pytest.approx([2], rel=1e-14)


def test_edges():
    at = START + np.arange(3) * DAY
    nothing = news_columns(news_of(at[:0]), {"tone": np.zeros(0)}, at, half_life=1.0)
    assert nothing.columns == ["time", "news.volume", "news.tone", "news.tone_dispersion"]
    assert nothing.height == 3 and not nothing.drop("time").to_numpy().any()
    steady = news_columns(news_of(at), {"tone": np.full(3, 0.1)}, at, half_life=1.0)
    assert steady["news.tone"].to_list() == [0.1] * 3 and steady["news.tone_dispersion"].to_list() == [0] * 3
    unscored = news_columns(news_of(at), {"tone": np.full(3, np.nan)}, at, half_life=1.0)
    assert unscored["news.volume"].to_list() == pytest.approx([1, 1.5, 1.75], rel=1e-14)
    assert unscored["news.tone"].to_list() == [0] * 3
    ages = news_columns(news_of(at[:1]), {"tone": np.ones(1)}, START + np.array([0, 100_000]) * DAY, half_life=0.5)
    assert ages["news.volume"].to_list() == pytest.approx([1, 0], rel=1e-14) and ages["news.tone"].to_list() == [1, 1]
    assert news_columns(news_of(at), {"tone": np.ones(3)}, at[:0], half_life=1.0).height == 0
    narrow = news_columns(news_of(at), {"tone": np.ones(3, np.float32), "count": np.arange(3)}, at, half_life=1.0)
    assert narrow["news.tone"].to_list() == [1] * 3 and narrow["news.count"][0] == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": {"name": np.zeros(3)}}, "cannot be called name"),
        ({"half_life": 0.0}, "half-life must be positive"),
        ({"scores": {"tone": np.zeros(2)}}, "a number for each of 3"),
        ({"scores": {"tone": np.array([0, np.inf, 1.0])}}, "infinite"),
        ({"at": START + np.array([1, 0]) * DAY}, "must increase"),
        ({"at": np.arange(3.0)}, "must be datetime64"),
        ({"by": "nam"}, "did you mean 'name'"),
        ({"by": np.array(["a"])}, "needs a label"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    at = START + np.arange(3) * DAY
    given = {"news": news_of(at), "scores": {"tone": np.zeros(3)}, "at": at, "half_life": 1.0} | change
    with pytest.raises(DataError, match=message):
        news_columns(**given)


def test_means_are_those_of_pandas():
    pd = pytest.importorskip("pandas")
    news, known, scores, _ = drawn()
    at, last = np.unique(known, return_index=True)
    ends = np.append(last[1:], len(known)) - 1
    wanted = pd.Series(scores["novelty"]).ewm(halflife="36h", times=pd.DatetimeIndex(known)).mean().to_numpy()[ends]
    found = news_columns(news, scores, at, half_life=1.5)["news.novelty"].to_numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-10)
