r"""European options on a spot whose volatility is that of a Markov chain, by one Fourier integral.

.. math:: dS = S\sigma_X\,dW, \qquad P(X_{t+\Delta}=j\mid X_t=i)=\big(e^{Q\Delta}\big)_{ij}.

The chain is independent of :math:`W`, so a smile is symmetric in log-moneyness. ``vols`` (:math:`\sigma_i`) per root
year, ``generator`` (:math:`Q`) per year with rows that sum to 0, ``tau`` in years; prices in cash at expiry, not
discounted.
"""

import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Complex, Float

from deephedge.pricing import fourier
from deephedge.pricing.heston import log1p
from deephedge.pricing.normal import alike

_TERMS = 12  # of the series, whose argument has norm 1/4 or less
_SQUARINGS = 24
_GONE = 80.0  # twice the calmest state's exponent from which on the characteristic function is 0
_LEAST = 1e-30  # of a characteristic function, so that it has a logarithm


def price(
    forward: ArrayLike,
    strike: ArrayLike,
    tau: ArrayLike,
    vols: Float[Array, " state"],
    generator: Float[Array, "state state"],
    regime: int = 0,
    call: ArrayLike = True,
    nodes: int = fourier.NODES,
) -> Float[Array, "..."]:
    r"""Price of a European call or put with ``tau`` years left when the chain is in state ``regime``.

    Error: 1e-12 of the larger of forward and strike in float64, 1e-7 in float32, where the wildest volatility is at
    most 8 times the calmest. The calmest must be positive.

    Source: Buffington and Elliott (2002) for the transform of the times spent in states.

    >>> chain = jnp.array([0.12, 0.35]), jnp.array([[-0.5, 0.5], [3.0, -3.0]])
    >>> [round(float(price(100.0, 100.0, 0.5, *chain, n)), 3) for n in (0, 1)]
    [3.995, 7.354]
    """
    forward, strike, tau = alike(forward, strike, tau)
    vols, generator = jnp.asarray(vols, tau.dtype), jnp.asarray(generator, tau.dtype)
    live = jnp.maximum(tau, 0.0)[..., None]
    total = -2.0 * jnp.real(exponent(0.5j + 0.0 * live, 0.0j * live, live, vols, generator, regime))[..., 0]
    of = fourier.terms(forward, strike, total, tau)
    # Whoever stays in the calmest state decays last.
    tilt = fourier.angle(of, jnp.min(vols) * jnp.sqrt(of.time), of.moneyness)
    time = of.time[..., None]
    return fourier.price(
        of, lambda ray, square: exponent(ray, square, time, vols, generator, regime), tilt, call, nodes
    )


def exponent(
    ray: Complex[Array, "..."],
    square: Complex[Array, "..."],
    tau: Float[Array, "..."],
    vols: Float[Array, " state"],
    generator: Float[Array, "state state"],
    regime: int,
) -> Complex[Array, "..."]:
    r"""``log phi(u) / (u^2 + 1/4)``; ``tau`` is shaped to broadcast with ``ray`` and ``square`` :math:`q`.

    With :math:`\Sigma=\mathrm{diag}(\sigma_i^2)` and :math:`m` the smallest of them,
    :math:`\phi=e^{-qm\tau/2}(1+qw)`, where :math:`w` is the state's row of

    .. math:: w' = \big(Q-\tfrac q2(\Sigma-m)\big)w-\tfrac12(\Sigma-m)1, \qquad w(0)=0,

    a column of the exponential of one larger matrix: no digits are lost where :math:`q\tau` is small, and
    :math:`1+qw`, of which those have a share who stay calm, does not vanish where :math:`q` is large.
    """
    del ray  # the chain is independent of the spot's Brownian motion: nothing is odd in u
    count, calm = vols.size, jnp.min(vols) ** 2
    excess, decay = vols**2 - calm, 0.5 * calm * tau
    # Where phi is 0 any smaller q will do, and keeps the matrix within what can be squared up.
    size = lax.stop_gradient(jnp.abs(square) * decay)
    shrunk = square * jnp.where(size > _GONE, _GONE / jnp.where(size > _GONE, size, 1.0), 1.0)
    q = shrunk * jnp.ones_like(tau)
    body = generator - 0.5 * q[..., None, None] * jnp.diag(excess)
    side = jnp.broadcast_to(-0.5 * excess[:, None], (*body.shape[:-1], 1))
    whole = jnp.concatenate([body, side.astype(body.dtype)], axis=-1)
    whole = jnp.concatenate([whole, jnp.zeros_like(whole[..., :1, :])], axis=-2) * tau[..., None, None]
    row = _exponential(whole)[..., regime, :]
    alive, w = jnp.sum(row[..., :count], axis=-1), row[..., count]  # alive is 1 + qw without its rounding near 0
    far, still = lax.stop_gradient(jnp.abs(q * w)) > 0.5, q == 0
    alive = jnp.where(far & (lax.stop_gradient(jnp.abs(alive)) > _LEAST), alive, jnp.where(far, _LEAST, 1.0))
    log = jnp.where(far, jnp.log(alive), log1p(jnp.where(far, 0.0, q * w)))
    return -0.5 * calm * tau + jnp.where(still, w, log / jnp.where(still, 1.0, q))


def _exponential(matrix: Complex[Array, "*batch row row"]) -> Complex[Array, "*batch row row"]:
    """By a series squared up as often as each matrix of the batch needs."""
    norm = lax.stop_gradient(jnp.max(jnp.sum(jnp.abs(matrix), axis=-1), axis=-1))
    needed = jnp.clip(jnp.ceil(jnp.log2(jnp.maximum(norm, 1e-30))) + 2.0, 0.0, _SQUARINGS)[..., None, None]
    small, eye = matrix * 2.0**-needed, jnp.eye(matrix.shape[-1], dtype=matrix.dtype)
    series = lax.fori_loop(0, _TERMS, lambda n, sum: eye + _times(small, sum) / (_TERMS - n), eye + 0.0 * small)
    return lax.fori_loop(0, _SQUARINGS, lambda n, x: jnp.where(n < needed, _times(x, x), x), series)


def _times(a: Array, b: Array) -> Array:
    """A product of small matrices, as one fused sum: the library calls a routine for each of the batch."""
    return jnp.sum(a[..., :, :, None] * b[..., None, :, :], axis=-2)
