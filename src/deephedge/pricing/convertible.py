r"""Convertible bonds under Black and Scholes with a flat credit spread (Tsiveriotis and Fernandes 1998), on a lattice.

A convertible is worth equity, what its holder will be given in shares, and debt, what he will be given in cash. Shares
are worth the same whoever owes them; cash is not: equity is discounted at :math:`r`, debt at :math:`r+s`. The lattice
has two branches of one half each; after :math:`k` steps of :math:`h` years and :math:`j` rises the spot is

.. math:: S\,e^{(r-q)kh}\,\frac{e^{(2j-k)\sigma\sqrt h}}{\cosh^k\sigma\sqrt h},

so that forwards are met at every volatility. The last step is Black's formula. Where the holder converts or puts,
equity and debt jump, and a node stands for the stretch half way to its neighbours: it is split in the share of that
stretch which lies on either side. So there the price is continuous in the spot, and its derivative that of differences.

Called where shares are worth the call price, it ends in shares, as cash is worth no more; only where holding it is
worth more than the call price below that does the issuer repay. The first is a barrier, watched all the time: a path
that would jump it from one node to the next ends on it, and the mean of those two nodes is set accordingly. Where calls
begin between two steps it is worth what it would be if they began at the one and at the other, in shares.

Rates are per year, continuously compounded, volatility per square root of a year, times in years from now, amounts in
cash. One convertible at a time: scalars, with vectors of dates and steps.
"""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from deephedge.pricing import black
from deephedge.pricing.normal import root

Worth = tuple[Float[Array, " quote"], Float[Array, " quote"]]  # equity and debt
Beside = tuple[Int[Array, ""], Float[Array, "part node"], Float[Array, " part"]]  # of a node: what to add, see `_both`

_SAME = 1e-5  # of a step: two ways of writing one date
_NEVER = 1e30  # a price that nobody pays
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
    since: Float[Array, ""],
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Equity and debt, in cash, of a convertible that nobody ends now.

    At the end, ``left`` years ahead, it pays ``redemption``, last coupon included, or ``ratio`` shares, into which it
    can be converted at any step. ``coupons`` are paid at ``dates``, if in between. From ``since`` years ahead on its
    issuer may end it at any time for the cash ``called``, of which there is a number for each step from now on, that of
    the step in which calls begin being what they begin at; its holder at each step but now for ``put`` (0: he may not).

    >>> once = [jnp.array(x) for x in (100.0, 0.3, 1.0, 0.05, 0.0, 0.02, 1.0, 100.0)]
    >>> never, nothing = jnp.full(100, jnp.inf), jnp.zeros(1)
    >>> [round(float(x), 2) for x in held(*once, nothing, nothing, never, jnp.zeros(100), jnp.array(0.0))]
    [62.42, 46.01]
    """
    width = jnp.where(left > 0, left, 1.0) / called.shape[0]
    may, cap, late, early = _planned(dates, coupons, called, since, left, rate + spread)
    one, risky = jnp.exp(-rate * width), jnp.exp(-(rate + spread) * width)
    factor, swing = jnp.stack([one, risky]), vol * root(width)
    rises, growth = jnp.arange(called.shape[0]), (rate - dividend) * width

    def shares(step: Array, rises: Array) -> Array:
        away = jnp.minimum((2 * rises - step) * swing, _FAR)  # beyond the top of the lattice too: nothing is cut there
        shrunk = swing + jnp.log1p(jnp.expm1(-2.0 * swing) / 2.0)  # log cosh, for any size
        return ratio * spot * jnp.exp(growth * step + away - step * shrunk)

    def back(later: tuple[Worth, Beside], now: tuple[Array, ...]) -> tuple[tuple[Worth, Beside], None]:
        (values, beside), (step, sooner, cap, floor, coupon, early, during, after) = later, now
        spots = shares(step + 1, rises)
        equity, debt = _decided(*_both(values, beside, rises), spots, cap, floor, early, after)
        end = jnp.where(during > 0, cap + coupon, cap)  # until the coupon is paid nobody is paid more than that
        most = jnp.where(during < 1, jnp.inf, jnp.maximum(end, spots) - equity)
        equity, debt = lax.optimization_barrier((equity, jnp.minimum(debt + coupon, most)))
        first = jnp.sum(spots < end)  # the first node where shares are worth that
        prices, around = (end, cap, jnp.where(during > 0, sooner, end)), shares(step + 1, first + jnp.arange(-2, 1))
        bend, stop = _crossing((equity, debt), values, beside, first, around, prices, growth, one)
        values = one * _mean(equity), risky * _mean(debt)
        return (values, (first - 1, factor[:, None] * after * bend, factor * stop)), None

    last = shares(rises[-1], rises) * jnp.exp(growth)
    converts = redemption * black.digital(last, redemption, vol, width)
    equity = one * (black.price(last, redemption, vol, width) + converts)
    debt = risky * (redemption - converts + late[-1])
    points = (rises[:-1], cap[:-1], cap[1:], put[1:], late[:-1], early[1:], may[:-1], may[1:])
    nothing = (rises[0], jnp.zeros((2, 3), equity.dtype), jnp.zeros(2, equity.dtype))
    free, ending = _both(*lax.scan(back, ((equity, debt), nothing), points, reverse=True)[0], rises)
    equity, debt = (x[0] + may[0] * (y[0] - x[0]) for x, y in zip(free, ending, strict=True))
    return equity, debt + early[0]


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
    free: Worth,
    held: Worth,
    shares: Float[Array, " quote"],
    called: Float[Array, ""],
    put: Float[Array, ""],
    coupon: Float[Array, ""],
    may: Float[Array, ""],
) -> Worth:
    """Equity and debt after the decisions of `ended` at each node, shared out beside every place where they jump.

    ``held`` is what it is worth if it can be called from here on, and ``free`` if only from the step after: where that
    begins in between, in the share ``may``, it is worth as much of both, and ``coupon`` is paid before.
    """
    hold, forced = held[0] + held[1], shares >= called
    before = free[0] + free[1]
    worth = before + may * (jnp.where(forced, shares, jnp.minimum(hold, called)) - before) + coupon
    gains = jnp.minimum(hold - called, called - shares), shares - worth, put - jnp.maximum(worth, shares)
    gains = [jnp.pad(gain, 1, mode="edge") for gain in gains]
    worth, owed, unasked, gains = lax.optimization_barrier(
        (jnp.maximum(jnp.maximum(worth, shares), put), jnp.where(forced, 0.0, held[1]), free[1], gains)
    )  # what is read at three nodes is worked out at each once
    debt = unasked + may * (_mixed(owed, called, gains[0]) - unasked) + coupon
    debt = _mixed(_mixed(debt, 0.0, gains[1]), put, gains[2])
    return worth - debt, debt


def _both(values: Worth, beside: Beside, rises: Int[Array, " quote"]) -> tuple[Worth, Worth]:
    """Equity and debt if nobody may call in the step from here on, and if that ends it: means, and more at a node."""
    node, bend, stop = beside

    def free(each: Array, more: Array) -> Array:
        return each + sum(jnp.where(rises == node + k - 1, more[k], 0.0) for k in range(3))

    def ending(each: Array, more: Array) -> Array:
        return each + jnp.where(rises == node, more, 0.0)

    equity, debt = values
    return (free(equity, bend[0]), free(debt, bend[1])), (ending(equity, stop[0]), ending(debt, stop[1]))


def _crossing(
    worth: Worth,
    values: Worth,
    beside: Beside,
    first: Int[Array, ""],
    shares: Float[Array, " node"],
    prices: tuple[Float[Array, ""], Float[Array, ""], Float[Array, ""]],
    growth: Float[Array, ""],
    discount: Float[Array, ""],
) -> tuple[Float[Array, "part node"], Float[Array, " part"]]:
    """What to add to the means around the call price: if calls begin there, and if they end it in the step before.

    ``shares`` are those of two nodes before the price and one beyond, the ``first``. Nothing where there are none.
    """
    edge = (first > 0) & (first < len(worth[0]))
    end, called, sooner = (jnp.where(edge, price, shares[1]) for price in prices)
    inner, outer = (jnp.stack([x[first + k] for x in worth]) for k in (-1, 0))
    stop = _stopped(inner, outer, shares, end, sooner, growth, discount)
    lower = jnp.stack([x[first - 2] for x in values]) + jnp.where(first - 2 == beside[0], beside[2], 0.0)
    bend = _bent(lower, shares, called)
    return jnp.where(edge & (first > 1), bend, 0.0), jnp.where(edge, stop, 0.0)


def _stopped(
    inner: Float[Array, " part"],
    outer: Float[Array, " part"],
    shares: Float[Array, " node"],
    called: Float[Array, ""],
    sooner: Float[Array, ""],
    growth: Float[Array, ""],
    discount: Float[Array, ""],
) -> Float[Array, " part"]:
    """What to add to the mean of two nodes for that of a path ended where shares reach the call price between them.

    There it is worth that price in shares; the outer node moves to the line to there from the inner one. From the
    middle of the two all the step is spent on the way where the price lies at the outer node, and none where it lies
    at the middle: from ``called`` it goes to ``sooner``, that of the step before, which is then not to be discounted.
    A coupon of the step is in the values and in ``called``: until it is paid nobody is paid more than that.
    """
    width = shares[2] - shares[1]
    apart = called - sooner * jnp.exp(growth)  # what the place of the price moves by in the step, as shares grow
    gap = jnp.maximum(width - 2.0 * apart, 0.5 * width)
    place = (called - 2.0 * apart - shares[1]) / jnp.where(gap > 0, gap, 1.0)
    near = jnp.clip(place, 0.5, 1.0)  # nearer, the middle itself lies beyond, and is not read
    price = sooner / discount + (2.0 * near - 1.0) * (called - sooner / discount)
    there = jnp.stack([price, jnp.zeros_like(price)])
    return 0.5 * (inner + (there - inner) / near - outer)


def _bent(
    lower: Float[Array, " part"], shares: Float[Array, " node"], called: Float[Array, ""]
) -> Float[Array, "part node"]:
    """What to add to the means around where a call becomes possible, for a sum over nodes to integrate the bend there.

    The sum of a function with a bend of 1 errs by :math:`w^2(p(1-p)/2-1/12)`, where the bend lies at the share
    :math:`p` of a stretch :math:`w` (Euler and Maclaurin). It is taken back at both ends of that.
    """
    width, far = shares[2] - shares[1], called - shares[0]
    place = (called - shares[1]) / jnp.where(width > 0, width, 1.0)
    there, slope = jnp.stack([called, jnp.zeros_like(called)]), jnp.array([1.0, 0.0])
    kink = slope - (there - lower) / jnp.where(far > 0, far, 1.0)
    more = 0.5 * width * (1.0 / 12.0 - place * (1.0 - place) / 2.0) * kink[:, None]
    return more * jnp.stack([1.0 - place, jnp.ones_like(place), place])


def _mean(values: Float[Array, " quote"]) -> Float[Array, " quote"]:
    """That of each node and the next, the last node's being its own."""
    more = lax.optimization_barrier(jnp.append(values, values[-1:]))
    return 0.5 * (more[:-1] + more[1:])


def _mixed(
    one: Float[Array, " quote"], other: Float[Array, ""] | float, gain: Float[Array, " node"]
) -> Float[Array, " quote"]:
    """``other`` where ``gain`` is above 0, ``one`` elsewhere, and its share of both beside a change of sign.

    The gain is that of every node and of one more at either end.
    """
    below, at, above = gain[:-2], gain[1:-1], gain[2:]

    def half(far: Float[Array, " quote"]) -> Float[Array, " quote"]:
        crossed = at * far < 0.0
        place = jnp.abs(at) / jnp.where(crossed, jnp.abs(at) + jnp.abs(far), 1.0)
        same = jnp.where(crossed, jnp.minimum(place, 0.5), 0.5)
        return jnp.where(at > 0.0, same, 0.5 - same)

    return one + (half(below) + half(above)) * (other - one)


def _planned(
    dates: Float[Array, " tenor"],
    coupons: Float[Array, " tenor"],
    called: Float[Array, " step"],
    since: Float[Array, ""],
    left: Float[Array, ""],
    rate: Float[Array, ""],
) -> tuple[Float[Array, " step"], Float[Array, " step"], Float[Array, " step"], Float[Array, " step"]]:
    """Of each step: the share in which calls may be made, their price at its start, its coupons at its end, others.

    Others are those of the step in which calls begin, paid before that, at its start.
    """
    steps = called.shape[0]
    width = jnp.where(left > 0, left, 1.0) / steps
    may = jnp.clip(jnp.arange(1, steps + 1) - since / width + _SAME, 0.0, 1.0)
    before = jnp.where(dates <= since + _SAME * width, coupons, 0.0)
    paid, early = (_gathered(dates, each, left, width, rate, steps) for each in (coupons, before))
    early = jnp.where((may > 0) & (may < 1), early, 0.0)
    return may, jnp.where(may > 0, jnp.minimum(called, _NEVER), _NEVER), (paid - early) * jnp.exp(rate * width), early


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
