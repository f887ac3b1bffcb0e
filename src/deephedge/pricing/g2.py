r"""Two Gaussian factors (Hull and White 1994, in the form G2++): zero bonds, options on them, caplets and swaptions.

.. math:: r_t = x_t + y_t + \varphi(t), \qquad dx = -a\,x\,dt + \sigma\,dW^x, \qquad dy = -b\,y\,dt + \eta\,dW^y,
    \qquad d\langle W^x,W^y\rangle = \rho\,dt, \qquad x_0 = y_0 = 0.

``a`` and ``b`` are per year, ``sigma`` and ``eta`` per year and root year, ``rho`` in [-1, 1], times in years;
:math:`\varphi` makes today's discount factors those that are handed in. All arguments broadcast. All moments are
integrals over a period of products of :math:`e^{-au}` and :math:`B_a(u)=(1-e^{-au})/a`, which are positive; they are
taken by 32 Gauss-Legendre points in the square root of time, right to 1e-10 for a sum of mean reversions times
period up to 300, and to rounding up to 100, from ``a = b = 0`` on.

Source: Hull and White (1994); Brigo and Mercurio (2006), section 4.2.
"""

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.pricing import black, hullwhite
from deephedge.pricing.hullwhite import loading
from deephedge.pricing.normal import alike

# Gauss-Legendre on (0, 1), in v with u = tau v^2: more points where the exponentials move.
_PLACES, _WEIGHTS = np.polynomial.legendre.leggauss(32)
_PLACES, _WEIGHTS = 0.25 * (1.0 + _PLACES) ** 2, 0.5 * _WEIGHTS * (1.0 + _PLACES)
# Of the outer integral of a swaption: trapezoids in a standard normal, to 1e-16 of its density.
_REACH, _POINTS = 8.5, 137
_STILL = 1e-12


def moments(tau: ArrayLike, a: ArrayLike, b: ArrayLike) -> tuple[Float[Array, "..."], ...]:
    r"""How the factors and their integrals over ``tau`` years covary, for volatilities and correlations of 1.

    Three 2 x 2 matrices on the last two axes, of x and y: factor with factor, factor (row) with integral (column),
    integral with integral,

    .. math:: \int_0^\tau e^{-(k_i+k_j)u}\,du, \quad \int_0^\tau e^{-k_iu}B_{k_j}(u)\,du, \quad
        \int_0^\tau B_{k_i}(u)B_{k_j}(u)\,du, \qquad k=(a,b).

    >>> [round(float(x[0, 1]), 6) for x in moments(3.0, 0.0, 0.0)]  # tau, tau^2 / 2, tau^3 / 3
    [3.0, 4.5, 9.0]
    """
    tau, a, b = alike(tau, a, b)
    speeds, tau = jnp.stack([a, b], -1)[..., None, :], tau[..., None, None]
    at = tau * jnp.asarray(_PLACES, tau.dtype)[:, None]
    weights = (tau * jnp.asarray(_WEIGHTS, tau.dtype)[:, None])[..., None]
    decay, load = jnp.exp(-speeds * at), loading(at, speeds)
    pairs = ((decay, decay), (decay, load), (load, load))
    return tuple(jnp.sum(weights * one[..., :, None] * other[..., None, :], -3) for one, other in pairs)


def _scales(sigma: ArrayLike, eta: ArrayLike, rho: ArrayLike) -> Array:
    """What the moments are multiplied by: products of the volatilities, off the diagonal times the correlation."""
    sigma, eta, rho = alike(sigma, eta, rho)
    both = rho * sigma * eta
    return jnp.stack([jnp.stack([sigma * sigma, both], -1), jnp.stack([both, eta * eta], -1)], -2)


def area_variance(
    tau: ArrayLike, a: ArrayLike, b: ArrayLike, sigma: ArrayLike, eta: ArrayLike, rho: ArrayLike
) -> Float[Array, "..."]:
    r"""Variance of the integral of the short rate over the next ``tau`` years.

    >>> round(float(area_variance(3.0, 0.0, 0.0, 0.01, 0.01, 1.0)), 6)  # (2 sigma)^2 tau^3 / 3
    0.0036
    """
    return jnp.sum(_scales(sigma, eta, rho) * moments(tau, a, b)[2], (-2, -1))


def tilts(
    now: ArrayLike, a: ArrayLike, b: ArrayLike, sigma: ArrayLike, eta: ArrayLike, rho: ArrayLike
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    r"""Covariances of :math:`x_t` and of :math:`y_t` with :math:`\int_0^t(x+y)`.

    Their sum is :math:`\varphi(t)-f_0(t)`, what the short rate has on top of today's forward.

    >>> [round(float(x), 6) for x in tilts(2.0, 0.0, 0.0, 0.01, 0.02, 0.5)]
    [0.0004, 0.001]
    """
    lifts = jnp.sum(_scales(sigma, eta, rho) * moments(now, a, b)[1], -1)
    return lifts[..., 0], lifts[..., 1]


def log_change(
    x: ArrayLike,
    y: ArrayLike,
    now: ArrayLike,
    tau: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    sigma: ArrayLike,
    eta: ArrayLike,
    rho: ArrayLike,
) -> Float[Array, "..."]:
    r"""By how much the logarithm of the bond for ``tau`` years is off today's forward price of it, at time ``now``.

    .. math:: -B_a(\tau)\,(x+c_x) - B_b(\tau)\,(y+c_y) - \tfrac12\mathrm{Var}\left(B_a(\tau)x_t+B_b(\tau)y_t\right),

    :math:`c_x, c_y` being `tilts`. It is their equation (4.14), without differences of large terms.

    >>> round(float(log_change(0.01, -0.02, 0.0, 5.0, 0.0, 0.0, 0.01, 0.01, 0.3)), 6)
    0.05
    """
    lift_x, lift_y = tilts(now, a, b, sigma, eta, rho)
    moved = loading(tau, a) * (jnp.asarray(x) + lift_x) + loading(tau, b) * (jnp.asarray(y) + lift_y)
    return -moved - 0.5 * log_variance(now, tau, a, b, sigma, eta, rho)


def discount(
    x: ArrayLike,
    y: ArrayLike,
    now: ArrayLike,
    tau: ArrayLike,
    today: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    sigma: ArrayLike,
    eta: ArrayLike,
    rho: ArrayLike,
) -> Float[Array, "..."]:
    r"""Zero bond at time ``now`` for one unit ``tau`` years later; ``today`` is :math:`P_0(t+\tau)/P_0(t)`.

    >>> round(float(discount(0.01, 0.0, 1.0, 5.0, 0.86, 0.1, 0.5, 0.01, 0.01, -0.7)), 4)
    0.8264
    """
    return jnp.asarray(today) * jnp.exp(log_change(x, y, now, tau, a, b, sigma, eta, rho))


def log_variance(
    expiry: ArrayLike,
    length: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    sigma: ArrayLike,
    eta: ArrayLike,
    rho: ArrayLike,
) -> Float[Array, "..."]:
    """Variance of the log price, at ``expiry``, of a zero bond with ``length`` years left then.

    >>> round(float(log_variance(2.0, 3.0, 0.0, 0.0, 0.01, 0.01, 0.0)), 6)  # 2 sigma^2 2 3^2
    0.0036
    """
    spread = _scales(sigma, eta, rho) * moments(expiry, a, b)[0]
    one, other = loading(length, a), loading(length, b)
    return one**2 * spread[..., 0, 0] + 2.0 * one * other * spread[..., 0, 1] + other**2 * spread[..., 1, 1]


def bond_option(
    nearer: ArrayLike,
    farther: ArrayLike,
    strike: ArrayLike,
    expiry: ArrayLike,
    length: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    sigma: ArrayLike,
    eta: ArrayLike,
    rho: ArrayLike,
    call: ArrayLike = True,
) -> Float[Array, "..."]:
    """Option, ``expiry`` years ahead, on a zero bond with ``length`` years left then; in cash now.

    Black's formula on the forward bond with the variance `log_variance`. ``nearer`` and ``farther`` are the discount
    factors to expiry and to the bond's maturity.

    >>> round(float(bond_option(0.95, 0.8, 0.84, 1.0, 4.0, 0.1, 0.5, 0.01, 0.01, -0.7)), 5)
    0.00868
    """
    total = jnp.sqrt(jnp.maximum(log_variance(expiry, length, a, b, sigma, eta, rho), _STILL**2))
    return jnp.asarray(nearer) * black.price(jnp.asarray(farther) / nearer, strike, total, call=call)


def caplet(
    nearer: ArrayLike,
    farther: ArrayLike,
    rate: ArrayLike,
    accrual: ArrayLike,
    expiry: ArrayLike,
    length: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    sigma: ArrayLike,
    eta: ArrayLike,
    rho: ArrayLike,
    cap: ArrayLike = True,
) -> Float[Array, "..."]:
    """Caplet (or floorlet) on the simple rate from ``expiry`` over ``length`` years, paid at the end; in cash now.

    It pays ``accrual`` times the excess over ``rate``: a put on ``1 + rate accrual`` bonds, struck at one.

    >>> round(float(caplet(0.97, 0.96, 0.03, 0.25, 1.0, 0.25, 0.1, 0.5, 0.01, 0.01, -0.7)), 6)
    0.002831
    """
    owed = 1.0 + jnp.asarray(rate) * accrual
    put = jnp.logical_not(jnp.asarray(cap))
    return owed * bond_option(nearer, farther, 1.0 / owed, expiry, length, a, b, sigma, eta, rho, call=put)


def swaption(
    nearer: ArrayLike,
    discounts: ArrayLike,
    accruals: ArrayLike,
    rate: ArrayLike,
    expiry: ArrayLike,
    lengths: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    sigma: ArrayLike,
    eta: ArrayLike,
    rho: ArrayLike,
    payer: ArrayLike = True,
) -> Float[Array, "..."]:
    r"""European option to enter a swap at ``expiry``, on a notional of one; in cash now, on one discounting curve.

    A payer pays ``rate`` times ``accruals`` at the ends of the periods, ``lengths`` years after expiry (last axis), and
    receives floating. Under the measure of the bond to expiry the log bonds are :math:`-u_iZ-v_iZ'` off, with two
    independent normals. Given :math:`Z` all bonds fall as :math:`Z'` rises, so that the price is a sum of options on
    them (`hullwhite.decomposed_option`); :math:`Z` is integrated out by trapezoids, which converge faster than any
    power here. :math:`Z'` is the direction of the whole coupon bond if every bond falls along it, and :math:`y` given
    :math:`x` otherwise, as in Brigo and Mercurio (2006), theorem 4.2.3.

    >>> years = jnp.arange(1.0, 6.0)
    >>> bonds = jnp.exp(-0.03 * (1 + years))
    >>> price = swaption(jnp.exp(-0.03), bonds, jnp.ones(5), 0.03, 1.0, years, 0.1, 0.5, 0.01, 0.01, -0.7)
    >>> round(float(price), 5)
    0.01173
    """
    lengths, discounts, accruals = (jnp.asarray(z) for z in (lengths, discounts, accruals))
    nearer, rate, expiry, a, b, sigma, eta, rho = (
        jnp.asarray(z)[..., None] for z in (nearer, rate, expiry, a, b, sigma, eta, rho)
    )
    cash = rate * accruals
    cash = cash.at[..., -1].add(1.0)
    forwards = discounts / nearer
    shape, fall = _directions(cash * forwards, expiry, lengths, a, b, sigma, eta, rho)
    z = jnp.linspace(-_REACH, _REACH, _POINTS, dtype=fall.dtype)
    weights = jnp.exp(-0.5 * z**2) * (z[1] - z[0]) / np.sqrt(2.0 * np.pi)
    shape, fall, forwards, cash, call = (
        w[..., None, :] for w in (shape, fall, forwards, cash, jnp.logical_not(jnp.asarray(payer))[..., None])
    )
    given = forwards * jnp.exp(-shape * z[:, None] - 0.5 * shape**2)
    prices = hullwhite.decomposed_option(given, cash, 1.0, fall + _STILL * lengths[..., None, :], fall, call)
    return nearer[..., 0] * jnp.sum(weights * prices, -1)


def _directions(weights, expiry, lengths, a, b, sigma, eta, rho) -> tuple[Array, Array]:
    """How each log bond moves with the normal that is integrated out, and with the one along which all of them fall."""
    factors = moments(expiry, a, b)[0]
    one, other = jnp.sqrt(factors[..., 0, 0]), jnp.sqrt(factors[..., 1, 1])
    spread_x, spread_y = sigma * one, eta * other
    r = jnp.clip(rho * factors[..., 0, 1] / (one * other), -1.0, 1.0)
    apart = jnp.sqrt(jnp.maximum(1.0 - r * r, _STILL**2))
    first = loading(lengths, a) * spread_x + r * loading(lengths, b) * spread_y
    second = apart * loading(lengths, b) * spread_y
    u, v = (jnp.sum(weights * part, -1, keepdims=True) for part in (first, second))
    size = jnp.sqrt(jnp.maximum(u * u + v * v, _STILL**2))
    u, v = u / size, v / size
    along = u * first + v * second
    whole = jnp.min(along, -1, keepdims=True) > 0.0
    return jnp.where(whole, v * first - u * second, first), jnp.where(whole, along, second)
