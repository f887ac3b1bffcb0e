"""Where records come from: one file a source, one method each."""

from deephedge.data.sources.base import AbstractSource, Span
from deephedge.data.sources.embedded import Arch, CurrencyConverter
from deephedge.data.sources.files import File

__all__ = ["AbstractSource", "Arch", "CurrencyConverter", "File", "Span"]
