"""Where the files of market data lie, for the tests that look at real history."""

import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def market_file() -> Callable[[str], pl.DataFrame]:
    """Reads a file of the data folder; skips where it is not at hand."""
    folder = Path(os.environ.get("DEEPHEDGE_DATA", ROOT.parent / "shared" / "data"))

    def read(name: str) -> pl.DataFrame:
        if not (folder / name).is_file():
            pytest.skip(f"no market data at {folder / name}; set DEEPHEDGE_DATA to the folder that holds A_equity")
        if name.endswith(".parquet"):
            return pl.read_parquet(folder / name)
        return pl.read_csv(folder / name, null_values=["."], infer_schema_length=None)

    return read
