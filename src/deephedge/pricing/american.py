r"""American options under Black and Scholes by spectral collocation (Andersen, Lake and Offengenden 2016).

A put is exercised at or below :math:`B(\tau)`, with :math:`\tau` years left, and is worth the European one plus what
interest on the strike earns beyond the dividends while the spot is below it (Kim 1990):

.. math:: P = p + \int_0^\tau \left[rKe^{-r(\tau-u)}N(-d_-) - qSe^{-q(\tau-u)}N(-d_+)\right]du, \qquad
    d_\pm = \frac{\log(S/B(u)) + (r-q)(\tau-u)}{\sigma\sqrt{\tau-u}} \pm \tfrac12\sigma\sqrt{\tau-u}.

The boundary is the fixed point of a quotient of two such integrals. :math:`\log^2(B/X)`, with its limit
:math:`X=K\min(1,r/q)`, is nearly a polynomial in :math:`\sqrt\tau` and is kept at Chebyshev points; integrals run over
an angle, :math:`u=\tau\cos^2\theta`, in which nothing is singular, so interpolation is one constant matrix. A call is
the put with spot and strike, and rate and yield, exchanged (McDonald and Schroder 1998).

``spot``, ``strike`` in cash, ``vol`` per root year, ``tau`` years, ``rate`` and ``dividend`` continuous per year; all
broadcast. Where it never pays to exercise (a put at a rate of 0 or less, a call without dividends) the price is the
European one. With both rates below 0 a second boundary may exist; it is left out, and the price is then a lower bound.
"""

from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import ndtr
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.pricing.american_formulas import european, flat_boundary, perpetual, put_terms, stopped_at
from deephedge.pricing.normal import density

_NODES, _POINTS, _TURNS = 6, 12, 6
_DEAD = 1e-5  # total volatility below which the boundary is not looked for
_TINY = 1e-14


def price(
    spot: ArrayLike,
    strike: ArrayLike,
    vol: ArrayLike,
    tau: ArrayLike,
    rate: ArrayLike = 0.0,
    dividend: ArrayLike = 0.0,
    call: ArrayLike = True,
    nodes: int = _NODES,
    points: int = _POINTS,
    turns: int = _TURNS,
) -> Float[Array, "..."]:
    """Price of an American call or put, in cash now.

    ``nodes`` Chebyshev points of the boundary, ``points`` of each integral and ``turns`` of the fixed point set
    accuracy and cost: see ``docs/theory/contracts-exercise.md`` for both.

    Source: Andersen, Lake and Offengenden (2016), *High-performance American option pricing*.

    >>> round(float(price(36.0, 40.0, 0.2, 1.0, 0.06, call=False)), 3)
    4.487
    """
    spot, strike, vol, tau, rate, dividend, _ = put_terms(spot, strike, vol, tau, rate, dividend, call)
    plain = european(spot, strike, vol, tau, rate, dividend)
    # What can be had without watching the spot: now, at the end, or at the best date in between.
    least = jnp.maximum(plain, stopped_at(spot, strike, jnp.maximum(tau, 0.0), rate, dividend))
    live = (vol * jnp.sqrt(jnp.maximum(tau, _TINY)) > _DEAD) & (tau > 0) & (rate > _TINY) & (spot > 0) & (strike > 0)
    safe = _safe(live, vol, tau, rate, dividend)
    logs = _log_boundary(*safe, nodes, points, turns)
    x = jnp.log(jnp.where(live, spot, 1.0)) - jnp.log(jnp.where(live, strike, 1.0))
    premium = strike * _premium(x, logs, *safe, 2 * points)
    held = jnp.where(x <= logs[..., 0], strike - spot, jnp.maximum(plain + premium, least))
    return jnp.where(live, held, least)


def boundary(
    vol: ArrayLike,
    tau: ArrayLike,
    rate: ArrayLike = 0.0,
    dividend: ArrayLike = 0.0,
    call: ArrayLike = True,
    nodes: int = _NODES,
    points: int = _POINTS,
    turns: int = _TURNS,
) -> Float[Array, "..."]:
    """The critical price over the strike: a put is exercised at or below it, a call at or above it.

    0 (put) and infinite (call) where it never pays to exercise, 1 at expiry.

    >>> round(float(boundary(0.2, 1.0, 0.06, call=False)), 4)
    0.8229
    """
    _, _, vol, tau, rate, dividend, call = put_terms(1.0, 1.0, vol, tau, rate, dividend, call)
    live = (vol * jnp.sqrt(jnp.maximum(tau, _TINY)) > _DEAD) & (tau > 0) & (rate > _TINY)
    logs = _log_boundary(*_safe(live, vol, tau, rate, dividend), nodes, points, turns)[..., 0]
    put = jnp.where(live, jnp.exp(logs), jnp.where((tau > 0) & (rate <= _TINY), 0.0, 1.0))
    return jnp.where(call, jnp.where(put > 0, 1.0 / jnp.where(put > 0, put, 1.0), jnp.inf), put)


def _safe(live: Array, vol: Array, tau: Array, rate: Array, dividend: Array) -> tuple[Array, ...]:
    """Numbers for which everything is defined where there is nothing to be found."""
    return (
        jnp.where(live, vol, 0.2),
        jnp.where(live, tau, 1.0),
        jnp.where(live, rate, 0.05),
        jnp.where(live, dividend, 0.0),
    )


@lru_cache
def _rule(nodes: int, points: int) -> tuple[np.ndarray, ...]:
    """(square roots of time at the nodes, angles, weights, the matrix from the nodes to the nodes' quadratures).

    The last node is at no time left, where the logarithm is 0: it has no column.
    """
    xi = 0.5 * (1.0 + np.cos(np.pi * np.arange(nodes + 1) / nodes))
    x, weight = np.polynomial.legendre.leggauss(points)
    angle = 0.25 * np.pi * (1.0 + x)
    sign = (-1.0) ** np.arange(nodes + 1)
    sign[[0, -1]] *= 0.5
    gap = xi[:-1, None, None] * np.cos(angle)[:, None] - xi
    share = sign / np.where(np.abs(gap) < 1e-14, 1e-14, gap)
    matrix = share / share.sum(axis=-1, keepdims=True)
    return xi[:-1], angle, 0.25 * np.pi * weight, matrix[..., :-1]


def _log_limit(rate: Array, dividend: Array) -> Array:
    """Logarithm of the critical price just before expiry, over the strike."""
    above = dividend > rate
    return jnp.where(above, jnp.log(rate) - jnp.log(jnp.where(above, dividend, rate)), 0.0)


# Compiled on their own, so that a single price outside a program does not compile a hundred operations.
@partial(jax.jit, static_argnames=("nodes", "points", "turns"))
def _log_boundary(vol, tau, rate, dividend, nodes: int, points: int, turns: int) -> Float[Array, "... factor"]:
    """Logarithm of the critical price over the strike at the nodes, the first of which has all of ``tau`` left."""
    xi, angle, weight, matrix = (jnp.asarray(x, vol.dtype) for x in _rule(nodes, points))
    vol, tau, rate, dividend = (x[..., None] for x in (vol, tau, rate, dividend))
    left, limit = tau * xi**2, _log_limit(rate, dividend)
    root = jnp.sqrt(left)
    elapsed, still = left[..., None] * jnp.sin(angle) ** 2, left[..., None] * jnp.cos(angle) ** 2
    scale = vol[..., None] * root[..., None] * jnp.sin(angle)
    steep = 2.0 * weight * jnp.cos(angle) * root[..., None] / vol[..., None]  # du over the volatility of the elapsed
    flat = 2.0 * weight * jnp.sin(angle) * jnp.cos(angle) * left[..., None]
    grown, paid = jnp.exp(rate[..., None] * still), jnp.exp(dividend[..., None] * still)

    def turn(_, logs: Array) -> Array:
        past = limit[..., None] - jnp.sqrt(
            jnp.maximum(jnp.einsum("ijk,...k->...ij", matrix, (logs - limit) ** 2), _TINY)
        )
        centre = (logs[..., None] - past + (rate - dividend)[..., None] * elapsed) / scale
        up, down = centre + 0.5 * scale, centre - 0.5 * scale
        whole = (logs + (rate - dividend) * left) / (vol * root)
        high, low = whole + 0.5 * vol * root, whole - 0.5 * vol * root
        top = density(low) / (vol * root) + rate * jnp.sum(steep * grown * density(down), axis=-1)
        inner = jnp.sum(paid * (flat * ndtr(up) + steep * density(up)), axis=-1)
        bottom = density(high) / (vol * root) + ndtr(high) + dividend * inner
        raw = jnp.log(jnp.maximum(top, _TINY)) - jnp.log(jnp.maximum(bottom, _TINY)) - (rate - dividend) * left
        return jnp.clip(raw, floor, limit)

    # By symmetry the put's critical price is one over that of the call with rate and yield exchanged.
    floor = jnp.minimum(-jnp.log(perpetual(vol, dividend, rate)), limit)
    start = jnp.clip(-jnp.log(flat_boundary(vol, left, dividend, rate)), floor, limit)
    return lax.fori_loop(0, turns, turn, start)


@partial(jax.jit, static_argnames="points")
def _premium(x, logs, vol, tau, rate, dividend, points: int) -> Array:
    """What the right to exercise early adds to a put on a strike of one, at log-moneyness ``x`` above the boundary."""
    _, angle, weight, matrix = (jnp.asarray(row, vol.dtype) for row in _rule(logs.shape[-1], points))
    limit = _log_limit(rate, dividend)[..., None]
    vol, tau, rate, dividend, x = (row[..., None] for row in (vol, tau, rate, dividend, x))
    past = limit - jnp.sqrt(jnp.maximum(jnp.einsum("jk,...k->...j", matrix[0], (logs - limit) ** 2), _TINY))
    elapsed, scale = tau * jnp.sin(angle) ** 2, vol * jnp.sqrt(tau) * jnp.sin(angle)
    centre = (x - past + (rate - dividend) * elapsed) / scale
    interest = rate * jnp.exp(-rate * elapsed) * ndtr(0.5 * scale - centre)
    lost = dividend * jnp.exp(x - dividend * elapsed) * ndtr(-0.5 * scale - centre)
    return jnp.sum(2.0 * tau * weight * jnp.sin(angle) * jnp.cos(angle) * (interest - lost), axis=-1)
