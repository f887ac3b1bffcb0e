"""Pure formulas: arrays in, arrays out, nothing held. All of them broadcast, differentiate and stay finite."""

from deephedge.pricing import bachelier, black, greeks, heston, implied, sabr

__all__ = ["bachelier", "black", "greeks", "heston", "implied", "sabr"]
