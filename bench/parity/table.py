"""Every contract under every model that QuantLib prices too, side by side: ``make check-pricing``.

Rows live beside this file, one module for each kind of contract, in a list called ``ROWS``. Formulas are evaluated in
float64. Writes ``docs/reference/pricing-parity.md`` and leaves with 1 where a row is too far off.
"""

import argparse
import importlib
import pkgutil
import sys
from pathlib import Path

import jax
import numpy as np

from bench import parity
from bench.parity.row import Row

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "pricing-parity.md"
HEAD = """# Prices beside QuantLib's

Written by `make check-pricing`. Each line prices one contract under one model by this library and by QuantLib, at
several strikes or terms; formulas may differ by the relative amount allowed, simulations by three standard errors.

| contract | model | by | prices | furthest | allowed |
|---|---|---|---|---|---|
"""


def rows() -> dict[str, list[Row]]:
    """The rows of each module beside this one."""
    names = sorted(each.name for each in pkgutil.iter_modules(parity.__path__))
    modules = {name: importlib.import_module(f"bench.parity.{name}") for name in names if name not in ("row", "table")}
    return {name: module.ROWS for name, module in modules.items()}


def compared(row: Row) -> tuple[str, int, float, float]:
    """(by what, how many prices, the furthest difference, what is allowed): relative, or in standard errors."""
    with jax.enable_x64(True):
        ours = row.ours()
    theirs = np.asarray(row.theirs(), float)
    if isinstance(ours, tuple):
        return "simulation", theirs.size, float(np.max(np.abs(ours[0] - theirs) / ours[1])), 3.0
    gap = np.abs(np.asarray(ours, float) - theirs) / np.maximum(np.abs(theirs), 1e-300)
    return "formula", theirs.size, float(np.max(gap)), row.within


def main(arguments: list[str]) -> int:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--only", help="one module of rows")
    chosen, lines, bad = words.parse_args(arguments), [], 0
    for name, family in rows().items():
        for row in family if chosen.only in (None, name) else []:
            by, count, furthest, allowed = compared(row)
            bad += not furthest <= allowed
            unit = " s.e." if by == "simulation" else ""
            lines.append(
                f"| {row.contract} | {row.model} | {by} | {count} | {furthest:.1e}{unit} | {allowed:.0e}{unit} |"
            )
            print(lines[-1], "" if furthest <= allowed else "TOO FAR", flush=True)
    if chosen.only is None:
        PAGE.write_text(HEAD + "\n".join(lines) + "\n")
    print(f"{len(lines)} rows, {bad} too far off")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
