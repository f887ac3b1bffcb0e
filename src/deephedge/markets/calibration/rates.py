"""Short rates fitted to curves, caplets and swaptions: Vasicek, Hull and White, and Cox, Ingersoll and Ross."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from deephedge.core.errors import DataError, require
from deephedge.markets.calibration.engine import Parameter, least_squares
from deephedge.markets.calibration.rate_quotes import RateOptions, Swaps
from deephedge.markets.calibration.report import Calibration, reported
from deephedge.markets.cir import CoxIngersollRoss
from deephedge.markets.g2 import HullWhiteTwoFactor
from deephedge.markets.rates import HullWhite, Vasicek
from deephedge.pricing import cir, g2, hullwhite

RESOLUTION = 1e-6  # noise in a volatility of a rate, or in a yield, that a parameter has to stand: 0.01 basis points


def calibrate_hull_white(
    quotes: RateOptions, name: str = "USD", mean_reversion: float | None = None, **settings: Any
) -> Calibration:
    r"""``mean_reversion`` and ``vol`` of `HullWhite` on the quotes' curve, by least squares of Bachelier volatilities.

    Caplets and swaptions are priced in closed form (Jamshidian 1989); a residual is (price - quote) / vega, a
    volatility of the rate per year, the vega being at least 5 % of that at the money; the report is in basis points.
    One expiry and length tells :math:`\sigma^2(1-e^{-2aT})/2a` alone: the warning says so. Where ``mean_reversion`` is
    given it stays and only ``vol`` is found. Bounds: mean reversion 1e-4 to 5 a year, vol 1e-5 to 0.2. ``settings`` and
    errors are those of `deephedge.markets.calibration.engine.least_squares`, with ``resolution`` 0.01 basis points.

    >>> curve = ((1, 5, 10), (0.03, 0.032, 0.035))
    >>> model = lambda T: 0.01 * np.sqrt(-np.expm1(-0.2 * T) / (0.2 * T)) * -np.expm1(-0.1 * 0.25) / (0.1 * 0.25)
    >>> vol = model(np.array([1.0, 2, 5])) * 1.00795  # of the simple rate: near to it
    >>> fit = calibrate_hull_white(RateOptions(curve, expiry=[1, 2, 5], tenor=0.25, vol=vol), starts=1)
    >>> {name: round(value, 2) for name, value in fit.parameters.items()}
    {'mean_reversion': 0.1, 'vol': 0.01}
    """
    speed = Parameter("mean_reversion", 1e-4, 5.0, 0.05)
    find = (speed, Parameter("vol", 1e-5, 0.2, float(np.median(quotes.vol))))
    data = (quotes.swaps, 0.0 if mean_reversion is None else float(mean_reversion))
    find = find if mean_reversion is None else find[1:]
    solution = least_squares(_hull_white, data, find, **{"resolution": RESOLUTION} | settings)
    market = HullWhite(quotes.curve, **{"mean_reversion": mean_reversion} | solution.values, name=name)
    return reported("Hull-White", market, solution, quotes.columns(solution.residuals), "bp")


def calibrate_hull_white_two_factor(quotes: RateOptions, name: str = "USD", **settings: Any) -> Calibration:
    r"""Both mean reversions and vols and the correlation of `HullWhiteTwoFactor`; else as `calibrate_hull_white`.

    The first factor is the one that reverts faster: the search is in its lead, 1e-3 to 5 a year, over the second's mean
    reversion, 1e-4 to 1. A swaption costs 137 of the one-factor kind, so a matrix of them takes long; caplets alone
    tell the correlation only through their expiries and lengths.

    Source: Brigo and Mercurio (2006), section 4.2.
    """
    level = float(np.median(quotes.vol))
    find = (
        Parameter("mean_reversion.x", 1e-3, 5.0, 0.4),
        Parameter("mean_reversion.y", 1e-4, 1.0, 0.04),
        Parameter("vol.x", 1e-5, 0.2, level),
        Parameter("vol.y", 1e-5, 0.2, level),
        Parameter("correlation", -0.9999, 0.9999, -0.5, log=False),
    )
    settings = {"resolution": RESOLUTION} | settings
    solution = least_squares(_two_factor, quotes.swaps, find, shape=_ordered, **settings)
    a, b, sigma, eta, rho = solution.values.values()
    market = HullWhiteTwoFactor(quotes.curve, (a, b), (sigma, eta), rho, name=name)
    return reported("Hull-White, two factors", market, solution, quotes.columns(solution.residuals), "bp")


def calibrate_cir(
    curve: tuple[Any, Any], caplets: RateOptions | None = None, name: str = "USD", **settings: Any
) -> Calibration:
    r"""``short``, ``mean_reversion``, ``level``, ``vol`` of `CoxIngersollRoss`, from zero yields and caplets.

    ``curve`` is (years, continuously compounded zero yields per year): with four constants the model meets it only
    nearly, and caplets are priced on the model's own bonds. Yields and caplet volatilities (price over Bachelier vega)
    both count per year; the report is in basis points, with the yields first (``tenor`` 0). Yields alone hardly tell
    the vol, which then shows in the warnings. Bounds: short 1e-5 to 0.5 and level 1e-4 to 0.5 a year, mean reversion
    0.005 to 5 a year, vol 0.005 to 0.6. ``settings`` and errors as in `calibrate_hull_white`.

    Source: Cox, Ingersoll and Ross (1985); Brown and Dybvig (1986) for the fit to a cross-section of bonds.
    """
    years, yields = (np.asarray(row, float) for row in curve)
    require(caplets is None or caplets.caplets, "calibrate_cir takes options of one period: caplets, no swaptions")
    find = (
        Parameter("short", 1e-5, 0.5, float(np.clip(yields[0], 1e-3, 0.4))),
        Parameter("mean_reversion", 5e-3, 5.0, 0.3),
        Parameter("level", 1e-4, 0.5, float(np.clip(yields[-1], 1e-3, 0.4))),
        Parameter("vol", 5e-3, 0.6, 0.1),
    )
    data = (years, yields, None if caplets is None else caplets.swaps)
    solution = least_squares(_cir, data, find, **{"resolution": RESOLUTION} | settings)
    missed = solution.residuals[: len(years)]
    zero = np.zeros_like(years)
    table = dict(expiry=years, tenor=zero, strike=zero, vol=yields, model=yields + missed, residual=1e4 * missed)
    if caplets is not None:
        more = caplets.columns(solution.residuals[len(years) :])
        table = {field: np.concatenate([row, more[field]]) for field, row in table.items()}
    market = CoxIngersollRoss(**solution.values, name=name)
    return reported("Cox-Ingersoll-Ross", market, solution, table, "bp")


def calibrate_vasicek(
    curve: tuple[Any, Any], vol: float, mean_reversion: float | None = None, name: str = "USD", **settings: Any
) -> Calibration:
    r"""``short``, ``level`` and ``mean_reversion`` of `Vasicek` from today's zero yields; ``vol`` is given.

    ``curve`` is (years, continuously compounded zero yields per year); three constants meet it only nearly. Yields
    hardly tell ``vol``, so take it from history or options, and ``mean_reversion`` too where it is given. Bounds: rates
    -0.1 to 0.5 and speed 0.005 to 5 a year. The report is in basis points; ``settings`` and errors are those of
    `calibrate_hull_white`. A flat curve leaves the speed open: the warning says so.

    Source: Vasicek (1977).

    >>> years = np.array([0.5, 1.0, 2.0, 5.0, 10.0])
    >>> yields = -np.asarray(hullwhite.vasicek_log_discount(0.02, years, 0.3, 0.045, 0.01)) / years
    >>> fit = calibrate_vasicek((years, yields), vol=0.01)
    >>> {name: round(value, 3) for name, value in fit.parameters.items()}
    {'short': 0.02, 'level': 0.045, 'mean_reversion': 0.3}
    """
    years, yields = (np.asarray(row, float) for row in curve)
    fits = years.ndim == 1 and years.shape == yields.shape and bool(np.all(years > 0) and np.all(np.isfinite(yields)))
    require(fits, "curve must be a pair: positive years, and as many finite zero yields per year", DataError)
    require(vol >= 0, f"vol must be 0 or more per year and root year, was {vol}")
    find = (
        Parameter("short", -0.1, 0.5, float(yields[0]), log=False),
        Parameter("level", -0.1, 0.5, float(yields[-1]), log=False),
        Parameter("mean_reversion", 5e-3, 5.0, 0.3),
    )
    held = 0.0 if mean_reversion is None else float(mean_reversion)
    find = find if mean_reversion is None else find[:2]
    data = (years, yields, held, float(vol))
    solution = least_squares(_vasicek, data, find, **{"resolution": RESOLUTION} | settings)
    model = yields + solution.residuals
    table = dict(expiry=years, vol=yields, model=model, residual=1e4 * solution.residuals)
    market = Vasicek(**{"mean_reversion": mean_reversion} | solution.values, vol=vol, name=name)
    return reported("Vasicek", market, solution, table, "bp")


def _vasicek(p: Array, data: tuple[Array, ...]) -> Array:
    years, yields, held, vol = data
    speed = p[2] if p.size == 3 else held
    return -hullwhite.vasicek_log_discount(p[0], years, speed, p[1], vol) / years - yields


def _hull_white(p: Array, data: tuple[Swaps, Array]) -> Array:
    of, held = data
    a, sigma = (p[0], p[1]) if p.size == 2 else (held, p[0])
    law = (of.nearer, of.discounts, of.accruals, of.strike, of.expiry, of.lengths, a, sigma)
    return (hullwhite.swaption(*law, payer=of.payer) - of.target) * of.unit


def _ordered(u: Array) -> Array:
    return u.at[0].add(u[1])


def _two_factor(p: Array, of: Swaps) -> Array:
    law = (of.nearer, of.discounts, of.accruals, of.strike, of.expiry, of.lengths, *p)
    return (g2.swaption(*law, payer=of.payer) - of.target) * of.unit


def _cir(p: Array, data: tuple[Array, Array, Swaps | None]) -> Array:
    years, yields, of = data
    short, *law = p
    missed = -jnp.log(cir.discount(short, years, *law)) / years - yields
    if of is None:
        return missed
    owed = 1.0 + of.strike * of.accruals[:, 0]
    option = cir.bond_option(short, 1.0 / owed, of.expiry, of.lengths[:, 0], *law, call=jnp.logical_not(of.payer))
    return jnp.concatenate([missed, (owed * option - of.target) * of.unit])
