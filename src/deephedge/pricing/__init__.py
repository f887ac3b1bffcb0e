"""Pure formulas: arrays in, arrays out, nothing held. All of them broadcast, differentiate and stay finite."""

from deephedge.pricing import bachelier, black, fourier, greeks, heston, implied, jumps

__all__ = ["bachelier", "black", "fourier", "greeks", "heston", "implied", "jumps"]
