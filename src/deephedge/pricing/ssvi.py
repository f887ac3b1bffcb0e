r"""SSVI, the surface of Gatheral and Jacquier (2014): total variances, prices, density, local variance, arbitrage.

With log-moneyness :math:`k=\log(K/F)`, at-the-money total variance :math:`\theta` and :math:`\varphi=\varphi(\theta)`,

.. math:: w(k,\theta) = \tfrac\theta2\left(1+\rho\varphi k+\sqrt{(\varphi k+\rho)^2+1-\rho^2}\right).

:math:`w=\sigma^2t`, so ``theta`` has no unit and ``t`` is in years. A surface is a curve of :math:`\theta` (``levels``
at ``expiries``, both increasing and above 0), one ``rho`` in (-1, 1) and a ``shape``: the function :math:`\varphi`,
such as ``lambda theta: power_law(theta, eta, gamma)``. All functions broadcast over ``k`` and ``t`` and hold in
float32: in terms of :math:`x=\varphi k` nothing divides by a small number, at the money and close to expiry too.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.core.types import as_float
from deephedge.pricing import black

Shape = Callable[[Array], Array]
Numbers = ArrayLike | Sequence[float]  # one for each expiry
_TINY = 1e-12  # the least total variance that is told from 0
_SERIES = 12  # terms: below 1 they leave 1e-11


def power_law(theta: ArrayLike, eta: ArrayLike, gamma: ArrayLike = 0.5) -> Float[Array, "..."]:
    r""":math:`\varphi=\eta\,\theta^{-\gamma}(1+\theta)^{\gamma-1}`, with :math:`\gamma` in (0, 1/2]: skews fade as
    :math:`t^{-\gamma}`. No static arbitrage for ``eta`` up to `eta_limit`.

    Source: Gatheral and Jacquier (2014), section 4.

    >>> round(float(power_law(0.04, 1.0, 0.5)), 4)
    4.9029
    """
    theta, eta, gamma = jnp.maximum(as_float(theta), _TINY), jnp.asarray(eta), jnp.asarray(gamma)
    return eta * jnp.exp(-gamma * jnp.log(theta) + (gamma - 1.0) * jnp.log1p(theta))


def heston_like(theta: ArrayLike, decay: ArrayLike) -> Float[Array, "..."]:
    r""":math:`\varphi=\frac1u\left(1-\frac{1-e^{-u}}u\right),\ u=\lambda\theta`, with ``decay`` :math:`\lambda`: the
    skew of Heston's model. No static arbitrage for :math:`\lambda\ge(1+|\rho|)/4`.

    Source: Gatheral and Jacquier (2014), section 4.

    >>> [round(float(heston_like(theta, 1.0)), 4) for theta in (0.0, 0.5, 2.0)]
    [0.5, 0.4261, 0.2838]
    """
    u = jnp.asarray(decay) * theta
    small = u < 1.0
    near, far = jnp.where(small, u, 0.0), jnp.where(small, 1.0, u)
    series, term = jnp.zeros_like(near), jnp.full_like(near, 0.5)
    for n in range(_SERIES):
        series, term = series + term, -term * near / (n + 3.0)
    return jnp.where(small, series, (1.0 + jnp.expm1(-far) / far) / far)


def eta_limit(rho: ArrayLike) -> Float[Array, "..."]:
    r"""The largest ``eta`` of `power_law` with no static arbitrage at any :math:`\theta`: :math:`2/\sqrt{1+|\rho|}`.

    For :math:`\gamma\le1/2` both :math:`\theta\varphi\le\eta` and :math:`\theta\varphi^2\le\eta^2`, so all of
    `conditions` are met; the paper's own :math:`\eta(1+|\rho|)\le2` is stricter.

    >>> round(float(eta_limit(-0.44)), 4)
    1.6667
    """
    return 2.0 / jnp.sqrt(1.0 + jnp.abs(jnp.asarray(rho)))


def total_variance(k: ArrayLike, theta: ArrayLike, rho: ArrayLike, phi: ArrayLike) -> Float[Array, "..."]:
    """Total implied variance :math:`w(k,\\theta)` of one expiry.

    >>> round(float(total_variance(0.0, 0.04, -0.7, 5.0)), 6)
    0.04
    """
    return 0.5 * jnp.asarray(theta) * _smile(jnp.asarray(phi) * k, jnp.asarray(rho))[0]


def density(k: ArrayLike, theta: ArrayLike, rho: ArrayLike, phi: ArrayLike) -> Float[Array, "..."]:
    r"""Durrleman's function, whose sign is that of the density of the spot (no butterfly pays where it is 0 or more):

    .. math:: g = \left(1-\frac{kw'}{2w}\right)^2-\frac{w'^2}4\left(\frac1w+\frac14\right)+\frac{w''}2, \qquad
        p(k) = \frac{g(k)}{\sqrt{2\pi w}}e^{-d_2^2/2}.

    Source: Gatheral and Jacquier (2014), section 2 (after Durrleman).

    >>> round(float(density(0.1, 0.04, -0.7, 5.0)), 4)
    1.6063
    """
    theta, rho, phi = (jnp.asarray(x) for x in (theta, rho, phi))
    x = phi * k
    level, slope, bend = _smile(x, rho)
    spread = theta * phi**2
    return (
        (1.0 - 0.5 * x * slope / level) ** 2
        - spread * slope**2 / (8.0 * level)
        - (theta * phi * slope / 8.0) ** 2
        + 0.25 * spread * bend
    )


def at_the_money(expiries: Numbers, levels: Numbers, t: ArrayLike) -> Float[Array, "..."]:
    r"""At-the-money total variance :math:`\theta_t`: 0 at 0, ``levels`` at ``expiries``, increasing in between.

    A monotone cubic with a continuous derivative; beyond the last expiry it is a straight line.

    Source: Fritsch and Butland (1984) for the slopes inside.

    >>> [round(float(x), 4) for x in at_the_money([0.5, 1.0], [0.02, 0.05], jnp.array([0.0, 0.5, 0.7, 1.0]))]
    [0.0, 0.02, 0.0307, 0.05]
    """
    return _curve(expiries, levels, t)[0]


def forward_variance(expiries: Numbers, levels: Numbers, t: ArrayLike) -> Float[Array, "..."]:
    r""":math:`d\theta_t/dt`, per year: the derivative of `at_the_money`.

    >>> round(float(forward_variance([0.5, 1.0], [0.02, 0.04], 0.3)), 6)
    0.04
    """
    return _curve(expiries, levels, t)[1]


def volatility(
    k: ArrayLike, t: ArrayLike, expiries: Numbers, levels: Numbers, rho: ArrayLike, shape: Shape
) -> Float[Array, "..."]:
    """Black's implied volatility per root year at log-moneyness ``k`` and ``t`` years; at ``t`` = 0 its limit.

    >>> shape = lambda theta: power_law(theta, 1.0, 0.4)
    >>> [round(float(volatility(k, 0.5, [0.5, 1.0], [0.02, 0.04], -0.7, shape)), 4) for k in (-0.2, 0.0, 0.2)]
    [0.2629, 0.2, 0.1479]
    """
    t = jnp.maximum(as_float(t), _TINY)
    theta = jnp.maximum(at_the_money(expiries, levels, t), _TINY * t)
    return jnp.sqrt(total_variance(k, theta, rho, shape(theta)) / t)


def price(
    forward: ArrayLike,
    strike: ArrayLike,
    t: ArrayLike,
    expiries: Numbers,
    levels: Numbers,
    rho: ArrayLike,
    shape: Shape,
    call: ArrayLike = True,
) -> Float[Array, "..."]:
    """Black's price of a European call or put on the surface, in cash at expiry (not discounted); intrinsic at 0.

    >>> shape = lambda theta: power_law(theta, 1.0, 0.4)
    >>> round(float(price(100.0, 90.0, 0.5, [0.5, 1.0], [0.02, 0.04], -0.7, shape)), 4)
    12.4932
    """
    k = -black.log_moneyness(forward, strike)
    return black.price(forward, strike, volatility(k, t, expiries, levels, rho, shape), t, call)


def local_variance(
    k: ArrayLike, t: ArrayLike, expiries: Numbers, levels: Numbers, rho: ArrayLike, shape: Shape
) -> Float[Array, "..."]:
    r"""Dupire's local variance per year, where the spot is :math:`F_te^k`:

    .. math:: \sigma^2_{loc}(k,t) = \frac{\partial_tw(k,\theta_t)}{g(k)}.

    Source: Dupire (1994); Gatheral (2006), chapter 1, for this form in total variance.

    >>> round(float(local_variance(0.0, 0.5, [0.5, 1.0], [0.02, 0.04], 0.0, lambda theta: 0.0 * theta)), 6)
    0.04
    """
    theta, pace = _curve(expiries, levels, t)
    return dupire(k, theta, pace, rho, *elastic(shape, theta))


def elastic(shape: Shape, theta: ArrayLike) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    r""":math:`\varphi(\theta)` and :math:`\theta\varphi'(\theta)`.

    >>> [round(float(x), 4) for x in elastic(lambda theta: 1.0 / theta, 0.25)]
    [4.0, -4.0]
    """
    theta = jnp.maximum(as_float(theta), _TINY)
    return jax.jvp(shape, (theta,), (theta,))


def dupire(
    k: ArrayLike, theta: ArrayLike, pace: ArrayLike, rho: ArrayLike, phi: ArrayLike, turn: ArrayLike
) -> Float[Array, "..."]:
    r"""`local_variance` from what depends on time only: :math:`\theta`, ``pace`` :math:`d\theta/dt`, and `elastic`.

    >>> round(float(dupire(0.0, 0.02, 0.04, 0.0, 0.0, 0.0)), 6)
    0.04
    """
    k, phi = jnp.asarray(k), jnp.asarray(phi)
    level, slope, _ = _smile(phi * k, jnp.asarray(rho))
    growth = 0.5 * (level + turn * k * slope)
    return jnp.maximum(pace * growth, 0.0) / jnp.maximum(density(k, theta, rho, phi), 1e-6)


def conditions(levels: Numbers, rho: ArrayLike, shape: Shape) -> dict[str, Float[Array, ""]]:
    r"""By how much a surface misses the sufficient conditions for no static arbitrage, 0 where it meets them.

    ``"level"``: :math:`\theta` increases with expiry. ``"calendar"``: :math:`0\le\partial_\theta(\theta\varphi)\le
    \varphi\,(1+\sqrt{1-\rho^2})/\rho^2`, relative to :math:`\varphi`. ``"butterfly"``:
    :math:`\theta\varphi(1+|\rho|)\le4` and :math:`\theta\varphi^2(1+|\rho|)\le4`.

    Source: Gatheral and Jacquier (2014), theorems 4.1 and 4.2 (where the first bound on the butterfly is strict).

    >>> {kind: round(float(x), 3) for kind, x in conditions([0.02, 0.04], -0.5, lambda v: power_law(v, 2.0)).items()}
    {'level': 0.0, 'calendar': 0.0, 'butterfly': 1.882}
    """
    theta, rho = as_float(levels), as_float(rho)
    phi, turn = elastic(shape, theta)
    growth = 1.0 + turn / phi
    room = (1.0 + jnp.sqrt(1.0 - rho**2)) / jnp.maximum(rho**2, _TINY)
    wing = (1.0 + jnp.abs(rho)) * theta * phi
    missed = {
        "level": -jnp.diff(theta, prepend=0.0),
        "calendar": jnp.maximum(-growth, growth - room),
        "butterfly": jnp.maximum(wing, wing * phi) - 4.0,
    }
    return {kind: jnp.maximum(jnp.max(size), 0.0) for kind, size in missed.items()}


def static_arbitrage(
    calls: Float[Array, "*batch expiry strike"], strikes: Float[Array, " strike"]
) -> dict[str, Float[Array, "*batch"]]:
    r"""The worst violation of each kind in any grid of call prices, in units of the forward; 0 where there is none.

    ``calls`` are prices over discount factor and forward, ``strikes`` increasing and over the forward, the same for all
    expiries (which increase). ``"bounds"``: :math:`(1-K)^+\le C\le1`. ``"vertical"``: the price falls by no less
    than 0 and no more than the strike rises. ``"butterfly"``: it is convex, by the distance above the chord over
    the two neighbours. ``"calendar"``: it does not fall with expiry.

    >>> calls, strikes = jnp.array([[0.12, 0.08, 0.01], [0.13, 0.05, 0.02]]), jnp.array([0.9, 1.0, 1.1])
    >>> {kind: round(float(x), 3) for kind, x in static_arbitrage(calls, strikes).items()}
    {'bounds': 0.0, 'vertical': 0.0, 'butterfly': 0.015, 'calendar': 0.03}
    """
    width, falls = jnp.diff(strikes), -jnp.diff(calls, axis=-1)
    share = width[1:] / (width[:-1] + width[1:])  # of the lower strike in the chord
    chord = share * calls[..., :-2] + (1.0 - share) * calls[..., 2:]
    missed = {
        "bounds": jnp.maximum(jnp.maximum(1.0 - strikes, 0.0) - calls, calls - 1.0),
        "vertical": jnp.maximum(-falls, falls - width),
        "butterfly": calls[..., 1:-1] - chord,
        "calendar": -jnp.diff(calls, axis=-2),
    }
    return {kind: jnp.max(size, axis=(-2, -1), initial=0.0) for kind, size in missed.items()}


def _smile(x: Array, rho: Array) -> tuple[Array, Array, Array]:
    """N = 2 w / theta as a function of x = phi k, and its first two derivatives in x."""
    rest = (1.0 - rho) * (1.0 + rho)
    radius = jnp.sqrt((x + rho) ** 2 + rest)
    line = 1.0 + rho * x
    low = line < 0.0  # there the sum would cancel: radius^2 - line^2 = rest x^2
    level = jnp.where(low, rest * x**2 / jnp.where(low, radius - line, 1.0), line + radius)
    return level, rho + (x + rho) / radius, rest / radius**3


def _curve(expiries: Numbers, levels: Numbers, t: ArrayLike) -> tuple[Array, Array]:
    """theta_t and its derivative, by Hermite cubics with slopes within three times the secants next to them."""
    expiries, levels, t = as_float(expiries), as_float(levels), as_float(t)
    knots = jnp.concatenate([jnp.zeros_like(expiries[:1]), expiries])
    values = jnp.concatenate([jnp.zeros_like(levels[:1]), levels])
    slopes = _monotone_slopes(jnp.diff(knots), jnp.diff(values) / jnp.diff(knots))
    t = jnp.maximum(t, 0.0)
    n = jnp.clip(jnp.searchsorted(knots, t, side="right") - 1, 0, len(expiries) - 1)
    width, first, last = knots[n + 1] - knots[n], slopes[n], slopes[n + 1]
    u, secant = jnp.minimum((t - knots[n]) / width, 1.0), (values[n + 1] - values[n]) / width
    rise = u * (secant * u * (3.0 - 2.0 * u) + (1.0 - u) * (first * (1.0 - u) - last * u))
    pace = 6.0 * u * (1.0 - u) * secant + first * (1.0 - u) * (1.0 - 3.0 * u) + last * u * (3.0 * u - 2.0)
    return values[n] + width * rise + last * jnp.maximum(t - knots[-1], 0.0), pace


def _monotone_slopes(widths: Array, secants: Array) -> Array:
    """Inside, weighted harmonic means of the secants; at the ends those of parabolas, within 1/3 and 3 secants."""
    if len(widths) == 1:
        return jnp.concatenate([secants, secants])
    before, after = widths[:-1] + 2.0 * widths[1:], 2.0 * widths[:-1] + widths[1:]
    left, right = (jnp.maximum(part, _TINY) for part in (secants[:-1], secants[1:]))
    inside = (before + after) / (before / left + after / right)
    first = secants[:1] + (secants[:1] - secants[1:2]) * widths[:1] / (widths[:1] + widths[1:2])
    last = secants[-1:] + (secants[-1:] - secants[-2:-1]) * widths[-1:] / (widths[-1:] + widths[-2:-1])
    ends = [jnp.clip(slope, side / 3.0, 3.0 * side) for slope, side in ((first, secants[:1]), (last, secants[-1:]))]
    return jnp.concatenate([ends[0], inside, ends[1]])
