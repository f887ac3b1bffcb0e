r"""Options on the largest or smallest price of a lognormal path, its extreme so far given. Not discounted.

Everything follows from what the path is still expected to exceed a level by, with :math:`s=\sigma\sqrt\tau`,
:math:`g=\log(F/S)`, :math:`\kappa=2g/s^2`, :math:`x=\log(S/K)\le0` and :math:`a=x/s+s/2`:

.. math:: E(\max_{u\le\tau}S_u-K)^+ = C(F,K,s) + \frac S\kappa\left[e^g N(a+\tfrac12\kappa s) -
    e^{-\kappa x}N(a-\tfrac12\kappa s)\right]

and its mirror image for the minimum. ``spot``, ``forward`` and levels in cash, ``vol`` per root year, ``tau`` years;
all broadcast. ``step`` is the years between two looks, 0 for all the time: an extreme seen now and then is nearer by
the factor `pricing.barrier.shift` (Broadie, Glasserman and Kou 1999). Below a total volatility of 1e-5 the price runs
straight to its forward.
"""

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import log_ndtr, ndtr
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.pricing import barrier, black
from deephedge.pricing.normal import alike, density, root, sign_of

_DEAD = 1e-5
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(10)


def fixed(
    spot: ArrayLike,
    forward: ArrayLike,
    extreme: ArrayLike,
    strike: ArrayLike,
    vol: ArrayLike,
    tau: ArrayLike = 1.0,
    call: ArrayLike = True,
    step: ArrayLike = 0.0,
) -> Float[Array, "..."]:
    r"""Price of :math:`(M-K)^+` for a call, :math:`M` the maximum; :math:`(K-m)^+` for a put, :math:`m` the minimum.

    ``extreme`` is the maximum (minimum) so far.

    Source: Conze and Viswanathan (1991).

    >>> round(float(fixed(100.0, 100.0, 100.0, 95.0, 0.2)), 4)
    21.9843
    """
    extreme, strike, sign = alike(extreme, strike, sign_of(call))
    level = sign * jnp.maximum(sign * extreme, sign * strike)
    return sign * (level - strike) + excess(spot, forward, level, vol, tau, call, step)


def floating(
    spot: ArrayLike,
    forward: ArrayLike,
    extreme: ArrayLike,
    vol: ArrayLike,
    tau: ArrayLike = 1.0,
    call: ArrayLike = True,
    step: ArrayLike = 0.0,
) -> Float[Array, "..."]:
    r"""Price of :math:`S-m` for a call, :math:`m` the minimum; :math:`M-S` for a put, :math:`M` the maximum.

    ``extreme`` is the minimum (maximum) so far.

    Source: Goldman, Sosin and Gatto (1979).

    >>> round(float(floating(100.0, 100.0, 100.0, 0.2)), 4)
    14.9843
    """
    forward, extreme, sign = alike(forward, extreme, sign_of(call))
    return sign * (forward - extreme) + excess(spot, forward, extreme, vol, tau, sign < 0, step)


def excess(
    spot: ArrayLike,
    forward: ArrayLike,
    level: ArrayLike,
    vol: ArrayLike,
    tau: ArrayLike = 1.0,
    up: ArrayLike = True,
    step: ArrayLike = 0.0,
) -> Float[Array, "..."]:
    r"""By how much the maximum is expected to exceed ``level``; or the minimum to fall short of it (``up=False``).

    Where :math:`\kappa` is small the bracket is the integral of its own derivative, so that rate and dividend may be
    the same. With one look left, at the end, it is Black's price.

    >>> round(float(excess(100.0, 100.0, 100.0, 0.2)), 4)
    16.9843
    """
    last = jnp.asarray(tau) <= jnp.asarray(step) * 1.001
    moved = jnp.where(last, 1.0, barrier.shift(vol, step) ** sign_of(up))
    total = jnp.asarray(vol) * root(tau)
    spot, forward, level, total, moved, sign = alike(spot, forward, level, total, moved, sign_of(up))
    level = level * moved
    inside = sign * jnp.maximum(sign * spot - sign * level, 0.0)
    level, live = level + inside, total > _DEAD
    safe = jnp.where(live, total, 1.0)
    growth = black.log_moneyness(forward, spot)
    ratio, away = 2.0 * growth / safe**2, black.log_moneyness(spot, level)
    drift = spot * _drift(ratio, away, safe, sign)
    value = black.price(forward, level, safe, call=sign > 0) + jnp.where(last, 0.0, drift)
    straight = jnp.maximum(sign * (forward - level), 0.0)
    return (sign * inside + jnp.maximum(jnp.where(live, value, straight), 0.0)) / moved


def _drift(ratio: Array, away: Array, total: Array, sign: Array) -> Array:
    """The bracket over kappa."""
    middle, wide = away / total + 0.5 * total, jnp.abs(ratio) * jnp.maximum(total, jnp.abs(away)) > 1.0
    half = 0.5 * ratio * total
    far = jnp.where(wide, ratio, 1.0)
    exponents = jnp.stack([half * total, -ratio * away]) + log_ndtr(sign * (middle + jnp.stack([half, -half])))
    most = 0.9 * float(np.log(jnp.finfo(total.dtype).max))
    ends = jnp.exp(jnp.minimum(exponents, most))
    near, nodes = jnp.where(wide, 0.0, ratio)[..., None], jnp.asarray(_NODES, total.dtype)
    place = middle[..., None] + 0.5 * nodes * near * total[..., None]
    rise = 0.25 * (1.0 + nodes) * total[..., None] ** 2 - 0.5 * (1.0 - nodes) * away[..., None]
    signs = sign[..., None]
    inner = signs * middle[..., None] * ndtr(signs * place) + density(place)
    inner = 0.5 * total * (jnp.exp(near * rise) * inner @ jnp.asarray(_WEIGHTS, total.dtype))
    return jnp.where(wide, sign * (ends[0] - ends[1]) / far, inner)
