"""Studies: a TOML file run from data to report, each step also on its own."""

from deephedge.studies.ablation import Ablation, ablate
from deephedge.studies.books import read_book, read_positions
from deephedge.studies.checkup import doctor
from deephedge.studies.comparison import compare
from deephedge.studies.evaluation import backtest, evaluate
from deephedge.studies.job import open_run, run
from deephedge.studies.pricing import price
from deephedge.studies.progress import Screen
from deephedge.studies.reporting import report
from deephedge.studies.rundir import RunFolder
from deephedge.studies.simulation import draw, score, simulate
from deephedge.studies.study import Study
from deephedge.studies.training import train
from deephedge.studies.walkforward import Walk, walk

__all__ = [
    "Ablation", "RunFolder", "Screen", "Study", "Walk", "ablate", "backtest", "compare", "doctor", "draw", "evaluate",
    "open_run", "price", "read_book", "read_positions", "report", "run", "score", "simulate", "train", "walk",
]  # fmt: skip
