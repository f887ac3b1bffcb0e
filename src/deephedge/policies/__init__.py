"""Who decides: learnt policies and baselines behind one interface."""

from deephedge.policies.attention import Attention
from deephedge.policies.band import NoTransactionBand
from deephedge.policies.base import AbstractPolicy, Frozen, trainable
from deephedge.policies.baseline import BlackScholesDelta, Delta, NoHedge, Static
from deephedge.policies.buckets import BucketHedge
from deephedge.policies.convolutional import CNN
from deephedge.policies.deep_set import DeepSet
from deephedge.policies.delta_vega import DeltaGamma, DeltaVega
from deephedge.policies.leland import Leland
from deephedge.policies.minimum_variance import MinimumVarianceDelta
from deephedge.policies.mlp import MLP
from deephedge.policies.recurrent import GRU, LSTM
from deephedge.policies.running import WithWealth
from deephedge.policies.whalley_wilmott import WhalleyWilmott

__all__ = [
    "CNN", "GRU", "LSTM", "MLP", "AbstractPolicy", "Attention", "BlackScholesDelta", "BucketHedge", "DeepSet", "Delta",
    "DeltaGamma", "DeltaVega", "Frozen", "Leland", "MinimumVarianceDelta", "NoHedge", "NoTransactionBand", "Static",
    "WhalleyWilmott", "WithWealth", "trainable",
]  # fmt: skip
