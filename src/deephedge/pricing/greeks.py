"""Sensitivities of any pricing function by automatic differentiation, element by element.

A pricing function takes arrays that broadcast and returns one price for each element, and the price of one element
depends on no other element's arguments. Then one forward pass gives the derivatives of all elements at once.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

Pricer = Callable[..., Float[Array, "..."]]


def sensitivity(price: Pricer, *arguments: int) -> Pricer:
    """The derivative of ``price`` in the arguments with these positions, one after the other.

    ``sensitivity(price, 0)`` is delta in the first argument, ``(0, 0)`` gamma, ``(0, 2)`` vanna. The result takes the
    arguments of ``price`` and broadcasts like it.

    >>> from deephedge.pricing import black
    >>> vanna = sensitivity(black.price, 0, 2)
    >>> [round(x, 4) for x in vanna(100.0, jnp.array([90.0, 110.0]), 0.2, 1.0).tolist()]
    [-0.6995, 1.0713]
    """
    for argument in arguments:
        price = _derivative(price, argument)
    return price


def delta(price: Pricer, argument: int = 0) -> Pricer:
    """First derivative in the forward or spot, the first argument unless another position is given.

    >>> from deephedge.pricing import bachelier
    >>> round(float(delta(bachelier.price)(1.0, 1.0, 0.2, 1.0)), 4)
    0.5
    """
    return sensitivity(price, argument)


def gamma(price: Pricer, argument: int = 0) -> Pricer:
    """Second derivative in the forward or spot, the first argument unless another position is given.

    >>> from deephedge.pricing import black
    >>> round(float(gamma(black.price)(100.0, 100.0, 0.2, 30 / 365)), 4)
    0.0695
    """
    return sensitivity(price, argument, argument)


def vega(price: Pricer, argument: int = 2) -> Pricer:
    """First derivative in the volatility (or variance), the third argument unless another position is given.

    >>> from deephedge.pricing import heston
    >>> round(float(vega(heston.price)(100.0, 100.0, 0.04, 30 / 365, 1.0, 0.04, 2.0, -0.7)), 2)
    28.45
    """
    return sensitivity(price, argument)


def _derivative(price: Pricer, argument: int) -> Pricer:
    def derived(*values: ArrayLike, **options) -> Float[Array, "..."]:
        def along(value: Array) -> Array:
            return price(*values[:argument], value, *values[argument + 1 :], **options)

        value = jnp.asarray(values[argument])
        value = value.astype(jnp.result_type(value, float))
        return jax.jvp(along, (value,), (jnp.ones_like(value),))[1]

    return derived
