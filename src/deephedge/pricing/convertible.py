r"""Convertible bonds under Black and Scholes with a flat credit spread (Tsiveriotis and Fernandes 1998), on a lattice.

A convertible is worth equity, what its holder will be given in shares, and debt, what he will be given in cash. Shares
are worth the same whoever owes them; cash is not: equity is discounted at :math:`r`, debt at :math:`r+s`. The lattice
has two branches of one half each; after :math:`k` steps of :math:`h` years and :math:`j` rises the spot is

.. math:: S\,e^{(r-q)kh}\,\frac{e^{(2j-k)\sigma\sqrt h}}{\cosh^k\sigma\sqrt h},

so that forwards are met at every volatility. The last step is Black's formula. Where the holder converts or puts,
equity and debt jump, and a node stands for the stretch half way to its neighbours: it is split in the share of that
stretch which lies on either side. So there the price is continuous in the spot, and its derivative that of differences.

Rates are per year, continuously compounded, volatility per square root of a year, times in years from now, amounts in
cash. One convertible at a time: scalars, with vectors of dates and steps.
"""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float

from deephedge.pricing import black
from deephedge.pricing.normal import root

_SAME = 1e-5  # of a step: two ways of writing one date
_FAR = 60.0  # of a logarithm: float32 ends at 88


def held(
    spot: Float[Array, ""],
    vol: Float[Array, ""],
    left: Float[Array, ""],
    rate: Float[Array, ""],
    dividend: Float[Array, ""],
    spread: Float[Array, ""],
    ratio: Float[Array, ""],
    redemption: Float[Array, ""],
    dates: Float[Array, " tenor"],
    coupons: Float[Array, " tenor"],
    called: Float[Array, " step"],
    put: Float[Array, " step"],
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Equity and debt, in cash, of a convertible that nobody ends now.

    At the end, ``left`` years ahead, it pays ``redemption``, last coupon included, or ``ratio`` shares, into which it
    can be converted at any step. ``coupons`` are paid at ``dates``, if in between. At each step from now its issuer may
    end it for the cash ``called`` (infinite where he may not), its holder for ``put`` (0 where he may not); there are
    as many steps as these have numbers, of which the first, now, is not read.

    >>> once = [jnp.array(x) for x in (100.0, 0.3, 1.0, 0.05, 0.0, 0.02, 1.0, 100.0)]
    >>> never, nothing = jnp.full(100, jnp.inf), jnp.zeros(1)
    >>> [round(float(x), 2) for x in held(*once, nothing, nothing, never, jnp.zeros(100))]
    [62.42, 46.01]
    """
    steps = called.shape[0]
    width = jnp.where(left > 0, left, 1.0) / steps
    paid = _gathered(dates, coupons, left, width, rate + spread, steps)
    swing = vol * root(width)
    rises = jnp.arange(steps)

    def shares(step: Array) -> Float[Array, " quote"]:
        away = jnp.minimum((2 * rises - step) * swing, _FAR)  # beyond the top of the lattice too: nothing is cut there
        shrunk = swing + jnp.log1p(jnp.expm1(-2.0 * swing) / 2.0)  # log cosh, for any size
        return ratio * spot * jnp.exp((rate - dividend) * step * width + away - step * shrunk)

    def back(later: tuple[Array, Array], now: tuple[Array, ...]) -> tuple[tuple[Array, Array], None]:
        step, cap, floor, coupon = now
        worth = _decided(*later, shares(step + 1), cap, floor)
        mean = [0.5 * (x + jnp.append(x[1:], x[-1:])) for x in worth]
        return (mean[0] * jnp.exp(-rate * width), mean[1] * jnp.exp(-(rate + spread) * width) + coupon), None

    last = shares(jnp.array(steps - 1)) * jnp.exp((rate - dividend) * width)
    chance = black.digital(last, redemption, vol, width)
    equity = jnp.exp(-rate * width) * (black.price(last, redemption, vol, width) + redemption * chance)
    debt = jnp.exp(-(rate + spread) * width) * redemption * (1.0 - chance) + paid[-1]
    before = (jnp.arange(steps - 1), called[1:], put[1:], paid[:-1])
    (equity, debt), _ = lax.scan(back, (equity, debt), before, reverse=True)
    return equity[0], debt[0]


def ended(
    equity: Float[Array, "*quote"],
    debt: Float[Array, "*quote"],
    shares: Float[Array, "*quote"],
    called: Float[Array, "*#quote"],
    put: Float[Array, "*#quote"],
) -> tuple[Bool[Array, "*quote"], Float[Array, "*quote"], Float[Array, "*quote"]]:
    """Whether a convertible worth ``equity`` and ``debt`` if held ends here, and its equity and debt then, or so.

    The holder converts where ``shares`` are worth more than holding it, or than what its issuer calls it at; the
    issuer calls it where holding it is worth more than both; and the holder puts it where that pays most.

    >>> values = jnp.array([[50.0, 60.0], [60.0, 60.0], [105.0, 125.0]])
    >>> over, equity, debt = ended(*values, jnp.array(jnp.inf), jnp.array(0.0))
    >>> over.tolist(), equity.tolist(), debt.tolist()
    ([False, True], [50.0, 125.0], [60.0, 0.0])
    """
    hold = equity + debt
    best = jnp.minimum(hold, called)
    converts = shares >= best
    puts = put > jnp.maximum(best, shares)
    calls = ~converts & (hold > called)
    equity = jnp.where(puts | calls, 0.0, jnp.where(converts, shares, equity))
    debt = jnp.where(puts, put, jnp.where(converts, 0.0, jnp.where(calls, called, debt)))
    return puts | calls | converts, equity, debt


def _decided(
    equity: Float[Array, " quote"],
    debt: Float[Array, " quote"],
    shares: Float[Array, " quote"],
    called: Float[Array, ""],
    put: Float[Array, ""],
) -> tuple[Float[Array, " quote"], Float[Array, " quote"]]:
    """Equity and debt after the decisions of `ended` at each node, shared out beside conversion and put.

    Not beside a call: there cash and shares are worth the same, and the model does not say which it is.
    """
    hold = equity + debt
    best = jnp.minimum(hold, called)
    cashed, forced = (hold > called) & (shares < called), (hold > shares) & (shares >= called)
    debt = _mixed(jnp.where(cashed, called, debt), 0.0, shares - hold)
    debt = _mixed(jnp.where(forced, 0.0, debt), put, put - jnp.maximum(best, shares))
    worth = jnp.maximum(jnp.maximum(best, shares), put)
    return worth - debt, debt


def _mixed(
    one: Float[Array, " quote"], other: Float[Array, ""] | float, gain: Float[Array, " quote"]
) -> Float[Array, " quote"]:
    """``other`` where ``gain`` is above 0, ``one`` elsewhere, and its share of both beside a change of sign."""

    def half(far: Float[Array, " quote"]) -> Float[Array, " quote"]:
        crossed = gain * far < 0.0
        place = jnp.abs(gain) / jnp.where(crossed, jnp.abs(gain) + jnp.abs(far), 1.0)
        same = jnp.where(crossed, jnp.minimum(place, 0.5), 0.5)
        return jnp.where(gain > 0.0, same, 0.5 - same)

    share = half(jnp.append(gain[1:], gain[-1:])) + half(jnp.append(gain[:1], gain[:-1]))
    return one + share * (other - one)


def _gathered(
    dates: Float[Array, " tenor"],
    coupons: Float[Array, " tenor"],
    left: Float[Array, ""],
    width: Float[Array, ""],
    rate: Float[Array, ""],
    steps: int,
) -> Float[Array, " step"]:
    """Coupons at the start of the step at whose end, or in which, they are paid, discounted to there."""
    due = (dates > 0) & (dates < left * (1.0 - 1e-6))
    step = jnp.clip(jnp.ceil(dates / width - _SAME) - 1.0, 0.0, steps - 1.0)
    worth = jnp.where(due, coupons * jnp.exp(-rate * jnp.where(due, dates - step * width, 0.0)), 0.0)
    return jnp.zeros(steps, worth.dtype).at[step.astype(int)].add(worth)
