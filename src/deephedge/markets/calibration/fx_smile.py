"""The smile of an exchange rate from what brokers quote: at the money, risk reversals and butterflies by delta."""

from collections.abc import Callable, Sequence
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from deephedge.core.double import in_float64
from deephedge.core.errors import nearest, require
from deephedge.markets.calibration.arbitrage import black_price
from deephedge.markets.calibration.quotes import OptionQuotes
from deephedge.pricing import black, fx, sabr, ssvi

SHAPES = {"sabr": 3, "ssvi": 3, "svi": 5}  # and how many numbers each has
STEPS = 30  # of Newton's method for the strikes
REACH, NODES = 3.0, 241  # deviations at the money within which the density is looked at, and at how many strikes


class FxSmile(eqx.Module):
    """One expiry's smile: ``volatility(strike)``, and the quoted strikes from the lowest to the highest.

    ``labels`` such as ``"25p"`` and ``"atm"``; ``strikes`` in home cash; ``parameters`` of ``shape``; ``misfit`` the
    largest distance to a quote, in volatility.
    """

    forward: float
    tau: float
    labels: tuple[str, ...]
    strikes: np.ndarray
    shape: str
    parameters: dict[str, float]
    misfit: float

    @property
    def vols(self) -> np.ndarray:
        """The volatilities at ``strikes``, per root year."""
        return self.volatility(self.strikes)

    def volatility(self, strike) -> np.ndarray:
        """Black's volatility at any strikes, per root year."""
        k = np.log(np.asarray(strike, float) / self.forward)
        law = [self.parameters[name] for name in _NAMES[self.shape]]
        rows = (k.ravel(), *(np.full(k.size, x) for x in (self.tau, *law)))
        return in_float64(partial(_evaluate, self.shape), *rows).reshape(k.shape)

    def quotes(self, discount: float = 1.0) -> OptionQuotes:
        """The quoted strikes as option quotes, which every calibration takes."""
        return OptionQuotes(self.strikes, self.tau, self.forward, discount, vol=self.vols)


def fx_smile(
    forward: float,
    tau: float,
    atm: float,
    reversal: dict[float, float],
    butterfly: dict[float, float],
    *,
    foreign_discount: float = 1.0,
    adjusted: bool = False,
    straddle: bool = True,
    market_strangle: bool = True,
    shape: str = "sabr",
    tolerance: float = 1e-3,
) -> FxSmile:
    r"""The smile that meets the quotes of one expiry, ``tau`` years ahead.

    ``atm`` is the volatility at the money, ``reversal`` and ``butterfly`` map deltas (0.25, 0.1) to volatilities, all
    per root year. With :math:`K_C, K_P` the strikes of a call of delta :math:`\Delta` and a put of :math:`-\Delta` at
    their own volatilities, a reversal is :math:`\sigma(K_C)-\sigma(K_P)`. A butterfly is, with ``market_strangle``,
    the broker's: both options at the one volatility :math:`\sigma_{ATM}+bf`, which also names their strikes
    :math:`K'_C, K'_P`, cost together what the smile makes them cost,

    .. math:: P(K'_P,\sigma(K'_P)) + C(K'_C,\sigma(K'_C)) = P(K'_P,\sigma_{ATM}+bf) + C(K'_C,\sigma_{ATM}+bf);

    otherwise it is the smile's, :math:`\tfrac12(\sigma(K_C)+\sigma(K_P))-\sigma_{ATM}`. ``foreign_discount`` (left out
    for forward deltas), ``adjusted`` and ``straddle`` (False: at the money is the forward) are the conventions of
    `deephedge.pricing.fx`.

    ``shape``: ``"sabr"`` (beta 1) and ``"ssvi"`` meet one delta's quotes exactly and those of two deltas by least
    squares; ``"svi"`` (Gatheral's five numbers) meets two deltas' exactly where it can. The equations are solved
    together by SciPy's ``least_squares`` in float64.

    Raises ``ParameterError`` for quotes outside their domain, quotes off by more than ``tolerance`` (volatility), and a
    smile whose density is negative within 3 deviations of the forward.

    Source: Reiswich and Wystup (2010), section 3, for the equations; Gatheral (2004) for SVI.

    >>> smile = fx_smile(1.1, 0.5, 0.09, {0.25: -0.008}, {0.25: 0.0025})
    >>> {label: round(float(strike), 4) for label, strike in zip(smile.labels, smile.strikes)}
    {'25p': 1.0529, 'atm': 1.1022, '25c': 1.1497}
    >>> [round(float(vol), 5) for vol in smile.vols]
    [0.0966, 0.09, 0.0886]
    """
    from scipy.optimize import least_squares  # takes a while to import, and only calibration needs it

    levels = _checked(forward, tau, atm, reversal, butterfly, foreign_discount, shape)
    rr, bf = (np.array([quotes[level] for level in levels]) for quotes in (reversal, butterfly))
    with jax.enable_x64(True):
        convention = (adjusted, straddle, market_strangle)
        data = jax.tree.map(jnp.asarray, (tau, atm, np.array(levels), rr, bf, foreign_discount))
        first = _first(shape, atm, rr[0], bf[0])
        begun = np.asarray(_equations(shape, convention, jnp.asarray(first), data)[0])
        require(bool(np.isfinite(begun).all()), f"butterfly: no strike has a delta of {levels[0]:g} at the broker's "
                f"volatility of {atm + bf[0]:g}, premium-adjusted")  # fmt: skip
        found = least_squares(
            lambda x: np.asarray(_equations(shape, convention, jnp.asarray(x), data)[0]),
            first,
            jac="3-point", xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=60,
        )  # fmt: skip
        law = [float(x) for x in _law(shape, jnp.asarray(found.x), jnp.asarray(tau), jnp.asarray(atm))]
        strikes = forward * np.exp(np.asarray(_equations(shape, convention, jnp.asarray(found.x), data)[1]))
    names = ["atm", *(f"{kind} {level:g}" for kind in ("reversal", "butterfly") for level in levels)]
    misfits = np.abs(found.fun)
    worst = int(np.argmax(misfits))
    met = bool(np.isfinite(misfits).all() and misfits[worst] <= tolerance)
    require(met, f"quotes at {tau:g} years are met by no {shape} smile within tolerance {tolerance:g}: {names[worst]} "
            f"is off by {misfits[worst]:.2g}")  # fmt: skip
    percent = [f"{100 * level:g}" for level in levels]
    labels = (*(f"{p}p" for p in reversed(percent)), "atm", *(f"{p}c" for p in percent))
    parameters = dict(zip(_NAMES[shape], law, strict=True))
    smile = FxSmile(float(forward), float(tau), labels, strikes, shape, parameters, float(misfits[worst]))
    _refuse_arbitrage(smile, atm)
    return smile


_NAMES = {
    "sabr": ("alpha", "vol_of_vol", "correlation"),
    "ssvi": ("theta", "rho", "phi"),
    "svi": ("level", "slope", "rho", "centre", "width"),
}


@partial(jax.jit, static_argnums=0)
def _evaluate(shape: str, k: Array, tau: Array, *law: Array) -> Array:
    return _volatility(shape, k, law, tau)


def _volatility(shape: str, k: Array, law: Sequence[Array], tau: Array) -> Array:
    if shape == "sabr":
        return sabr.volatility(1.0, jnp.exp(k), law[0], tau, 1.0, law[1], law[2])
    if shape == "ssvi":
        return jnp.sqrt(ssvi.total_variance(k, law[0], law[1], law[2]) / tau)
    level, slope, rho, centre, width = law
    w = level + slope * (rho * (k - centre) + jnp.sqrt((k - centre) ** 2 + width**2))
    return jnp.sqrt(jnp.maximum(w, 1e-12) / tau)


def _law(shape: str, x: Array, tau: Array, atm: Array) -> list[Array]:
    """The parameters that free numbers stand for, in units of the deviation at the money."""
    s = atm * jnp.sqrt(tau)
    if shape == "svi":
        return [x[0] * s**2, jnp.exp(x[1]) * s, jnp.tanh(x[2]), x[3] * s, jnp.exp(x[4]) * s]
    if shape == "sabr":
        return [atm * jnp.exp(x[0]), jnp.exp(x[1]) / jnp.sqrt(tau), jnp.tanh(x[2])]
    return [s**2 * jnp.exp(x[0]), jnp.tanh(x[2]), jnp.exp(x[1]) / s]


@partial(jax.jit, static_argnums=(0, 1))
def _equations(shape: str, convention: tuple[bool, bool, bool], x: Array, data: tuple) -> tuple[Array, Array]:
    """Smile less quotes (at the money, reversals, butterflies) for a forward of 1, and the logs of the strikes."""
    adjusted, straddle, market = convention
    tau, atm, level, rr, bf, discount = data
    law, broker = _law(shape, x, tau, atm), atm + bf
    sides = jnp.array([False, True])[:, None]
    wanted = jnp.where(sides, level, -level)
    named = fx.strike_of(wanted, 1.0, broker, tau, sides, discount, adjusted)
    logs = _at_delta(lambda k: _volatility(shape, k, law, tau), jnp.log(named), wanted, data, sides, adjusted)
    money = jnp.log(fx.at_the_money(1.0, atm, tau, adjusted, straddle))
    low, high = _volatility(shape, logs, law, tau)
    if market:
        cheap, dear = _volatility(shape, jnp.log(named), law, tau)
        gap = fx.strangle(1.0, *named, cheap, dear, tau) - fx.strangle(1.0, *named, broker, broker, tau)
        fly = gap / black.vega(1.0, named, broker, tau).sum(axis=0)
    else:
        fly = 0.5 * (low + high) - broker
    off = (_volatility(shape, money, law, tau) - atm)[None]
    return jnp.concatenate([off, high - low - rr, fly]), jnp.concatenate([logs[0, ::-1], money[None], logs[1]])


def _at_delta(smile: Callable[[Array], Array], k: Array, wanted: Array, data: tuple, call: Array, adjusted: bool):
    """Logs of the strikes where the smile's own volatility makes the delta wanted: Newton's method, in short steps."""
    tau, atm, discount = data[0], data[1], data[-1]

    def excess(k: Array) -> Array:
        return fx.delta(1.0, jnp.exp(k), smile(k), tau, call, discount, adjusted) - wanted

    def step(_, k: Array) -> Array:
        off, slope = jax.jvp(excess, (k,), (jnp.ones_like(k),))
        room = 0.3 * atm * jnp.sqrt(tau)
        return k - jnp.clip(off / jnp.where(jnp.abs(slope) > 1e-12, slope, -1e-12), -room, room)

    return jax.lax.fori_loop(0, STEPS, step, k)


def _first(shape: str, atm: float, reversal: float, butterfly: float) -> np.ndarray:
    """A start from the expansion of SABR at the money."""
    size = np.sqrt(np.clip(13.0 * butterfly / atm, 0.02, 9.0))  # the volatility of volatility over the life
    rho = np.clip(reversal / (0.67 * size * atm), -0.9, 0.9)
    if shape != "svi":
        return np.array([0.0, np.log(size), np.arctanh(rho)])
    own = np.sqrt(1.0 - rho**2)
    return np.array([0.5 * own**2, np.log(0.5 * size), np.arctanh(rho), -rho / size, np.log(own / size)])


def _checked(forward, tau, atm, reversal, butterfly, discount, shape) -> list[float]:
    """The deltas, from the nearest to the money outwards; refuses what is outside its domain."""
    for field, value in (("forward", forward), ("tau", tau), ("atm", atm), ("foreign_discount", discount)):
        require(np.isfinite(value) and value > 0, f"{field} must be positive, was {value}")
    require(shape in SHAPES, f"shape {shape!r} is unknown: {nearest(shape, SHAPES)}")
    levels = sorted(reversal, reverse=True)
    same = levels and levels == sorted(butterfly, reverse=True)
    require(bool(same), f"reversal and butterfly must have the same deltas, had {levels} and {sorted(butterfly)}")
    room = all(0 < level < 0.5 * discount for level in levels)
    require(room, f"reversal must have deltas above 0 and below half the foreign discount, had {levels}")
    enough = 1 + 2 * len(levels) >= SHAPES[shape]
    require(enough, f"shape {shape!r} has {SHAPES[shape]} numbers, and there are {1 + 2 * len(levels)} quotes")
    for level in levels:
        wings = atm + butterfly[level] - 0.5 * abs(reversal[level])
        require(wings > 0, f"reversal {level:g} admits arbitrage: it leaves a wing with a volatility of {wings:g}")
    return levels


def _refuse_arbitrage(smile: FxSmile, atm: float) -> None:
    """Raise ``ParameterError`` where calls are not convex and falling in their strike."""
    k = np.linspace(-REACH, REACH, NODES) * atm * np.sqrt(smile.tau)
    strike = smile.forward * np.exp(k)
    vol = smile.volatility(strike)
    call = in_float64(black_price, np.ones(NODES), np.exp(k), vol, np.full(NODES, smile.tau), np.ones(NODES, bool))
    slope = np.diff(call) / np.diff(np.exp(k))
    bends = np.diff(np.concatenate([[-1.0], slope, [0.0]]))
    at = int(np.argmin(bends))
    fine = bool(np.isfinite(bends).all() and bends[at] >= -1e-9)
    require(fine, f"quotes at {smile.tau:g} years admit arbitrage: the smile through them has a negative density at a "
            f"strike of {strike[min(at, NODES - 1)]:.6g}")  # fmt: skip
