"""Black and Karasinski's short rate, fitted to caplets and swaptions through its lattice."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from deephedge.core.errors import DataError, require
from deephedge.markets.black_karasinski import BlackKarasinski
from deephedge.markets.calibration.engine import Parameter, least_squares
from deephedge.markets.calibration.rate_quotes import RateOptions
from deephedge.markets.calibration.rates import RESOLUTION
from deephedge.markets.calibration.report import Calibration, reported
from deephedge.pricing import black_karasinski
from deephedge.pricing import curve as interpolated

NODES = 20.0  # times the root of twice the cells: states are then half a deviation of half a cell apart, or less


class Cells(NamedTuple):
    """Quotes on the lattice: options by the cell they end in, payments by how many cells later they come."""

    discounts: Any  # to the ends of all cells
    width: Any
    expiry: Any
    lengths: Any
    cash: Any
    payer: Any
    target: Any
    unit: Any


def calibrate_black_karasinski(
    quotes: RateOptions, horizon: float | None = None, name: str = "USD", mean_reversion: float | None = None,
    cells: int = 12, **settings: Any,
) -> Calibration:  # fmt: skip
    r"""``mean_reversion`` and ``vol`` of `BlackKarasinski` on the quotes' curve, by least squares of volatilities.

    Every set of parameters fits a lattice of ``cells`` a year to the curve and prices all quotes off it; derivatives go
    through the lattice. Expiries and payments must fall on the ends of its cells. Time and memory go with the square
    of the cells: keep to some ten years. Where ``mean_reversion`` is given it stays and only ``vol`` is found. Bounds:
    mean reversion 1e-3 to 2 a year, vol 0.01 to 2 per root year. The market reaches to ``horizon``, the last expiry
    unless given. Residuals, report and ``settings`` are those of `calibrate_hull_white`; ``starts`` is 1 unless given.

    Raises ``DataError`` for a date between two ends of cells, or a curve whose forwards are not positive.
    Source: Black and Karasinski (1991); the lattice is that of `deephedge.pricing.black_karasinski`.
    """
    end = float(np.max(quotes.expiry + quotes.tenor))
    count = int(np.ceil(end * cells - 1e-6))
    solution = least_squares(
        _residuals(states(count), 0.0 if mean_reversion is None else float(mean_reversion)),
        _cells(quotes, cells, count),
        (
            Parameter("mean_reversion", 1e-3, 2.0, 0.05),
            Parameter("vol", 0.01, 2.0, float(np.clip(np.median(quotes.vol / np.abs(quotes.forward)), 0.011, 1.9))),
        )[mean_reversion is not None :],
        **{"resolution": RESOLUTION, "starts": 1} | settings,
    )
    law = {"mean_reversion": mean_reversion} | solution.values
    last = float(np.max(quotes.expiry)) if horizon is None else horizon
    nodes = states(int(cells * (last + 10.5)))
    market = BlackKarasinski(quotes.curve, **law, horizon=last, name=name, cells=cells, nodes=nodes)
    return reported("Black-Karasinski", market, solution, quotes.columns(solution.residuals), "bp")


def states(count: int) -> int:
    """An odd number of states for so many cells: a payoff's kink then costs some 0.02 basis points of volatility."""
    return 2 * int(np.ceil(0.5 * NODES * np.sqrt(2.0 * count))) + 1


def _cells(quotes: RateOptions, cells: int, count: int) -> Cells:
    of = quotes.swaps
    expiry, lengths = of.expiry * cells, of.lengths * cells
    bad = np.flatnonzero(
        (np.abs(expiry - np.round(expiry)) > 1e-4) | (np.abs(lengths - np.round(lengths)) > 1e-4).any(1)
    )
    require(not bad.size, f"dates must fall on the ends of the {cells} cells a year, those of quote {bad[:1]} do not; "
            "take more cells or move them", DataError)  # fmt: skip
    with jax.enable_x64(True):
        years, yields = (jnp.asarray(row) for row in quotes.curve)
        discounts = np.exp(np.asarray(interpolated.log_discount(years, yields, jnp.arange(count + 1) / cells)))
    require(bool(np.all(np.diff(discounts) < 0)), "curve must have positive forward rates to be met by a positive "
            "short rate", DataError)  # fmt: skip
    cash = of.strike[:, None] * of.accruals
    cash[:, -1] += 1.0
    whole = (np.round(x).astype(int) for x in (expiry, lengths))
    return Cells(discounts, 1.0 / cells, *whole, cash, of.payer, of.target, of.unit)


@functools.cache
def _residuals(nodes: int, held: float) -> Callable[[Array, Cells], Array]:
    """One function for each size of lattice, so that it compiles once."""

    def residuals(p: Array, data: Cells) -> Array:
        speed, vol = (p[0], p[1]) if p.size == 2 else (jnp.asarray(held), p[0])
        lattice = black_karasinski.fit(data.discounts, data.width, speed, vol, nodes)
        bonds = jnp.exp(lattice.log_bonds[data.expiry[:, None], data.lengths])
        worth = jnp.einsum("qp,qpx->qx", data.cash, bonds) - 1.0
        payoff = jnp.maximum(jnp.where(data.payer[:, None], -worth, worth), 0.0)
        return (jnp.sum(lattice.states[data.expiry] * payoff, axis=1) - data.target) * data.unit

    return residuals
