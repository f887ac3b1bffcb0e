"""Text as numbers: tone, vectors, novelty, topics."""

from deephedge.data.text.anchors import AnchorTone, Topics
from deephedge.data.text.base import AbstractTone, plain
from deephedge.data.text.lexicon import Lexicon
from deephedge.data.text.novelty import novelty
from deephedge.data.text.onnx import OnnxTone
from deephedge.data.text.policy import policy_uncertainty
from deephedge.data.text.ridge import RidgeTone
from deephedge.data.text.vectors import SentenceVectors

__all__ = [
    "AbstractTone", "AnchorTone", "Lexicon", "OnnxTone", "RidgeTone", "SentenceVectors", "Topics", "novelty", "plain",
    "policy_uncertainty",
]  # fmt: skip
