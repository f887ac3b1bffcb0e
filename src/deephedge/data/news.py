"""News as dated columns: what was known at each decision, the old fading."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from deephedge.core.errors import DataError, nearest, require
from deephedge.data.records import Records

if TYPE_CHECKING:
    import polars as pl

DAY = 86_400_000_000  # microseconds
SPAN = 500  # half-lives of one block: 2 ** 500 is a number, and 2 ** -500 of the rest does not matter
LABEL, BLOCK, KNOWN = "_label", "_block", "_known"


def news_columns(
    news: Records,
    scores: Mapping[str, np.ndarray],
    at: np.ndarray,
    *,
    half_life: float,
    by: str | np.ndarray | None = None,
    labels: Sequence[str] | None = None,
    prefix: str = "news",
) -> "pl.DataFrame":
    r"""A row for each time of ``at``: the weighted mean and dispersion of each score, and the volume of news.

    With :math:`w_i(t) = 2^{-(t - t_i)/h}` for the items known by :math:`t` (``known_time`` :math:`t_i \le t`),

    .. math:: V(t) = \sum_i w_i, \quad m(t) = \frac{\sum_i w_i s_i}{\sum_i w_i}, \quad
              d(t) = \sqrt{\frac{\sum_i w_i (s_i - m)^2}{\sum_i w_i}}.

    ``scores``: one number for each row of ``news.frame`` (a tone, a novelty), NaN where it has none: it then counts in
    the volume only. ``at``: decision times, datetime64, UTC, increasing. ``half_life``: :math:`h` in days. ``by``: a
    text column of news (``"name"``) or a label for each row (a topic); columns are then called
    ``"news.<label>.tone"`` and hold the items of that label. ``labels``: which, also those without items (a live table
    must have the same columns each day); unless given, all that occur. Columns: ``time``, ``"news.tone"``,
    ``"news.tone_dispersion"``, ``"news.volume"``.

    Before the first item all are 0. A mean does not fade while no news comes (the weights of all items fade alike); its
    volume does, and mean times volume is the decayed sum. Of an item that was revised the first version counts. An item
    that is about two names is two rows. Raises ``DataError`` for scores that do not fit, or times that do not increase.

    >>> from deephedge.data import Origin
    >>> items = {"event_time": ["2024-01-01", "2024-01-02"], "name": "", "source": "a", "id": ["1", "2"]}
    >>> news = Records.of("news", items | {"known_time": items["event_time"]}, origin=Origin("by hand"))
    >>> days = np.array(["2024-01-01", "2024-01-02", "2024-01-03"], "datetime64[us]")
    >>> news_columns(news, {"tone": np.array([1.0, -0.5])}, days, half_life=1.0)["news.tone"].to_list()
    [1.0, 0.0, 0.0]
    """
    _check(news, scores, at, half_life)
    import polars as pl

    times = pl.DataFrame({"time": pl.Series(at.astype("datetime64[us]")).dt.replace_time_zone("UTC")})
    items = _items(news, scores, by)
    summed = _summed(items, tuple(scores), half_life * DAY)
    wanted = labels if labels is not None else sorted(items[LABEL].unique().to_list())
    starts = {"": f"{prefix}."} if by is None else {label: f"{prefix}.{label}." for label in wanted}
    parts = [_read(summed, times, label, tuple(scores), half_life * DAY, start) for label, start in starts.items()]
    return pl.concat([times, *parts], how="horizontal")


def _check(news: Records, scores: Mapping[str, np.ndarray], at: np.ndarray, half_life: float) -> None:
    require(news.kind.name == "news", f"columns of news are made of news, were {news.kind.name}", DataError)
    require(half_life > 0, f"the half-life must be positive, in days, was {half_life}", DataError)
    require(np.issubdtype(at.dtype, np.datetime64), f"decision times must be datetime64, were {at.dtype}", DataError)
    told = "decision times must increase; sort them, and leave each in once"
    require(at.ndim == 1 and bool(np.all(np.diff(at) > np.timedelta64(0))), told, DataError)
    taken = sorted({*news.kind.columns, "time", "volume"} & set(scores))
    require(not taken, f"a score cannot be called {', '.join(taken)}: news have that already", DataError)
    for name, score in scores.items():
        told = f"{name} must have a number for each of {len(news)} rows of news, was {score.shape}"
        require(score.shape == (len(news),), told, DataError)
        require(
            not bool(np.isinf(score).any()), f"{name} has an infinite value; NaN says that there is none", DataError
        )


def _items(news: Records, scores: Mapping[str, np.ndarray], by: str | np.ndarray | None) -> "pl.DataFrame":
    """First versions with their scores (null where there is none) and label, in order of the time known."""
    import polars as pl

    frame = news.frame
    if isinstance(by, str):
        texts = [name for name, of in news.kind.columns.items() if of == "text"]
        require(by in texts, f"news have no label {by!r}: {nearest(by, texts)}", DataError)
        label = frame[by]
    else:
        require(by is None or len(by) == len(frame), f"each of {len(frame)} rows of news needs a label", DataError)
        label = pl.Series([""] * len(frame) if by is None else np.asarray(by).tolist(), dtype=pl.String)
    added = [pl.Series(name, score, dtype=pl.Float64).fill_nan(None) for name, score in scores.items()]
    rows = frame.select("event_time", "known_time", *news.kind.keys).with_columns(label.fill_null("").alias(LABEL))
    unnamed = rows["id"].is_null()  # without an id rows cannot be versions of one another
    held = rows.with_columns(added).with_columns(pl.when(unnamed).then(pl.int_range(len(rows))).alias("_row"))
    return held.unique(["event_time", *news.kind.keys, "_row"], keep="first", maintain_order=True)


def _summed(items: "pl.DataFrame", scores: tuple[str, ...], half_life: float) -> "pl.DataFrame":
    """Running weighted sums by label at each item, in units of the weight at the start of its block.

    A block is ``SPAN`` half-lives, from a fixed moment, so that what comes later changes no sum. Scores are taken from
    the first of their label: then a score that never changes has a dispersion of exactly 0.
    """
    import polars as pl

    known = pl.col("known_time").dt.epoch("us").alias(KNOWN)
    size = max(1, round(SPAN * half_life))
    weight = (2.0 ** ((known % size) / half_life)).alias("_w")
    framed = items.with_columns(known, weight, (known // size).alias(BLOCK))
    first = [pl.col(name).drop_nulls().first().over(LABEL).alias(f"{name}_first") for name in scores]
    framed = framed.with_columns(first)
    terms = {"_V": pl.col("_w")}
    for name in scores:
        off = pl.col(name) - pl.col(f"{name}_first")
        terms |= {f"{name}_{k}": (pl.col("_w") * off**k).fill_null(0.0) for k in (1, 2)}
        terms |= {f"{name}_0": pl.when(pl.col(name).is_null()).then(0.0).otherwise(pl.col("_w"))}
    running = framed.with_columns(term.cum_sum().over(LABEL, BLOCK).alias(name) for name, term in terms.items())
    return _carried(running, list(terms))


def _carried(running: "pl.DataFrame", sums: list[str]) -> "pl.DataFrame":
    """The sums with what is left of the block before; of those before that nothing is."""
    import polars as pl

    ends = running.group_by(LABEL, BLOCK, maintain_order=True).last().select(LABEL, pl.col(BLOCK) + 1, *sums)
    joined = running.join(ends, on=[LABEL, BLOCK], how="left", suffix="_before", maintain_order="left")
    left = [(pl.col(one) + pl.col(f"{one}_before").fill_null(0.0) * 2.0**-SPAN).alias(one) for one in sums]
    return joined.with_columns(left)


def _read(
    summed: "pl.DataFrame",
    times: "pl.DataFrame",
    label: str,
    scores: tuple[str, ...],
    half_life: float,
    start: str,
) -> "pl.DataFrame":
    """The columns of one label at each time: the sums of the last item known by then, faded to it."""
    import polars as pl

    own = summed.filter(pl.col(LABEL) == label)
    found = times.join_asof(own, left_on="time", right_on="known_time")
    size = max(1, round(SPAN * half_life))
    age = (pl.col("time").dt.epoch("us") - pl.col(BLOCK) * size) / half_life
    columns = [(pl.col("_V") * 2.0**-age).fill_null(0.0).alias(f"{start}volume")]
    for name in scores:
        weight, off, square = (pl.col(f"{name}_{k}") for k in range(3))
        mean = pl.when(weight > 0).then(off / weight)
        spread = (square / weight - mean**2).clip(lower_bound=0.0).sqrt()
        columns += [(mean + pl.col(f"{name}_first")).fill_null(0.0).alias(f"{start}{name}")]
        columns += [spread.fill_null(0.0).alias(f"{start}{name}_dispersion")]
    return found.select(columns)
