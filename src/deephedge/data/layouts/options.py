"""What option chains of American exchanges have in common: symbols, settlement, style."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

SYMBOL = r"^([A-Z]+\d?)\d{6}[CP]\d{8}$"  # OCC: root, expiry as yymmdd, right, strike in thousandths
INDICES = ("SPX", "NDX", "RUT", "VIX", "XSP", "DJX", "OEX", "XEO")
MORNING = ("SPX", "NDX", "RUT", "VIX", "DJX")  # roots settled on the opening of the expiry day; others on its close
AMERICAN_INDICES = ("OEX",)


def listed(underlier: "pl.Expr", root: "pl.Expr") -> "list[pl.Expr]":
    """Settlement and style by root and underlier, currency and multiplier of contracts listed in the United States.

    Roots of `MORNING` settle on the opening of the expiry day, all others on its close; options of an index are
    European, except those of the S&P 100 (OEX), and options of a share or fund American. Multipliers of adjusted
    contracts (after splits) are not 100; chains do not say which those are.
    """
    import polars as pl

    european = underlier.is_in(INDICES) & ~underlier.is_in(AMERICAN_INDICES)
    return [
        pl.when(root.is_in(MORNING)).then(pl.lit("am")).when(root.is_not_null()).then(pl.lit("pm")).alias("settlement"),
        pl.when(european).then(pl.lit("european")).otherwise(pl.lit("american")).alias("style"),
        pl.lit("USD").alias("unit"),
        pl.lit(100.0).alias("multiplier"),
    ]
