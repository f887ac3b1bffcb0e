"""Formulas of JAX in double precision on rows of NumPy, whatever the precision of the program around them."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def in_float64(function: Callable, *rows: Any) -> np.ndarray:
    """``function`` of JAX, compiled and evaluated in float64 on rows filled up to a power of two.

    >>> in_float64(jnp.square, np.array([1.0, 1e-9])).tolist()
    [1.0, 1e-18]
    """
    size = len(rows[0])
    room = max(64, 1 << (size - 1).bit_length())
    with jax.enable_x64(True):
        return np.asarray(function(*(jnp.asarray(np.resize(row, room)) for row in rows)))[:size]
