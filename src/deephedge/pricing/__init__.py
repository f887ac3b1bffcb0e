"""Pure formulas: arrays in, arrays out, nothing held. All of them broadcast, differentiate and stay finite."""

from deephedge.pricing import (
    bachelier,
    black,
    cir,
    curve,
    fourier,
    greeks,
    heston,
    heston_nandi,
    hullwhite,
    implied,
    jumps,
    lifted,
    sabr,
    schwartz,
)

__all__ = [
    "bachelier",
    "black",
    "cir",
    "curve",
    "fourier",
    "greeks",
    "heston",
    "heston_nandi",
    "hullwhite",
    "implied",
    "jumps",
    "lifted",
    "sabr",
    "schwartz",
]
