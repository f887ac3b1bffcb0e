from datetime import UTC, datetime

import pytest

from deephedge.core.errors import DataError
from deephedge.data.sources import Ecb

# the documented form of format=csvdata&detail=dataonly: key and dimensions, period, value
CSV = b"""KEY,FREQ,CURRENCY,CURRENCY_DENOM,EXR_TYPE,EXR_SUFFIX,TIME_PERIOD,OBS_VALUE
EXR.D.USD.EUR.SP00.A,D,USD,EUR,SP00,A,2024-03-28,1.0811
EXR.D.USD.EUR.SP00.A,D,USD,EUR,SP00,A,2024-03-29,
EXR.D.USD.EUR.SP00.A,D,USD,EUR,SP00,A,2024-04-02,1.0749
"""
EURUSD = {"EURUSD": "EXR/D.USD.EUR.SP00.A"}


def test_reference_rates_are_known_in_the_afternoon_of_frankfurt(serve, fetch):
    """Summer time began on 31 March 2024: 16:00 is 15:00 UTC before it and 14:00 after."""
    server = serve(CSV)
    [rates] = fetch(Ecb(EURUSD), server)
    assert rates.frame["value"].to_list() == [1.0811, 1.0749]
    assert rates.frame["known_time"].to_list() == [
        datetime(2024, 3, 28, 15, tzinfo=UTC),
        datetime(2024, 4, 2, 14, tzinfo=UTC),
    ]
    assert rates.frame["event_time"][0] == datetime(2024, 3, 28, 13, 15, tzinfo=UTC)
    assert server.asked[0].url == "https://data-api.ecb.europa.eu/service/data/EXR/D.USD.EUR.SP00.A"


def test_a_span_without_a_rate_is_empty_and_asks_for_more(serve, fetch):
    server = serve(CSV)
    [none] = fetch(Ecb(EURUSD), server, "2024-03-30", "2024-04-01")
    assert len(none) == 0 and server.asked[0].params["startPeriod"] == "2024-03-16"


def test_a_curve_is_known_a_day_later(serve, fetch):
    [late] = fetch(Ecb(EURUSD, lag_days=1), serve(CSV))
    assert late.frame["known_time"][0] == datetime(2024, 3, 29, 15, tzinfo=UTC)


def test_monthly_series_are_refused(serve, fetch):
    with pytest.raises(DataError, match=r"1 days of TIME_PERIOD not understood \('2024-03'\)"):
        fetch(Ecb(EURUSD), serve(b"TIME_PERIOD,OBS_VALUE\n2024-03,1.0\n"))
    with pytest.raises(DataError, match="no column OBS_VALUE"):
        fetch(Ecb(EURUSD), serve(b"TIME_PERIOD,VALUE\n2024-03-01,1.0\n"))
    two = CSV + b"EXR.D.JPY.EUR.SP00.A,D,JPY,EUR,SP00,A,2024-03-28,163.45\n"
    with pytest.raises(DataError, match=r"ECB EXR/D\.\.EUR\.SP00\.A is the key of 2 series"):
        fetch(Ecb({"all": "EXR/D..EUR.SP00.A"}), serve(two))
