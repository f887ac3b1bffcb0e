"""Array types, and the closed list of axis names.

Axis names used in shape annotations: ``path point step instrument feature factor asset quote unit``.
A grid of ``n + 1`` *points* has ``n`` *steps*, and one decision is taken at the start of each step.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree

from deephedge.core.errors import require

__all__ = [
    "Array",
    "Bool",
    "Float",
    "Int",
    "PRNGKeyArray",
    "PyTree",
    "as_float",
    "concrete",
    "must",
    "number",
    "optional",
]


def as_float(value: Any) -> Array:
    """``value`` as an array of the default float type (float32, or float64 with ``jax_enable_x64``)."""
    return jnp.asarray(value, dtype=jnp.result_type(float))


def optional(value: Any) -> Array | None:
    """As ``as_float``, but nothing stays nothing."""
    return None if value is None else as_float(value)


def number(**kwargs: Any) -> Any:
    """Declare a numeric field: an array leaf, so that a new value never causes a recompilation."""
    return eqx.field(converter=as_float, **kwargs)


def concrete(value: Any, check: Callable[[np.ndarray], Any]) -> bool:
    """Whether every element of ``value`` passes ``check``; true for values only known inside a transformation."""
    if any(isinstance(leaf, jax.core.Tracer) or not hasattr(leaf, "dtype") for leaf in jax.tree.leaves(value)):
        return True
    return bool(np.all(check(np.asarray(value))))


_DOMAINS: dict[str, Callable[[np.ndarray], Any]] = {
    "be positive": lambda x: x > 0,
    "be positive and finite": lambda x: np.isfinite(x) & (x > 0),
    "be 0 or more": lambda x: x >= 0,
    "be 0 or more and finite": lambda x: np.isfinite(x) & (x >= 0),
    "lie between -1 and 1": lambda x: np.abs(x) <= 1,
}


def must(owner: Any, what: str, *fields: str) -> None:
    """Raises ``ParameterError`` for one of the ``fields`` of ``owner`` that holds what it may not."""
    for field in fields:
        value = getattr(owner, field)
        require(concrete(value, _DOMAINS[what]), f"{field} must {what}, was {value}")
