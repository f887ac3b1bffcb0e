r"""Default at a rate: survival from piecewise-constant hazards, credit default swaps, and hazards from their spreads.

.. math:: Q(t) = e^{-\int_0^t h\,du}, \qquad h(t) = h_n \text{ on } [t_{n-1}, t_n).

A hazard curve is ``years`` (:math:`t_n`, increasing, above 0) and ``hazards`` (:math:`h_n`, per year); beyond the last
of the years the hazard stays. Discounting is ``rates``: one continuously compounded rate per year, or a pair of years
and zero yields as in `deephedge.pricing.curve`. Times are in years; a swap pays a unit notional.

A swap is described by ``dates``, the times of its premiums; what is computed comes back at every one of them, as if
the swap ended there. The premium is paid for the time since the last date, and at default for the time until then.
Both legs are integrals over the time of default, done in closed form between dates and knots of the hazard curve, with
the forward rate flat in between: exact at a flat rate; elsewhere the error is second order in the length of a period.
This is the standard model of ISDA without its day of bias.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.core.accumulate import accumulated
from deephedge.core.errors import require
from deephedge.core.types import as_float, concrete
from deephedge.pricing import curve

_NEWTON = 12
_SLACK = 1e-6  # of a hazard per year: what rounding may leave of a forward hazard of 0
# Of the second of _means, highest power first: right to rounding for arguments up to a half.
_SERIES = [(-1.0) ** n / (math.factorial(n) * (n + 2.0)) for n in range(12, -1, -1)]


def log_survival(years: ArrayLike, hazards: ArrayLike, t: ArrayLike) -> Float[Array, "..."]:
    r"""Logarithm of the probability of no default until ``t``, :math:`-\int_0^t h\,du`.

    >>> round(float(log_survival(jnp.array([1.0, 2.0]), jnp.array([0.01, 0.03]), 3.0)), 5)
    -0.07
    """
    ends, hazards = jnp.asarray(years), jnp.asarray(hazards)
    starts = jnp.concatenate([jnp.zeros_like(ends[:1]), ends[:-1]])
    widths = jnp.concatenate([ends[:-1] - starts[:-1], jnp.full_like(ends[:1], jnp.inf)])
    lived = jnp.clip(jnp.asarray(t, ends.dtype)[..., None] - starts, 0.0, widths)
    return -jnp.sum(hazards * lived, axis=-1)


def survival(years: ArrayLike, hazards: ArrayLike, t: ArrayLike) -> Float[Array, "..."]:
    """Probability of no default until ``t`` years from now.

    >>> round(float(survival(jnp.array([1.0, 2.0]), jnp.array([0.01, 0.03]), 2.0)), 5)
    0.96079
    """
    return jnp.exp(log_survival(years, hazards, t))


def hazard(years: ArrayLike, hazards: ArrayLike, t: ArrayLike) -> Float[Array, "..."]:
    """The hazard at ``t``, per year; at a knot that of the time after it.

    >>> hazard(jnp.array([1.0, 2.0]), jnp.array([0.25, 0.5]), jnp.array([0.5, 1.0, 9.0])).tolist()
    [0.25, 0.5, 0.5]
    """
    years, hazards = jnp.asarray(years), jnp.asarray(hazards)
    passed = jnp.sum(jnp.asarray(t, years.dtype)[..., None] >= years, axis=-1)
    return hazards[jnp.minimum(passed, len(years) - 1)]


def zero_bond(discount: ArrayLike, alive: ArrayLike, recovery: ArrayLike) -> Float[Array, "..."]:
    r"""Zero bond that can default: :math:`P(R + (1-R)Q)`, cash now for a promise of one unit.

    ``discount`` :math:`P` is the bond that cannot default, ``alive`` :math:`Q` the probability that no default comes
    before it is due, independent of rates; at default the holder is left with ``recovery`` :math:`R` of the promise,
    paid when it was due (recovery of treasury; Jarrow and Turnbull 1995).

    >>> round(float(zero_bond(0.9, 0.95, 0.4)), 3)
    0.873
    """
    recovery = jnp.asarray(recovery)
    return jnp.asarray(discount) * (recovery + (1.0 - recovery) * alive)


def zero_spread(alive: ArrayLike, tau: ArrayLike, recovery: ArrayLike) -> Float[Array, "..."]:
    r"""What that bond yields above one that cannot default: :math:`-\log(R+(1-R)Q)/\tau`, per year, continuous.

    >>> round(float(zero_spread(0.95, 2.0, 0.4)), 5)
    0.01523
    """
    recovery = jnp.asarray(recovery)
    return -jnp.log1p((1.0 - recovery) * (jnp.asarray(alive) - 1.0)) / tau


def schedule(tenor: float, frequency: int = 4) -> np.ndarray:
    """Premium dates of a swap of ``tenor`` years from now, ``frequency`` of them a year.

    >>> schedule(1.0).tolist()
    [0.25, 0.5, 0.75, 1.0]
    """
    periods = np.round(tenor * frequency)
    fits = periods >= 1 and abs(periods - tenor * frequency) < 1e-6
    require(bool(fits), f"a tenor must be a whole number of premium periods of 1/{frequency} year, was {tenor}")
    return np.arange(1, int(periods) + 1) / frequency


@jax.jit
def legs(
    dates: ArrayLike, years: ArrayLike, hazards: ArrayLike, rates: ArrayLike
) -> tuple[Float[Array, " quote"], Float[Array, " quote"]]:
    r"""Value of one unit paid at default, and of a premium of one a year, until each of ``dates``; cash now.

    .. math:: \int_0^T D\,Q\,h\,dt, \qquad
        \sum_k (t_k - t_{k-1}) D(t_k)Q(t_k) + \sum_k\int_{t_{k-1}}^{t_k} (t-t_{k-1})\,D\,Q\,h\,dt.

    >>> loss, annuity = legs(schedule(5.0), jnp.array([5.0]), jnp.array([0.02]), 0.03)
    >>> round(float(loss[-1]), 5), round(float(annuity[-1]), 5)
    (0.08848, 4.40743)
    """
    dates, years = jnp.asarray(dates, jnp.result_type(float)), jnp.asarray(years)
    starts = jnp.concatenate([jnp.zeros_like(dates[:1]), dates])
    nodes = jnp.sort(jnp.concatenate([starts, jnp.minimum(years.astype(dates.dtype), dates[-1])]))
    flat = hazard(years, hazards, 0.5 * (nodes[1:] + nodes[:-1]))
    since = nodes[:-1] - starts[jnp.searchsorted(dates, nodes[:-1], side="right")]
    lost, accrued, value = _flows(nodes, flat, since, rates)
    upto = jnp.searchsorted(nodes, dates)
    return lost[upto], accrued[upto] + jnp.cumsum(jnp.diff(starts) * value[upto])


def annuity(dates: ArrayLike, years: ArrayLike, hazards: ArrayLike, rates: ArrayLike) -> Float[Array, " quote"]:
    """Risky annuity: cash now for a premium of one a year until default or each of ``dates``, accrual included.

    >>> round(float(annuity(schedule(5.0), jnp.array([5.0]), jnp.array([0.02]), 0.03)[-1]), 5)
    4.40743
    """
    return legs(dates, years, hazards, rates)[1]


def par_spread(
    dates: ArrayLike, years: ArrayLike, hazards: ArrayLike, rates: ArrayLike, recovery: ArrayLike
) -> Float[Array, " quote"]:
    r"""Premium per year for which a swap to each of ``dates`` costs nothing: (1 - R) loss / annuity.

    At a flat hazard it is nearly :math:`h(1-R)` (the credit triangle).

    >>> round(1e4 * float(par_spread(schedule(5.0), jnp.array([5.0]), jnp.array([0.02]), 0.03, 0.4)[-1]), 2)
    120.45
    """
    loss, premium = legs(dates, years, hazards, rates)
    return (1.0 - jnp.asarray(recovery)) * loss / premium


def upfront(
    dates: ArrayLike,
    years: ArrayLike,
    hazards: ArrayLike,
    rates: ArrayLike,
    recovery: ArrayLike,
    coupon: ArrayLike,
) -> Float[Array, " quote"]:
    """What the buyer of protection pays now, per unit notional, for a swap that then costs ``coupon`` a year.

    >>> round(float(upfront(schedule(5.0), jnp.array([5.0]), jnp.array([0.02]), 0.03, 0.4, 0.01)[-1]), 5)
    0.00901
    """
    loss, premium = legs(dates, years, hazards, rates)
    return (1.0 - jnp.asarray(recovery)) * loss - coupon * premium


def seasoned_legs(
    left: ArrayLike, log_alive: ArrayLike, rate: ArrayLike, elapsed: ArrayLike, accruals: ArrayLike
) -> tuple[Float[Array, "..."], Float[Array, "..."], Float[Array, "..."]]:
    r"""What a swap under way is made of: one unit at default, the premiums at their dates, and those owed at default.

    ``left`` are the years to the start of the first period and to the end of each (last axis; 0 where that has passed),
    ``log_alive`` the log of the probability to live until then, ``rate`` the interest until all of them, ``accruals``
    what a premium of one a year pays for each period (years), ``elapsed`` the share of each that has passed. Between
    dates hazard and rate are flat, as in `legs`.

    >>> left, h = jnp.array([0.0, 0.25, 0.75]), 0.02
    >>> loss, due, owed = seasoned_legs(left, -h * left, 0.03, jnp.array([0.5, 0.0]), jnp.array([0.5, 0.5]))
    >>> round(float(loss), 5), round(float(due), 4), round(float(owed), 5)
    (0.01472, 0.9754, 0.00429)
    """
    left, log_alive, rate, elapsed = (jnp.asarray(x) for x in (left, log_alive, rate, elapsed))
    risk = -jnp.diff(log_alive)
    value = jnp.exp(log_alive - rate[..., None] * left)
    flat, ramp = _means(risk + rate[..., None] * jnp.diff(left))
    flow = value[..., :-1] * risk
    due = jnp.where(left[..., 1:] > 0, value[..., 1:], 0.0)
    owed = flow * (elapsed * flat + (1.0 - elapsed) * ramp)
    return jnp.sum(flow * flat, -1), jnp.sum(accruals * due, -1), jnp.sum(accruals * owed, -1)


def bootstrap(
    tenors: Any, spreads: Any, rates: ArrayLike, recovery: ArrayLike, frequency: int = 4
) -> Float[Array, " quote"]:
    """Hazards, flat between ``tenors``, at which swaps of these tenors cost nothing at the quoted ``spreads``.

    ``tenors`` in years, increasing, whole numbers of premium periods; ``spreads`` per year. By Newton's method on all
    tenors at once, so that derivatives pass through. Raises ``ParameterError``, naming the tenor, for a quote that is
    missing or not positive, and for quotes that only a negative forward hazard could meet.

    >>> [round(float(x), 5) for x in bootstrap((1, 3, 5), (0.005, 0.008, 0.01), 0.03, 0.4)]
    [0.0083, 0.01594, 0.02222]
    """
    tenors, spreads, recovery = np.asarray(tenors, float), as_float(spreads), as_float(recovery)
    require(bool((np.diff(tenors, prepend=0.0) > 0).all()), f"tenors must be increasing years above 0, were {tenors}")
    require(spreads.shape == tenors.shape, f"spreads needs one number for each of the tenors {tenors}, was {spreads}")
    require(concrete(recovery, lambda r: (r >= 0) & (r < 1)), f"recovery must lie from 0 to below 1, was {recovery}")
    for tenor, spread in zip(tenors, spreads, strict=True):
        fits = concrete(spread, lambda s: np.isfinite(s) & (s > 0))
        require(fits, f"the spread at {tenor:g} years must be a positive number per year, was {spread}")
    places = np.array([len(schedule(tenor, frequency)) - 1 for tenor in tenors])
    dates = schedule(tenors[-1], frequency)
    pieces = np.searchsorted(places, np.arange(len(dates)))
    found = _solve(as_float(dates), pieces, places, spreads, as_float(rates), recovery)
    for tenor, value in zip(tenors, found, strict=True):
        fits = concrete(value, lambda h: np.isfinite(h) & (h >= -_SLACK))
        require(fits, f"the spreads at {tenor:g} years and before it contradict each other: the forward hazard between "
                f"them would be {value}; check the quotes or leave this tenor out")  # fmt: skip
    return jnp.maximum(found, 0.0)


@jax.jit
def _solve(dates: Array, pieces: Array, places: Array, spreads: Array, rates: Array, recovery: Array) -> Array:
    """Newton's method; ``pieces`` says which hazard rules before each date, ``places`` at which date each swap ends."""
    nodes = jnp.concatenate([jnp.zeros_like(dates[:1]), dates])

    def cost(hazards: Array) -> Array:
        lost, accrued, value = _flows(nodes, hazards[pieces], jnp.zeros_like(dates), rates)
        premium = accrued[1:] + jnp.cumsum(jnp.diff(nodes) * value[1:])
        return (1.0 - recovery) * lost[1:][places] - spreads * premium[places]

    def newton(hazards: Array, _: None) -> tuple[Array, None]:
        return hazards - jnp.linalg.solve(jax.jacfwd(cost)(hazards), cost(hazards)), None

    return lax.scan(newton, spreads / (1.0 - recovery), length=_NEWTON)[0]


def _flows(nodes: Array, hazards: Array, since: Array, rates: ArrayLike) -> tuple[Array, Array, Array]:
    """Up to each node: one unit at default, premium accrued at default; and what a unit there is worth if no default.

    ``hazards`` rule between nodes, ``since`` is how long the premium has been accruing at the start of each interval.
    """
    width = jnp.diff(nodes)
    decay = hazards * width + jnp.diff(_log_growth(rates, nodes))
    value = jnp.exp(-accumulated(decay))
    flow = value[:-1] * hazards * width
    flat, ramp = _means(decay)
    sums = [accumulated(x) for x in (flow * flat, flow * (since * flat + width * ramp))]
    return sums[0], sums[1], value


def _log_growth(rates: ArrayLike, t: Array) -> Array:
    rates = jnp.asarray(rates)
    return rates * t if rates.ndim == 0 else -curve.log_discount(rates[0], rates[1], t)


def _means(x: Array) -> tuple[Array, Array]:
    r""":math:`\int_0^1 e^{-xu}du` and :math:`\int_0^1 u\,e^{-xu}du`, also where x is small."""
    small = jnp.abs(x) < 0.5
    near, far = jnp.where(small, x, 0.0), jnp.where(small, 1.0, x)
    ramp = jnp.where(
        small, jnp.polyval(jnp.asarray(_SERIES, x.dtype), near), (1.0 - jnp.exp(-far) * (1.0 + far)) / far**2
    )
    return x * ramp + jnp.exp(-x), ramp
