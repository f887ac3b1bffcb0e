"""Markets whose law is learnt from windows of history, and the signature features that compare the two."""

from deephedge.markets.generative.base import AbstractGenerator, learnable
from deephedge.markets.generative.features import SignatureFeatures
from deephedge.markets.generative.neural_sde import NeuralSde
from deephedge.markets.generative.signature import bounded, signature, words
from deephedge.markets.generative.window import WindowGenerator

__all__ = [
    "AbstractGenerator",
    "NeuralSde",
    "SignatureFeatures",
    "WindowGenerator",
    "bounded",
    "learnable",
    "signature",
    "words",
]
