import os
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


def market_data() -> Path:
    return Path(os.environ.get("DEEPHEDGE_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def market() -> Path:
    folder = market_data()
    if not (folder / "A_equity").is_dir():
        pytest.skip(f"no market data at {folder}; set DEEPHEDGE_DATA to the folder that holds A_equity")
    return folder


@pytest.fixture(scope="session")
def equity(market) -> Path:
    return market / "A_equity"


@pytest.fixture(scope="session")
def rates(market) -> Path:
    return market / "E_rates_credit"


@pytest.fixture(scope="session")
def shared():
    """shared("F_macro") -> that folder of market data."""

    def folder(name: str) -> Path:
        found = market_data() / name
        if not found.is_dir():
            pytest.skip(f"no market data at {found}; set DEEPHEDGE_DATA to the folder that holds {name}")
        return found

    return folder


@pytest.fixture
def days() -> np.ndarray:
    """Twenty weekdays from Tuesday 2024-01-02."""
    return np.busday_offset("2024-01-02", np.arange(20))


@pytest.fixture
def write(tmp_path):
    """write("name.csv", [("Date", [...]), ("Close", [...])]) -> path of a CSV file."""

    def write_csv(name: str, columns: list) -> Path:
        rows = zip(*[values for _, values in columns], strict=True)
        lines = [",".join(title for title, _ in columns), *(",".join(str(x) for x in row) for row in rows)]
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n")
        return path

    return write_csv
