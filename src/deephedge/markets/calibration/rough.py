"""Rough Bergomi, fitted to a surface of European options by conditional Monte Carlo with fixed normals."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array

from deephedge.core.errors import require
from deephedge.markets.calibration.engine import Parameter, least_squares
from deephedge.markets.calibration.quotes import OptionQuotes
from deephedge.markets.calibration.report import Calibration, reported
from deephedge.markets.calibration.surface import LEAST_VEGA, columns
from deephedge.markets.rough import RoughBergomi, volterra
from deephedge.markets.sampler import brownian_bridge
from deephedge.pricing import black

LEAST = 1e-12  # of the conditional variance: at a correlation of one nothing is random any more


class Rows(NamedTuple):
    """Quotes by expiry, and the normals that all expiries share."""

    normals: Any
    tau: Any
    forward: Any
    strike: Any
    target: Any
    unit: Any


def calibrate_rough_bergomi(
    quotes: OptionQuotes, name: str = "spot", spot: float | None = None, paths: int = 2048, steps: int = 64,
    seed: int = 0, **settings: Any,
) -> Calibration:  # fmt: skip
    r"""``hurst``, ``vol_of_vol``, ``correlation`` and a flat ``forward_variance`` of `RoughBergomi`.

    Given the path of the variance the spot is lognormal (Romano and Touzi 1997): with
    :math:`I=\int\sqrt V\,dW` and :math:`A=\int V\,dt`, an option is worth the mean over paths of Black's price at the
    forward :math:`Fe^{\rho I-\rho^2A/2}` and the total variance :math:`(1-\rho^2)A`. The paths are those of the
    market's own scheme with ``steps`` equal steps to each expiry, from ``paths`` Sobol points through a Brownian
    bridge; all expiries take the same normals, and nothing is drawn again, so that prices are smooth in the
    parameters and their derivatives exact. Another ``seed`` gives other normals: the change is the Monte Carlo error.
    Time and memory go with expiries times ``paths`` times strikes: thin a long chain first.

    Bounds: Hurst exponent 0.01 to 0.49, vol of vol 0.05 to 8 per year to the power of it, correlation within 0.99,
    forward variance 1e-4 to 4 per year. It is flat, so a term structure of volatility stays in the residuals.
    ``settings`` (``starts`` is 1 unless given) and errors are those of
    `deephedge.markets.calibration.engine.least_squares`; residuals are those of `calibrate_heston`.

    Source: Bayer, Friz and Gatheral (2016); McCrickerd and Pakkanen (2018) for the conditional price.

    >>> quotes = OptionQuotes([85, 90, 95, 100, 105, 110], 0.25, forward=100, vol=[0.26, 0.24, 0.22, 0.2, 0.185, 0.175])
    >>> fit = calibrate_rough_bergomi(quotes, paths=256, steps=16)
    >>> bool(fit.rmse < 0.5), bool(fit.parameters["correlation"] < -0.5)
    (True, True)
    """
    require(paths >= 16 and paths & (paths - 1) == 0, f"paths must be a power of two from 16, was {paths}")
    require(steps >= 2, f"steps must be 2 or more to each expiry, was {steps}")
    data, sheet = _rows(quotes, normals(paths, steps, seed)), quotes.sheet()
    squares = np.clip(quotes.money_vols() ** 2, 2e-4, 3.0)
    find = (
        Parameter("hurst", 0.01, 0.49, 0.12),
        Parameter("vol_of_vol", 0.05, 8.0, 1.5),
        Parameter("correlation", -0.99, 0.99, -0.6, log=False),
        Parameter("forward_variance", 1e-4, 4.0, float(np.median(squares))),
    )
    solution = least_squares(_residuals, data, find, **{"starts": 1} | settings)
    safe = np.where(data.unit > 0, data.unit, 1.0)
    price = (data.target + np.reshape(solution.residuals, safe.shape) / safe)[sheet.row, sheet.column]
    market = RoughBergomi(name, **quotes.carry(spot), **solution.values)
    return reported("rough Bergomi", market, solution, columns(quotes, price), "vol points")


def normals(paths: int, steps: int, seed: int) -> np.ndarray:
    """Two rows of normals a path, of shape (2, path, step): Sobol points through a Brownian bridge."""
    from scipy.special import ndtri  # only calibration needs them
    from scipy.stats import qmc

    engine = qmc.Sobol(2 * steps, rng=np.random.default_rng(seed))
    points = np.clip(engine.random(paths), 1e-12, 1.0 - 1e-12)
    bridge = brownian_bridge(np.arange(steps + 1.0))
    return np.einsum("st,ptf->fps", bridge, ndtri(points).reshape(paths, steps, 2))


def _rows(quotes: OptionQuotes, drawn: np.ndarray) -> Rows:
    sheet = quotes.sheet()
    used = slice(len(quotes.expiries))
    forward, strike, vol, tau = sheet.forward[used], sheet.strike[used], sheet.vol[used], sheet.expiry[used]
    money = np.repeat(quotes.money_vols()[:, None], strike.shape[1], 1)
    wide = (np.repeat(row[:, None], strike.shape[1], 1) for row in (forward, tau))
    with jax.enable_x64(True):
        f, t, k, v, m = (jnp.asarray(x) for x in (*wide, strike, vol, money))
        target, vega, least = (np.asarray(x) for x in _quoted(f, k, v, t, m))
    unit = sheet.weight[used] / np.maximum(vega, LEAST_VEGA * least)
    return Rows(drawn, tau, forward, strike, target, unit)


@jax.jit
def _quoted(f: Array, k: Array, v: Array, t: Array, m: Array) -> tuple[Array, Array, Array]:
    return black.price(f, k, v, t, call=k >= f), black.vega(f, k, v, t), black.vega(f, f, m, t)


def integrals(
    tau: Array, drawn: Array, y: Array, spread: Array, hurst: Array, eta: Array, xi: Array
) -> tuple[Any, Any]:
    r""":math:`\int\sqrt V\,dW` and :math:`\int V\,dt` to ``tau`` by path, by the left points of the market's scheme.

    ``y`` and ``spread`` are `volterra` at a step of one; another step multiplies them by its powers.
    """
    dt = tau / y.shape[-1]
    exponent = eta * dt**hurst * y - 0.5 * eta**2 * dt ** (2.0 * hurst) * spread
    before = jnp.concatenate([jnp.zeros_like(exponent[:, :1]), exponent[:, :-1]], axis=1)
    vol = jnp.sqrt(xi * dt) * jnp.exp(0.5 * before)
    return jnp.sum(vol * drawn[0], axis=1), jnp.sum(vol**2, axis=1)


def _prices(p: Array, data: Rows) -> Array:
    hurst, eta, rho, xi = p
    drawn = data.normals
    y, spread = jax.vmap(volterra, (None, None, 0, 0), (0, None))(hurst, jnp.ones_like(hurst), *drawn)

    def expiry(row: tuple[Array, Array, Array]) -> Array:
        tau, forward, strike = row
        noise, area = integrals(tau, drawn, y, spread, hurst, eta, xi)
        given = forward * jnp.exp(rho * noise - 0.5 * rho**2 * area)
        total = jnp.sqrt(jnp.maximum(1.0 - rho**2, LEAST) * area)
        call = strike >= forward
        return jnp.mean(black.price(given[:, None], strike, total[:, None], call=call), axis=0)

    return lax.map(expiry, (data.tau, data.forward, data.strike))


def _residuals(p: Array, data: Rows) -> Array:
    return ((_prices(p, data) - data.target) * data.unit).reshape(-1)
