r"""Options on a share that pays known dividends on dates, used on one of several dates: European, Bermudan, American.

Dividends in cash :math:`\alpha_k` at :math:`t_k` and shares :math:`\beta_j` of the spot at :math:`\tau_j` make the spot
affine in a lognormal :math:`X` (Buehler 2010; with cash before expiry alone, the escrowed dividends of practice):

.. math:: S_t = R_t\,(M + G_t), \qquad R_t = \prod_{\tau_j\le t}(1-\beta_j), \qquad
    G_t = \sum_{t_k>t}\alpha_k e^{-g(t_k-t)}R_t/R_{t_k},

with :math:`g` the rate less the yield. A holder uses an option at a date :math:`d` for :math:`\pm(S_d-K)` or waits; at
the last but one date waiting is a European option on :math:`M`, and before it the mean of the better of both at the
next one, by quadrature (`induction`).

``cash`` rows are (years, amount), ``shares`` rows (years, share); on one date the share goes first. ``now`` and all
dates are years on one clock. Source: Haug (2007), chapter 9; Buehler (2010).
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float

from deephedge.core.errors import require
from deephedge.core.types import as_float, concrete
from deephedge.pricing import black, induction
from deephedge.pricing.normal import density, root, sign_of

SLACK = 1e-6  # of a date, and of a year: the rounding of float32
NONE = np.zeros((0, 2), np.float32)
_REACH = 6.0  # deviations, of all the time left, to either side of the grid of X
LEAST = 1e-6  # of the spot: what is random of it where the cash to come is worth more


def rows(given: Any) -> Float[Array, "..."]:
    """Rows of two numbers, none where nothing is given.

    >>> rows(()).shape, rows([(0.5, 2.0)]).shape
    ((0, 2), (1, 2))
    """
    return as_float(given) if np.size(given) else jnp.asarray(NONE)


def check(cash: Any, proportional: Any) -> None:
    """Raise ``ParameterError`` unless both are rows of times above 0 and of amounts, or of shares below 1."""
    for field, given in (("cash", cash), ("proportional", proportional)):
        fits, times = given.ndim > 1 and given.shape[-1] == 2, given[..., :1]
        require(fits, f"{field} must be rows of two numbers, had {given.shape}")
        require(concrete(times, lambda t: t > 0), f"{field} must have times above 0 years, were {times}")
    amounts, shares = cash[..., 1], proportional[..., 1]
    require(concrete(amounts, lambda a: a >= 0), f"cash must be 0 or more, was {amounts}")
    require(concrete(shares, lambda b: (b >= 0) & (b < 1)), f"proportional must be shares below 1, was {shares}")


def kept(
    times: Float[Array, " points"], start: Float[Array, ""], shares: Float[Array, "_ 2"]
) -> Float[Array, " points"]:
    """What proportional dividends after ``start`` have left of a share at each time.

    >>> [round(x, 3) for x in kept(jnp.array([0.2, 0.5, 1.0]), jnp.array(0.0), jnp.array([[0.5, 0.1]])).tolist()]
    [1.0, 0.9, 0.9]
    """
    due, sizes = shares[:, 0], shares[:, 1]
    counts = reached(times, due) & ~reached(start[None], due)
    return jnp.exp(jnp.sum(jnp.where(counts, jnp.log1p(-sizes), 0.0), axis=-1))


def to_come(
    times: Float[Array, " points"],
    start: Float[Array, ""],
    growth: Float[Array, ""],
    cash: Float[Array, "_ 2"],
    shares: Float[Array, "_ 2"],
) -> Float[Array, " points"]:
    """The cash dividends after each time, each over the growth of a share from ``start`` to its date.

    >>> today, due = jnp.array(0.0), jnp.array([[0.5, 2.0]])
    >>> to_come(jnp.array([0.0, 0.5]), today, today, due, rows(())).tolist()
    [2.0, 0.0]
    """
    due, amounts = cash[:, 0], cash[:, 1]
    worth = amounts * jnp.exp(-growth * (due - start)) / kept(due, start, shares)
    return jnp.sum(jnp.where(reached(times, due), 0.0, worth), axis=-1)


def reached(times: Float[Array, " points"], due: Float[Array, " _"]) -> Bool[Array, "points _"]:
    """Which dates have come at each time, to the rounding of a date in float32."""
    return times[:, None] >= due - SLACK * (1.0 + due)


def closest(count: int) -> float:
    """How close two of ``count`` dates may be, as a share of the last: an eighth of their distance on average.

    >>> round(1 / closest(12))
    128
    """
    return 1.0 / (8 * max(count, 16))


def price(
    spot: ArrayLike,
    strike: ArrayLike,
    vol: ArrayLike,
    dates: ArrayLike,
    rate: ArrayLike = 0.0,
    dividend: ArrayLike = 0.0,
    cash: ArrayLike = NONE,
    shares: ArrayLike = NONE,
    call: ArrayLike = True,
    now: ArrayLike = 0.0,
) -> Float[Array, ""]:
    r"""Price of an option to be used on one of the ``dates`` after ``now``, the last of which is its expiry, in cash.

    One price, for ``spot`` and ``strike`` in cash, ``vol`` of :math:`X` per root year, ``rate`` and ``dividend``
    continuous per year; ``vmap`` it. One date is a European option, exactly. A call without a yield, at rates of 0 or
    more, is best used just before a dividend or at expiry: on these dates it is the American one. 0 once all are over.
    Dates are to be `closest` apart, or more.

    >>> import jax
    >>> dates, cash = jnp.array([0.49, 1.0]), jnp.array([[0.5, 5.0]])
    >>> round(float(jax.jit(lambda: price(100.0, 100.0, 0.2, dates, 0.05, cash=cash))()), 2)
    7.9
    """
    dtype = jnp.result_type(spot, strike, vol, float)
    spot, strike, vol, dates, rate, dividend, cash, shares, now = (
        jnp.asarray(x, dtype) for x in (spot, strike, vol, dates, rate, dividend, cash, shares, now)
    )
    over = reached(now[None], dates)[0]
    left, growth, sign = jnp.where(over, 0.0, dates - now), rate - dividend, sign_of(call)
    keeps, moves = kept(now + left, now, shares), jnp.exp(growth * left)
    floor = keeps * moves * to_come(now + left, now, growth, cash, shares)
    random = jnp.maximum(spot - to_come(now[None], now, growth, cash, shares)[0], LEAST * spot)

    def waited(pure: Array, gone: Array) -> Array:
        """The European option after ``gone`` years, where what is random, without shares, has become ``pure``."""
        rest = left[-1] - gone
        ahead = keeps[-1] * pure * jnp.exp(growth * rest)
        return jnp.exp(-rate * rest) * black.price(ahead, strike - floor[-1], vol, rest, call)

    value = jnp.where(over[-1], 0.0, waited(random, jnp.zeros_like(now)))
    if left.shape[0] == 1:
        return value
    early, whole = left[:-1, None], jnp.where(over[-1], 1.0, left[-1])
    # Of what moves at random, in deviations of all the time left: the closest dates are one step of it apart.
    places = jnp.asarray(
        np.linspace(-_REACH, _REACH, 1 + int(np.ceil(2.0 * _REACH / closest(len(left)) ** 0.5))), dtype
    )
    pure = random * moves[:-1, None] * jnp.exp(vol * root(whole) * places - 0.5 * vol**2 * early)
    used = sign * (keeps[:-1, None] * pure + floor[:-1, None] - strike)
    gaps = jnp.diff(left[:-1])
    wait = _waiting(used, places, jnp.exp(-rate * gaps), root(gaps / whole), waited(pure[-1], left[-2]))
    first = jnp.minimum(jnp.sum(over), left.shape[0] - 2)
    centre = 0.5 * (places.shape[0] - 1)
    spread = root(left[first] / whole) * centre / _REACH
    found = induction.expected(jnp.full(1, centre, dtype), spread[None], first[None], used, wait)[0]
    return jnp.where(over[-2], value, jnp.exp(-rate * left[first]) * found)


def _waiting(
    used: Float[Array, "tenor quote"],
    places: Float[Array, " quote"],
    bonds: Float[Array, " _"],
    spreads: Float[Array, " _"],
    last: Float[Array, " quote"],
) -> Float[Array, "tenor quote"]:
    """What waiting is worth at each date: backwards from ``last``, by the trapezoidal rule on the grid itself.

    Where using and waiting cross, which is once, the rule is off by what `induction.expected` takes out too.
    """
    width = places[1] - places[0]

    def step(later: tuple[Array, Array], now: tuple[Array, Array, Array]) -> tuple[tuple[Array, Array], Array]:
        (use, wait), (before, bond, spread) = later, now
        spread = jnp.where(spread > 0, spread, 1.0)  # between dates that are over: not read
        gap = use - wait
        left, right = gap[1:-2], gap[2:-1]
        crossed = left * right < 0.0
        n = jnp.argmax(jnp.where(crossed, jnp.abs(right - left), 0.0))
        rise = jnp.where(crossed[n], right[n] - left[n], 1.0)
        bend = 0.5 * (gap[n + 3] - right[n] - left[n] + gap[n])
        part = -left[n] / rise
        part = jnp.clip(part + 0.5 * part * (1.0 - part) * bend / rise, 0.0, 1.0)
        sign = jnp.sign(rise)
        slope, at = sign * (rise + (part - 0.5) * bend), places[n + 1] + part * width
        apart = (at - places) / spread
        turn = sign * bend - 2.0 * width / spread * apart * slope
        excess = (0.5 * part * (1.0 - part) - 1.0 / 12.0) * slope + part * (part - 0.5) * (part - 1.0) / 6.0 * turn
        mean = density((places[:, None] - places) / spread) @ jnp.maximum(use, wait)
        wait = bond * width / spread * (mean - jnp.where(crossed[n], excess * density(apart), 0.0))
        return (before, wait), wait

    _, earlier = lax.scan(step, (used[-1], last), (used[:-1], bonds, spreads), reverse=True)
    return jnp.concatenate([earlier, last[None]])
