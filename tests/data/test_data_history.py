from datetime import date

import numpy as np
import pytest

from deephedge.core.errors import DataError
from deephedge.data import History


@pytest.fixture
def history(days):
    price = 100 * 1.01 ** np.arange(days.size)
    return History.of(days, {"SPX": price, "SPX.vol": np.full(days.size, 0.2)}, source="twenty days", licence="free")


def test_log_returns_are_those_of_the_price(history):
    np.testing.assert_allclose(history.log_returns(), np.log(1.01), rtol=1e-12)
    np.testing.assert_allclose(history.log_returns("SPX.vol"), 0.0, atol=1e-15)


@pytest.mark.parametrize("first", ["2024-01-08", date(2024, 1, 8), np.datetime64("2024-01-08")])
def test_between_includes_both_ends_and_keeps_the_words(history, first):
    part = history.between(first, "2024-01-10")
    assert [str(day) for day in part.dates] == ["2024-01-08", "2024-01-09", "2024-01-10"]
    assert (part.provenance.rows, part.provenance.first, part.provenance.last) == (3, "2024-01-08", "2024-01-10")
    assert part.provenance.licence == "free"
    assert part.provenance.sha256 != history.provenance.sha256


def test_between_with_open_ends_is_the_same_history(history):
    assert history.between().provenance == history.provenance


@pytest.mark.parametrize("first", ["2024", "2024-1-8", "8/1/2024", "NaT", "2024-13-01"])
def test_a_day_that_could_mean_two_things_is_refused(history, first):
    with pytest.raises(DataError, match="a day must be written like 2013-12-31"):
        history.between(first, None)


def test_an_empty_range_says_what_there_is(history):
    with pytest.raises(DataError, match=r"fewer than two days between 2025-01-01 and .*2024-01-02 to 2024-01-29"):
        history.between("2025-01-01", "2025-12-31")


def test_nothing_in_it_can_be_changed(history):
    with pytest.raises(ValueError, match="read-only"):
        history.quote("SPX")[0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        history.dates[0] = history.dates[1]
    with pytest.raises(TypeError):
        history.quotes["SPX"] = None
    with pytest.raises(AttributeError):
        history.dates = None


def test_it_keeps_its_own_copy(days):
    price = np.ones(days.size)
    history = History.of(days, {"SPX": price}, source="ones")
    price[0] = 2.0
    assert history.quote("SPX")[0] == 1.0


def test_unknown_quote_names_the_nearest(history):
    with pytest.raises(DataError, match=r"did you mean 'SPX\.vol'"):
        history.quote("SPX.vl")


def test_the_hash_is_of_names_days_and_values(days):
    def sha(**change):
        price = np.arange(1.0, 21.0)
        given = {"days": days, "quotes": {"SPX": price}} | change
        return History.of(given["days"], given["quotes"], source="x").provenance.sha256

    price = np.arange(1.0, 21.0)
    assert sha() == sha()
    assert len({sha(), sha(days=days + 1), sha(quotes={"SPY": price}), sha(quotes={"SPX": price + 1e-12})}) == 4


@pytest.mark.parametrize(
    ("dates", "values", "message"),
    [
        (["2024-01-02", "2024-01-02"], [1.0, 1.0], "must increase"),
        (["2024-01-02"], [1.0], "at least two days"),
        (["2024-01-02", "2024-01-03"], [1.0], "1 values for 2 days"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(dates, values, message):
    with pytest.raises(DataError, match=message):
        History.of(np.array(dates, dtype="datetime64[D]"), {"SPX": values}, source="x")
