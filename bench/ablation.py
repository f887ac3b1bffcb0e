"""Do news and macro figures help to hedge? ``python -m bench.ablation`` with the market data in DEEPHEDGE_DATA.

Runs ``deephedge ablate`` on studies/spx_news.toml (``--quick``: two seeds and a few updates, nothing written).
"""

import argparse
import dataclasses
import tempfile
from pathlib import Path

from bench.kept import keep
from deephedge.studies import Screen, Study, ablate

QUICK = ("training.updates=2", "training.paths=64", "training.validate_every=1")


def main(arguments: list[str] | None = None) -> dict:
    """Train, print the table, and write the result file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args(arguments)
    study = Study.load("spx_news", QUICK if given.quick else ())
    with tempfile.TemporaryDirectory() as folder:
        seeds = 2 if given.quick else given.seeds
        found = dataclasses.asdict(ablate(study, seeds=seeds, out=Path(folder), screen=Screen.standard()))
    if not given.quick:
        keep("ablation", found)
    for row in found["rows"]:
        print(f"{row['group']:8} {1e4 * row['value']:8.2f} [{1e4 * row['low']:.2f}, {1e4 * row['high']:.2f}] bp")
    return found


if __name__ == "__main__":
    main()
