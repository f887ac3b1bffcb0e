"""Pure formulas: arrays in, arrays out, nothing held. All of them broadcast, differentiate and stay finite."""

from deephedge.pricing import (
    bachelier,
    black,
    black_karasinski,
    cir,
    curve,
    fourier,
    g2,
    greeks,
    heston,
    hullwhite,
    implied,
    jumps,
    sabr,
    schwartz,
)

__all__ = [
    "bachelier",
    "black",
    "black_karasinski",
    "cir",
    "curve",
    "fourier",
    "g2",
    "greeks",
    "heston",
    "hullwhite",
    "implied",
    "jumps",
    "sabr",
    "schwartz",
]
