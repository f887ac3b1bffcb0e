"""Who decides: learnt policies and baselines behind one interface."""

from deephedge.policies.band import NoTransactionBand
from deephedge.policies.base import AbstractPolicy
from deephedge.policies.baseline import BlackScholesDelta, NoHedge
from deephedge.policies.mlp import MLP

__all__ = ["MLP", "AbstractPolicy", "BlackScholesDelta", "NoHedge", "NoTransactionBand"]
