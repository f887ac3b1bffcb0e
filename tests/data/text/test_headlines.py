"""Real headlines, 2017-12 to 2019-12: day resolution, so known at the end of their day."""

import numpy as np
import pytest

from deephedge.data import Origin, Records, news_columns

pl = pytest.importorskip("polars")


@pytest.fixture(scope="module")
def headlines(shared):
    file = shared("G_news") / "headlines_reuters_cnbc_guardian_2017-12_2019-12.parquet"
    return pl.read_parquet(file).sort("date", "source", "headline")


def test_two_years_of_headlines_become_daily_columns(headlines, loughran_mcdonald):
    day = pl.col("date").dt.replace_time_zone("America/New_York").dt.convert_time_zone("UTC")
    rows = headlines.select(
        event_time=day, known_time=day.dt.offset_by("1d"), name=pl.lit(""), source="source", headline="headline",
        id=pl.int_range(pl.len()).cast(pl.String),
    )  # fmt: skip
    news = Records.of("news", rows, origin=Origin("headlines", "Reuters, CNBC, the Guardian"))
    shares = loughran_mcdonald.shares(news.frame["headline"].to_list())
    scores = {"tone": shares["tone"].to_numpy(), "uncertainty": shares["uncertainty"].to_numpy()}
    sessions = np.arange("2018-04-02", "2019-12-31", dtype="datetime64[D]")
    at = sessions.astype("datetime64[us]") + np.timedelta64(20, "h")  # 15:00 or 16:00 in New York
    found = news_columns(news, scores, at, half_life=2.0)
    assert found.height == len(sessions) and found.drop("time").null_count().sum_horizontal()[0] == 0
    assert (found["news.volume"] > 1).all() and found["news.tone"].is_between(-1, 0.2).all()
    # Headlines of a day are not known on it: those of the last day change nothing.
    fewer = news.between(end="2019-12-29")
    count = len(fewer)
    again = news_columns(
        fewer,
        {name: score[:count] for name, score in scores.items()},
        at[at < np.datetime64("2019-12-29")],
        half_life=2.0,
    )
    assert again.equals(found.head(again.height))
