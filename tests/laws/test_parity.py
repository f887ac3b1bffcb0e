"""Prices beside QuantLib's: the formulas of ``make check-pricing``; its simulations run there alone."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.parity.row import Row
from bench.parity.table import compared, main, rows

ROWS = {f"{name}: {row.contract}, {row.model}": row for name, family in rows().items() for row in family}


# Families whose rows compile for long: left to `make proofs`, and to `make check-pricing`.
LONG = ("asians", "barriers", "credit", "exotic", "lookbacks", "rates", "swings", "american", "bonds")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name.split(":")[0] in LONG else name for name in ROWS]
)
def test_prices_are_quantlibs(name):
    by, _, furthest, allowed = compared(ROWS[name])
    assert furthest <= allowed, (by, furthest)


def test_a_price_that_is_off_is_told(capsys):
    by, count, furthest, allowed = compared(Row("a", "b", lambda: 1.0 + 1e-6, lambda: 1.0))
    assert (by, count, allowed) == ("formula", 1, 1e-8) and furthest > allowed
    assert main(["--only", "vanilla"]) == 0 and "4 rows, 0 too far off" in capsys.readouterr().out
