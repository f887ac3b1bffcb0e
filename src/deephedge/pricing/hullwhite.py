r"""Gaussian short rates (Vasicek 1977, Hull and White 1990): zero bonds, options on them, and swaptions.

.. math:: r_t = x_t + s(t), \qquad dx = -a\,x\,dt + \sigma\,dW, \qquad x_0 = 0.

``a`` is the mean reversion per year, ``sigma`` the volatility of the short rate per year and root year, times are in
years, rates are continuously compounded. Vasicek's shift :math:`s` comes from his parameters, Hull and White's from
today's discount factors. All arguments broadcast. Everything is accurate, in float32 too, from ``a = 0`` (Ho and Lee)
on: what the textbook forms subtract is here a quotient of positive terms.
"""

import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.pricing import black
from deephedge.pricing.normal import alike

_LEVELS = 10  # of Lambert's continued fraction: below rounding for arguments up to _SWITCH
_SWITCH = 1.0
_NEWTON = 12


def loading(tau: ArrayLike, a: ArrayLike) -> Float[Array, "..."]:
    r"""What a zero bond loses, as a share, per unit of short rate: :math:`B(\tau)=(1-e^{-a\tau})/a`, in years.

    >>> round(float(loading(2.0, 0.1)), 5), float(loading(2.0, 0.0))
    (1.81269, 2.0)
    """
    tau, a = alike(tau, a)
    ratio, _ = tanh_ratios(0.5 * a * tau)
    return tau * ratio / (1.0 + 0.5 * a * tau * ratio)


def step_law(tau: ArrayLike, a: ArrayLike) -> tuple[Float[Array, "..."], ...]:
    r"""How :math:`X=x_\tau` and :math:`Y=\int_0^\tau x\,dt` are jointly normal from :math:`x_0=0`, for ``sigma = 1``.

    Returns :math:`\mathrm{sd}X`, the regression coefficient :math:`\beta` of :math:`Y` on :math:`X`, and the standard
    deviation of :math:`Y-\beta X`. With :math:`y=a\tau`,

    .. math:: \mathrm{Var}X = \frac{1-e^{-2y}}{2a}, \quad \beta = \frac{\tanh(y/2)}{a}, \quad
        \mathrm{Var}(Y-\beta X) = \frac{y-2\tanh(y/2)}{a^3}.

    >>> [round(float(x), 4) for x in step_law(1.0, 0.0)]  # 1, 1/2 and the square root of 1/12
    [1.0, 0.5, 0.2887]
    """
    tau, a = alike(tau, a)
    half = 0.5 * a * tau
    ratio, gap = tanh_ratios(half)
    root = jnp.sqrt(tau)
    return root * jnp.sqrt(ratio) / (1.0 + half * ratio), 0.5 * tau * ratio, 0.5 * tau * root * jnp.sqrt(gap)


def short_variance(tau: ArrayLike, a: ArrayLike, sigma: ArrayLike) -> Float[Array, "..."]:
    """Variance of the short rate ``tau`` years ahead.

    >>> round(float(short_variance(5.0, 0.1, 0.01)), 8)
    0.00031606
    """
    tau, a, sigma = alike(tau, a, sigma)
    ratio, _ = tanh_ratios(0.5 * a * tau)
    return sigma**2 * tau * ratio / (1.0 + 0.5 * a * tau * ratio) ** 2


def area_variance(tau: ArrayLike, a: ArrayLike, sigma: ArrayLike) -> Float[Array, "..."]:
    """Variance of the integral of the short rate over the next ``tau`` years.

    >>> round(float(area_variance(3.0, 0.0, 0.01)), 6)  # sigma^2 tau^3 / 3
    0.0009
    """
    tau, a, sigma = alike(tau, a, sigma)
    _, gap = tanh_ratios(0.5 * a * tau)
    slope = 0.5 * loading(tau, a) ** 2  # covariance of rate and integral at sigma 1
    explained = slope * step_law(tau, a)[1]
    return sigma**2 * (explained + 0.25 * tau**3 * gap)


def vasicek_discount(
    short: ArrayLike, tau: ArrayLike, a: ArrayLike, level: ArrayLike, sigma: ArrayLike
) -> Float[Array, "..."]:
    r"""Zero bond of Vasicek (1977), :math:`dr=a(b-r)\,dt+\sigma\,dW`: cash now for one unit ``tau`` years ahead.

    .. math:: P = \exp\left(-b\tau - (r-b)B(\tau) + \tfrac12\mathrm{Var}\int_0^\tau r\,dt\right),

    with ``short`` :math:`r` and ``level`` :math:`b` per year; his equation (27).

    >>> round(float(vasicek_discount(0.03, 5.0, 0.2, 0.05, 0.01)), 5)
    0.83049
    """
    return jnp.exp(vasicek_log_discount(short, tau, a, level, sigma))


def vasicek_log_discount(
    short: ArrayLike, tau: ArrayLike, a: ArrayLike, level: ArrayLike, sigma: ArrayLike
) -> Float[Array, "..."]:
    """Logarithm of `vasicek_discount`: minus yield times time, without rounding where little time is left.

    >>> float(vasicek_log_discount(0.03, 0.0, 0.2, 0.05, 0.01))
    0.0
    """
    mean = jnp.asarray(level) * tau + (jnp.asarray(short) - level) * loading(tau, a)
    return 0.5 * area_variance(tau, a, sigma) - mean


def discount(
    short: ArrayLike,
    now: ArrayLike,
    tau: ArrayLike,
    forward: ArrayLike,
    today: ArrayLike,
    a: ArrayLike,
    sigma: ArrayLike,
) -> Float[Array, "..."]:
    r"""Zero bond of Hull and White (1990) at time ``now`` (years from today), for one unit ``tau`` years later.

    .. math:: P(t,T) = \frac{P_0(T)}{P_0(t)}\exp\left(-B(\tau)(r-f_0(t)) - \tfrac12\mathrm{Var}(r_t)B(\tau)^2\right).

    ``forward`` is :math:`f_0(t)`, today's instantaneous forward rate for ``now``, and ``today`` the quotient
    :math:`P_0(T)/P_0(t)` of today's discount factors.

    >>> round(float(discount(0.03, 0.0, 5.0, 0.03, 0.86, 0.1, 0.01)), 4)
    0.86
    """
    return jnp.asarray(today) * jnp.exp(log_change(short, now, tau, forward, a, sigma))


def log_change(
    short: ArrayLike, now: ArrayLike, tau: ArrayLike, forward: ArrayLike, a: ArrayLike, sigma: ArrayLike
) -> Float[Array, "..."]:
    r"""The exponent in `discount`: by how much the bond's logarithm is off today's forward price of it.

    >>> round(float(log_change(0.04, 0.0, 5.0, 0.03, 0.0, 0.01)), 6)
    -0.05
    """
    length = loading(tau, a)
    away = jnp.asarray(short) - forward
    return -length * away - 0.5 * short_variance(now, a, sigma) * length**2


def bond_option(
    nearer: ArrayLike,
    farther: ArrayLike,
    strike: ArrayLike,
    expiry: ArrayLike,
    length: ArrayLike,
    a: ArrayLike,
    sigma: ArrayLike,
    call: ArrayLike = True,
) -> Float[Array, "..."]:
    r"""Option, ``expiry`` years ahead, on a zero bond with ``length`` years left then; in cash now.

    Black's formula on the forward bond with the total volatility :math:`B(\mathrm{length})\,\mathrm{sd}(r_T)`, for
    Vasicek and for Hull and White alike. ``nearer`` and ``farther`` are the discount factors to expiry and to the
    bond's maturity.

    Source: Jamshidian (1989), equation (9).

    >>> round(float(bond_option(0.95, 0.8, 0.84, 1.0, 4.0, 0.1, 0.01)), 5)
    0.01104
    """
    total = loading(length, a) * jnp.asarray(sigma) * step_law(expiry, a)[0]
    return jnp.asarray(nearer) * black.price(jnp.asarray(farther) / nearer, strike, total, call=call)


def coupon_bond_option(
    nearer: ArrayLike,
    discounts: ArrayLike,
    cash: ArrayLike,
    strike: ArrayLike,
    expiry: ArrayLike,
    lengths: ArrayLike,
    a: ArrayLike,
    sigma: ArrayLike,
    call: ArrayLike = True,
) -> Float[Array, "..."]:
    r"""Option, ``expiry`` years ahead, on a bond that then pays ``cash``, after ``lengths`` years; in cash now.

    All zero bonds fall as the one factor rises. So the option is a sum of options on them, each struck at its price
    where the whole bond is worth ``strike``. That point is the root of a convex decreasing function, found by Newton's
    method on its logarithm; the last two steps carry derivatives, so that those of the price are right up to the third.
    Payments are on the last axis and must not be negative; ``discounts`` are today's factors to them and ``nearer`` the
    one to expiry.

    Source: Jamshidian (1989), section 3.
    """
    lengths, discounts, cash = (jnp.asarray(x) for x in (lengths, discounts, cash))
    nearer, expiry, a, sigma, call = (jnp.asarray(x)[..., None] for x in (nearer, expiry, a, sigma, call))
    loads = loading(lengths, a)
    total = loads * sigma * step_law(expiry, a)[0]
    return nearer[..., 0] * decomposed_option(discounts / nearer, cash, strike, loads, total, call)


def decomposed_option(
    forwards: ArrayLike,
    cash: ArrayLike,
    strike: ArrayLike,
    loads: ArrayLike,
    total: ArrayLike,
    call: ArrayLike = True,
) -> Float[Array, "..."]:
    r"""Option on a sum of lognormal bonds that all fall with one factor, not discounted; payments on the last axis.

    A bond is its forward times :math:`e^{-s_iZ-s_i^2/2}`, where ``total`` is :math:`s_i` and ``loads`` any positive
    multiple of it (its limit where nothing is random). ``strike`` is without the axis of payments, ``call`` has it.

    >>> bonds = jnp.array([0.9, 0.8])
    >>> round(float(decomposed_option(bonds, jnp.ones(2), 1.6, jnp.ones(2), jnp.zeros(2))), 4)
    0.1
    """
    forwards, cash, loads, total = (jnp.asarray(x) for x in (forwards, cash, loads, total))
    strike = jnp.asarray(strike)[..., None]
    flat = jnp.log(cash * forwards) - 0.5 * total**2

    def closer(factor: Array) -> Array:
        terms = flat - loads * factor
        top = jnp.max(terms, axis=-1, keepdims=True)
        weights = jnp.exp(terms - top)
        whole = jnp.sum(weights, axis=-1, keepdims=True)
        excess = top + jnp.log(whole) - jnp.log(strike)
        return factor + excess * whole / jnp.sum(loads * weights, axis=-1, keepdims=True)

    start = jnp.zeros_like(jnp.sum(flat + strike + loads, axis=-1, keepdims=True))
    factor = closer(closer(lax.stop_gradient(lax.fori_loop(0, _NEWTON, lambda _, x: closer(x), start))))
    struck = forwards * jnp.exp(-loads * factor - 0.5 * total**2)
    return jnp.sum(cash * black.price(forwards, struck, total, call=call), axis=-1)


def swaption(
    nearer: ArrayLike,
    discounts: ArrayLike,
    accruals: ArrayLike,
    rate: ArrayLike,
    expiry: ArrayLike,
    lengths: ArrayLike,
    a: ArrayLike,
    sigma: ArrayLike,
    payer: ArrayLike = True,
) -> Float[Array, "..."]:
    """European option to enter a swap at ``expiry``, on a notional of one; in cash now, on one discounting curve.

    A payer pays ``rate`` times ``accruals`` (years) at the ends of the periods, ``lengths`` years after expiry, and
    receives floating: a put, struck at one, on the bond with these coupons. A receiver is the call.

    >>> years = jnp.arange(1.0, 6.0)
    >>> bonds = jnp.exp(-0.03 * (1 + years))
    >>> round(float(swaption(jnp.exp(-0.03), bonds, jnp.ones(5), 0.03, 1.0, years, 0.1, 0.01)), 5)
    0.01478
    """
    accruals = jnp.asarray(accruals)
    cash = jnp.asarray(rate)[..., None] * accruals
    cash = cash.at[..., -1].add(1.0)
    return coupon_bond_option(
        nearer, discounts, cash, 1.0, expiry, lengths, a, sigma, call=jnp.logical_not(jnp.asarray(payer))
    )


def tanh_ratios(x: Array) -> tuple[Array, Array]:
    r""":math:`\tanh(x)/x` and :math:`(x-\tanh x)/x^3`, also at 0, by Lambert's continued fraction where x is small.

    >>> [round(float(ratio), 6) for ratio in tanh_ratios(jnp.zeros(()))]
    [1.0, 0.333333]
    """
    small = jnp.abs(x) < _SWITCH
    square = jnp.where(small, x, 0.0) ** 2
    fraction = jnp.full_like(square, 2.0 * _LEVELS + 1.0)
    for odd in range(2 * _LEVELS - 1, 1, -2):
        fraction = odd + square / fraction
    safe = jnp.where(small, 1.0, x)
    far = jnp.tanh(safe) / safe
    near_gap = 1.0 / (fraction + square)
    return jnp.where(small, 1.0 - square * near_gap, far), jnp.where(small, near_gap, (1.0 - far) / safe**2)
