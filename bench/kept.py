"""The dated result files that the docs quote."""

import datetime
import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def todays(name: str) -> Path:
    """Today's file of that name."""
    return RESULTS / f"{datetime.date.today().isoformat()}-{name}.json"


def keep(name: str, found: Any) -> None:
    """Write what was found into today's file of that name, and say so."""
    file = todays(name)
    file.write_text(json.dumps(found, indent=1, default=float) + "\n")
    print(f"written to bench/results/{file.name}")
