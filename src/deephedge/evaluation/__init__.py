"""Judging policies on the same paths: metrics, intervals, paired differences, a verdict in words; and backtests."""

from deephedge.evaluation.attribution import Attribution, attribute, attributions
from deephedge.evaluation.bootstrap import Resampling
from deephedge.evaluation.capacity import Capacity, capacity
from deephedge.evaluation.compare import Comparison, Estimate, compare
from deephedge.evaluation.folds import (
    AbstractFolds,
    CombinatorialPurged,
    Fold,
    PurgedKFold,
    WalkForward,
    backtest_paths,
)
from deephedge.evaluation.importance import tail_sampling
from deephedge.evaluation.metrics import METRICS, metrics, standard_errors, table
from deephedge.evaluation.multiple import Survivors, benjamini_hochberg, holm, survivors
from deephedge.evaluation.overfitting import (
    Overfitting,
    deflated_sharpe,
    minimum_track_record,
    overfitting_probability,
    probabilistic_sharpe,
    sharpe,
)
from deephedge.evaluation.overlay import Overlay, overlay, series_metrics
from deephedge.evaluation.positions import Positions, read_positions_frame
from deephedge.evaluation.regimes import by_dates, by_regime, by_volatility
from deephedge.evaluation.robustness import cost_and_latency
from deephedge.evaluation.value import valued
from deephedge.evaluation.var_tests import (
    Backtest,
    Zone,
    conditional_coverage,
    exceeded,
    independence,
    kupiec,
    shortfall,
    shortfall_given_exceedance,
    traffic_light,
)
from deephedge.evaluation.verdict import Unit, Verdict, verdict

__all__ = [
    "METRICS", "AbstractFolds", "Attribution", "Backtest", "Capacity", "CombinatorialPurged", "Comparison",
    "Estimate", "Fold", "Overfitting", "Overlay", "Positions", "PurgedKFold", "Resampling", "Survivors", "Unit",
    "Verdict", "WalkForward", "Zone", "attribute", "attributions", "backtest_paths", "benjamini_hochberg", "by_dates",
    "by_regime", "by_volatility", "capacity", "compare", "conditional_coverage", "cost_and_latency", "deflated_sharpe",
    "exceeded", "holm", "independence", "kupiec", "metrics", "minimum_track_record", "overfitting_probability",
    "overlay", "probabilistic_sharpe", "read_positions_frame", "series_metrics", "sharpe", "shortfall",
    "shortfall_given_exceedance", "standard_errors", "survivors", "table", "tail_sampling", "traffic_light", "valued",
    "verdict",
]  # fmt: skip
