r"""European options on a spot that jumps: Merton's series (1976), Kou (2002) and Bates (1996) by a Fourier integral.

.. math:: dS/S_- = -\lambda k\,dt + \sigma\,dW + (e^J-1)\,dN, \qquad k = E\,e^J - 1.

``intensity`` (:math:`\lambda`) is in jumps per year; ``jump_mean`` (:math:`m`) and ``jump_vol`` (:math:`\delta`) are
those of one normal log jump, ``up_mean`` and ``down_mean`` the mean sizes of exponential ones; ``vol`` is per root
year, ``tau`` in years. All arguments broadcast. Prices are in cash at expiry, not discounted.
"""

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Complex, Float

from deephedge.pricing import black, fourier, heston
from deephedge.pricing.normal import alike, root, sign_of

TERMS = 64
# The largest exponent of a forward given its jumps: beyond, the weight of so many jumps is 0 in any float.
_HUGE = 60.0
# Gauss-Legendre on (0, 1), for the time of default.
_PLACES, _SHARES = (0.5 * (x + shift) for x, shift in zip(np.polynomial.legendre.leggauss(16), (1.0, 0.0), strict=True))


def merton_price(
    forward: ArrayLike,
    strike: ArrayLike,
    vol: ArrayLike,
    tau: ArrayLike,
    intensity: ArrayLike,
    jump_mean: ArrayLike,
    jump_vol: ArrayLike,
    call: ArrayLike = True,
    terms: int = TERMS,
) -> Float[Array, "..."]:
    r"""Price under lognormal jumps: Black's, averaged over the number of jumps,

    .. math:: \sum_n e^{-\lambda\tau}\frac{(\lambda\tau)^n}{n!}\,C_B\big(F e^{-\lambda k\tau}(1+k)^n, K,
        \sqrt{\sigma^2\tau+n\delta^2}\big), \qquad 1+k = e^{m+\delta^2/2}.

    The option out of the money is summed, the other follows by parity. 64 terms hold 25 expected jumps, 128 hold 66:
    what is left out is then below 1e-10 of the larger of forward and strike, and float32 is right to 1e-7 of it. Where
    :math:`\lambda\tau` or :math:`\lambda(1+k)\tau` is larger the price is NaN: hand over more ``terms``.

    Source: Merton (1976).

    >>> round(float(merton_price(100.0, 100.0, 0.15, 0.5, 1.0, -0.1, 0.15)), 4)
    6.034
    """
    forward, strike, vol, tau, intensity, mean, deviation, sign = alike(
        forward, strike, vol, tau, intensity, jump_mean, jump_vol, sign_of(call)
    )
    expected, growth = intensity * jnp.maximum(tau, 0.0), mean + 0.5 * deviation**2
    count = np.arange(terms, dtype=float)
    tilt = count * growth[..., None] - (expected * jnp.expm1(growth))[..., None]
    moved = forward[..., None] * jnp.exp(jnp.minimum(tilt, _HUGE))
    total = root((vol**2 * jnp.maximum(tau, 0.0))[..., None] + count * (deviation**2)[..., None])
    rising = forward <= strike  # the call is the option out of the money
    each = black.price(moved, strike[..., None], total, call=rising[..., None])
    parity = jnp.where((sign > 0) == rising, 0.0, sign * (forward - strike))
    most = expected * jnp.maximum(1.0, jnp.exp(jnp.minimum(growth, _HUGE)))
    held = most + 7.0 * jnp.sqrt(jnp.maximum(most, 1e-30)) + 4.0 <= terms
    return jnp.where(held, parity + jnp.sum(_poisson(expected, terms) * each, axis=-1), jnp.nan)


def default_price(
    forward: ArrayLike,
    strike: ArrayLike,
    vol: ArrayLike,
    tau: ArrayLike,
    intensity: ArrayLike,
    recovery: ArrayLike = 0.0,
    call: ArrayLike = True,
) -> Float[Array, "..."]:
    r"""Price on a stock that falls to a share :math:`R` of itself at default, at a constant hazard :math:`h`.

    .. math:: e^{-h\tau}C_B(Fe^{(1-R)h\tau}, K, \sigma\sqrt\tau)
        + \int_0^\tau he^{-ht}\,C_B(FRe^{(1-R)ht}, K, \sigma\sqrt\tau)\,dt.

    With :math:`R=0` a discounted call is that of Black and Scholes at the rate :math:`r+h`. ``intensity`` :math:`h` per
    year; the stock diffuses on after default. The integral by 16 Gauss-Legendre nodes.

    Source: Merton (1976), for R = 0.

    >>> round(float(default_price(100.0, 100.0, 0.2, 1.0, 0.05)), 4)
    10.4506
    """
    forward, strike, vol, tau, intensity, left, sign = alike(
        forward, strike, vol, tau, intensity, recovery, sign_of(call)
    )
    hit = intensity * jnp.maximum(tau, 0.0)
    grown = (1.0 - left) * hit
    alive = jnp.exp(-hit) * black.price(forward * jnp.exp(grown), strike, vol, tau, sign > 0)
    part = jnp.asarray(_PLACES, hit.dtype) * jnp.ones_like(hit)[..., None]
    wide = [x[..., None] for x in (forward * left, strike, vol, tau, sign)]
    fallen = black.price(wide[0] * jnp.exp(grown[..., None] * part), *wide[1:4], wide[4] > 0)
    lost = hit[..., None] * jnp.asarray(_SHARES, hit.dtype) * jnp.exp(-hit[..., None] * part)
    return alive + jnp.sum(lost * fallen, axis=-1)


def kou_price(
    forward: ArrayLike,
    strike: ArrayLike,
    vol: ArrayLike,
    tau: ArrayLike,
    intensity: ArrayLike,
    probability_up: ArrayLike,
    up_mean: ArrayLike,
    down_mean: ArrayLike,
    call: ArrayLike = True,
    nodes: int = 2 * fourier.NODES,
) -> Float[Array, "..."]:
    r"""Price under exponential log jumps, up with probability :math:`p` and mean :math:`a<1`, else down with mean
    :math:`b`.

    Error: 1e-10 of the larger of forward and strike in float64, 1e-7 in float32, from one day to ten years, also
    where hardly anything diffuses. The integral of `deephedge.pricing.fourier` with, for :math:`s=iu+1/2` and so
    :math:`s(1-s)=u^2+1/4`,

    .. math:: \frac{\log\phi(u)}{u^2+1/4} = -\frac{\sigma^2\tau}2 - \lambda\tau\Big[\frac{p\,a^2}{(1-a)(1-sa)} +
        \frac{(1-p)\,b^2}{(1+b)(1+sb)}\Big].

    Source: Kou (2002), section 2.1, for the model; the factor is cancelled by hand.

    >>> round(float(kou_price(100.0, 100.0, 0.16, 0.5, 1.0, 0.4, 0.1, 0.2)), 4)
    6.6061
    """
    forward, strike, vol, tau, intensity, p, up, down = alike(
        forward, strike, vol, tau, intensity, probability_up, up_mean, down_mean
    )
    of = fourier.terms(forward, strike, tau * (vol**2 + 2.0 * intensity * (p * up**2 + (1.0 - p) * down**2)), tau)
    whole = (vol, of.time, intensity, p, up, down)
    # Without a jump log S / F is normal with this mean; that part decays last.
    still = -intensity * of.time * (p * up / (1.0 - up) - (1.0 - p) * down / (1.0 + down))
    tilt = fourier.angle(of, jnp.sqrt(vol**2 * of.time), of.moneyness + still)
    return fourier.price(of, lambda ray, square: kou_exponent(ray, square, *whole), tilt, call, nodes)


def kou_exponent(ray, square, vol, tau, intensity, probability_up, up_mean, down_mean) -> Complex[Array, "..."]:
    """``log phi(u) / (u^2 + 1/4)`` of `kou_price`, in the manner of `deephedge.pricing.heston.exponent`."""
    vol, tau, intensity, p, up, down = (x[..., None] for x in (vol, tau, intensity, probability_up, up_mean, down_mean))
    s = 1j * ray + 0.5
    rises, falls = p * up**2 / (1.0 - up) / (1.0 - s * up), (1.0 - p) * down**2 / (1.0 + down) / (1.0 + s * down)
    return -0.5 * vol**2 * tau - intensity * tau * (rises + falls)


def bates_price(
    forward: ArrayLike,
    strike: ArrayLike,
    variance: ArrayLike,
    tau: ArrayLike,
    kappa: ArrayLike,
    theta: ArrayLike,
    sigma: ArrayLike,
    rho: ArrayLike,
    intensity: ArrayLike,
    jump_mean: ArrayLike,
    jump_vol: ArrayLike,
    call: ArrayLike = True,
    nodes: int = 2 * fourier.NODES,
) -> Float[Array, "..."]:
    r"""Price under Heston's variance with lognormal jumps of the spot.

    The integral of `deephedge.pricing.fourier`; the logarithm of the characteristic function is Heston's plus, for
    :math:`s=iu+1/2`, :math:`\lambda\tau\,[e^{sm+s^2\delta^2/2}-1-sk]`. The first parameters are those of
    `deephedge.pricing.heston.price`, ``variance`` being that of the diffusion.

    Error, as a share of the larger of forward and strike, one day to ten years: 1e-10 in float64 and 3e-7 in float32
    where jump_vol is as large as the mean jump. Jumps of one size oscillate for ever: with jump_vol a tenth of
    the mean jump or less it is 3e-8 at usual variances and up to 3e-5 at violent ones; more ``nodes`` help.

    Source: Bates (1996).

    >>> round(float(bates_price(100.0, 100.0, 0.04, 0.5, 2.0, 0.04, 0.4, -0.6, 1.0, -0.1, 0.15)), 4)
    7.068
    """
    forward, strike, variance, tau, kappa, theta, sigma, rho, intensity, mean, deviation = alike(
        forward, strike, variance, tau, kappa, theta, sigma, rho, intensity, jump_mean, jump_vol
    )
    variance, sigma, rho = heston.inside(variance, sigma, rho)
    diffused = heston.expected_integrated_variance(variance, tau, kappa, theta)
    of = fourier.terms(forward, strike, diffused + intensity * tau * (mean**2 + deviation**2), tau)
    model = (variance, of.time, kappa, theta, sigma, rho)
    whole = (*model, intensity, mean, deviation)

    start = of.moneyness - intensity * of.time * jnp.expm1(mean + 0.5 * deviation**2)
    tilt = _turned(heston.angle(of._replace(moneyness=start), *model), start, diffused)
    # Against the sign of the mean jump exp(sm) grows, up to where exp(s^2 d^2 / 2) takes over: keep that below e.
    cap = jnp.arctan2(deviation, jnp.maximum(jnp.abs(mean), 1e-6))
    tilt = jnp.where(tilt * mean < 0.0, jnp.clip(tilt, -cap, cap), tilt)
    return fourier.price(of, lambda ray, square: bates_exponent(ray, square, *whole), tilt, call, nodes)


def bates_exponent(
    ray, square, variance, tau, kappa, theta, sigma, rho, intensity, jump_mean, jump_vol
) -> Complex[Array, "..."]:
    """``log phi(u) / (u^2 + 1/4)`` of `bates_price`, in the manner of `deephedge.pricing.heston.exponent`."""
    diffused = heston.exponent(ray, square, variance, tau, kappa, theta, sigma, rho)
    return diffused + _lognormal_jumps(ray, square, intensity * tau, jump_mean, jump_vol)


def merton_exponent(ray, square, vol, tau, intensity, jump_mean, jump_vol) -> Complex[Array, "..."]:
    """``log phi(u) / (u^2 + 1/4)`` of `merton_price`, in the manner of `deephedge.pricing.heston.exponent`."""
    diffused = -0.5 * (vol**2 * tau)[..., None]
    return diffused + _lognormal_jumps(ray, square, intensity * tau, jump_mean, jump_vol)


def _lognormal_jumps(ray, square, expected, jump_mean, jump_vol) -> Complex[Array, "..."]:
    expected, m, d = (x[..., None] for x in (expected, jump_mean, jump_vol))
    s = 1j * ray + 0.5
    return expected * (jnp.expm1(s * m + 0.5 * d**2 * s * s) - s * jnp.expm1(m + 0.5 * d**2)) / square


def _turned(tilt: Array, start: Array, diffused: Array) -> Array:
    """The tilt, kept from letting what has not jumped grow before its Gaussian takes over.

    ``start`` is the log-moneyness without the drift that pays for jumps, ``diffused`` the variance without them.
    """
    spread = jnp.sqrt(jnp.maximum(diffused, 1e-12))
    cap = 0.7 * spread / jnp.maximum(jnp.abs(start), spread)
    return jnp.where(tilt * start < 0.0, jnp.clip(tilt, -cap, cap), tilt)


def _poisson(expected: Array, terms: int) -> Float[Array, "... terms"]:
    """Poisson probabilities of 0 to ``terms`` - 1; the factor exp(-expected) is spread so that none overflows."""
    count = np.arange(1, terms)
    shares = expected[..., None] / count * jnp.exp(-expected[..., None] / terms)
    products = jnp.concatenate([jnp.ones_like(shares[..., :1]), jnp.cumprod(shares, axis=-1)], axis=-1)
    return products * jnp.exp(-expected[..., None] * (1.0 - np.arange(terms) / terms))
