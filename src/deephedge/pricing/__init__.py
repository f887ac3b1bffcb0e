"""Pure formulas: arrays in, arrays out, nothing held. All of them broadcast, differentiate and stay finite."""

from deephedge.pricing import bachelier, black, greeks, heston, implied, sabr

__all__ = ["bachelier", "black", "greeks", "heston", "implied", "sabr"]
from deephedge.pricing import bachelier, black, curve, greeks, heston, hullwhite, implied

__all__ = ["bachelier", "black", "curve", "greeks", "heston", "hullwhite", "implied"]
from deephedge.pricing import bachelier, black, fourier, greeks, heston, implied, jumps

__all__ = ["bachelier", "black", "fourier", "greeks", "heston", "implied", "jumps"]
