"""Judging policies on the same paths: metrics, intervals, paired differences, a verdict in words."""

from deephedge.evaluation.bootstrap import Resampling
from deephedge.evaluation.compare import Comparison, Estimate, compare
from deephedge.evaluation.importance import tail_sampling
from deephedge.evaluation.metrics import METRICS, metrics, standard_errors, table
from deephedge.evaluation.multiple import holm
from deephedge.evaluation.value import valued
from deephedge.evaluation.verdict import Unit, Verdict, verdict

__all__ = [
    "METRICS", "Comparison", "Estimate", "Resampling", "Unit", "Verdict", "compare", "holm", "metrics",
    "standard_errors", "table", "tail_sampling", "valued", "verdict",
]  # fmt: skip
