from datetime import UTC, datetime

import pytest

from deephedge.core.errors import DataError
from deephedge.data.sources import UsTreasury

YEARS = {  # newest first, a maturity that begins and one that was not quoted
    "2023": b'Date,"1 Mo","3 Mo","10 Yr"\n12/29/2023,5.60,5.40,3.88\n',
    "2024": b'Date,"1 Mo","1.5 Month","10 Yr"\n01/03/2024,5.54,,3.91\n01/02/2024,5.55,5.5,N/A\n',
}


def answer(request):
    year = request.params["field_tdr_date_value"]
    assert request.url.endswith(f"/{year}/all") and request.params["type"] == "daily_treasury_yield_curve"
    return YEARS[year]


def test_yields_are_fractions_by_maturity(serve, fetch):
    old, new = fetch(UsTreasury(), serve(answer), "2023-06-01", "2024-02-01")
    assert old.about(name="us.par.10y").frame["value"].to_list() == [0.0388]
    assert old.frame["known_time"].unique().to_list() == [datetime(2023, 12, 29, 23, tzinfo=UTC)]  # 18:00 New York
    rows = new.frame.select("event_time", "name", "value").rows()
    assert {(str(time)[:10], name): value for time, name, value in rows} == {
        ("2024-01-02", "us.par.1m"): 5.55 / 100, ("2024-01-02", "us.par.1.5m"): 5.5 / 100,
        ("2024-01-03", "us.par.1m"): 5.54 / 100, ("2024-01-03", "us.par.10y"): 3.91 / 100,
    }  # fmt: skip


def test_a_year_that_ends_before_its_first_moment_is_not_asked_for(serve, fetch):
    server = serve(answer)
    [only] = fetch(UsTreasury(), server, "2023-12-01", "2024-01-01")
    assert len(only) == 3 and len(server.asked) == 1
    pieces = fetch(UsTreasury(), server, "2024-01-01", "2024-01-01")
    assert sum(map(len, pieces)) == 0


def test_odd_answers_are_refused(serve, fetch):
    for body, told in ((b"Date,1 Fortnight\n01/02/2024,5\n", "maturities that are not understood: 1 Fortnight"),
                       (b"Date,1 Mo\n01/02/2024,high\n", "gave text where numbers"),
                       (b"Date,1 Mo\nsoon,5\n", "days of Date not understood")):  # fmt: skip
        with pytest.raises(DataError, match=told):
            fetch(UsTreasury(), serve(body), "2024-01-05", "2024-02-01")
    with pytest.raises(DataError, match="curve must be one of par, real"):
        fetch(UsTreasury("bill"), serve(b""))
