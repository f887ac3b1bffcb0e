"""Futures curves moved by fading factors: what every commodity model simulates, quotes and refuses."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol, runtime_checkable

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from deephedge.core.accumulate import accumulated
from deephedge.core.errors import require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete, must
from deephedge.markets.seasonality import Seasonality
from deephedge.pricing import schwartz
from deephedge.pricing.normal import root

Curve = Callable[[Array], Array]
TINY = 1e-12  # under a square root, so that its derivative stays finite at a correlation of 1


def labelled(suffix: str) -> Callable[..., dict[str, Array]]:
    """A converter from years, or from labels and years, to labels and years."""

    def convert(years) -> dict[str, Array]:
        named = years if isinstance(years, Mapping) else {f"{float(x):g}{suffix}": x for x in years}
        return {label: as_float(x) for label, x in named.items()}

    return convert


@runtime_checkable
class Delivered(Protocol):
    """A market of one commodity and its futures."""

    name: str
    spot: Array
    rate: Array | None
    expiries: dict[str, Array]
    tenors: dict[str, Array]
    seasonality: Seasonality | None
    curve: Array | None


def check(market: Delivered, positive: tuple[str, ...], not_negative: tuple[str, ...], signed: bool = False) -> None:
    """Refuse numbers, contracts and curves outside their domain; ``signed`` prices may be 0 or less."""
    for field in positive:
        value = getattr(market, field)
        require(value is None or concrete(value, lambda x: x > 0), f"{field} must be positive cash, was {value}")
    must(market, "be 0 or more", *not_negative)
    for field in ("expiries", "tenors"):
        for label, years in getattr(market, field).items():
            require(concrete(years, lambda x: x >= 0), f"{field} must be 0 years or more, {label!r} was {years}")
    twice = sorted(set(market.expiries) & set(market.tenors))
    require(not twice, f"expiries and tenors share the labels {twice}: name them apart")
    rows = market.curve
    if rows is not None:
        priced = concrete(rows[:, 1], np.isfinite if signed else lambda p: p > 0)
        above = "" if signed else " > 0"
        require(rows.shape[0] > 0 and priced, f"curve needs rows of (years, price{above})")
        require(concrete(rows[:, 0], lambda t: np.diff(t) > 0), f"curve must have increasing years, was {rows[:, 0]}")


def pairs(given: Iterable[Iterable[str]]) -> tuple[tuple[str, ...], ...]:
    """Pairs of labels, as tuples."""
    return tuple(tuple(pair) for pair in given)


def check_spreads(spreads: tuple[tuple[str, ...], ...], expiries: dict[str, Array]) -> None:
    """Refuse spreads that are not of a fixed contract and one that expires no earlier."""
    for pair in spreads:
        known = len(pair) == 2 and set(pair) <= set(expiries)
        require(known, f"spreads must be pairs (near, far) of the expiries {sorted(expiries)}, had {pair}")
        later = concrete(expiries[pair[1]] - expiries[pair[0]], lambda gap: gap >= 0)
        require(later, f"spreads must name the contract that expires first before the other, had {pair}")


def futures(market: Delivered) -> dict[str, bool]:
    """The futures among the quotes; the spot is none of them, since it cannot be stored for nothing."""
    return {f"{market.name}.future.{label}": False for label in (*market.expiries, *market.tenors)}


class Noise(NamedTuple):
    """A factor that fades at rate ``kappa``, and one that stays if ``long_sigma`` is given; ``pull`` is real drift."""

    kappa: Array
    sigma: Array
    pull: Array
    long_sigma: Array | None = None
    rho: Array | None = None

    @property
    def vols(self) -> tuple[Array | float, ...]:
        return self.sigma, 0.0 if self.long_sigma is None else self.long_sigma, 0.0 if self.rho is None else self.rho

    @property
    def rates(self) -> Float[Array, " factor"]:
        return jnp.stack([self.kappa] if self.long_sigma is None else [self.kappa, jnp.zeros_like(self.kappa)])

    def variance(self, elapsed: Array, left: Array) -> Array:
        return schwartz.integrated_variance(elapsed, left, self.kappa, *self.vols)

    def moves(self, dt: Float[Array, "..."], shocks: Float[Array, "..."]) -> Float[Array, "..."]:
        """What each factor gains over steps of any length, 0 included: their exact joint law."""
        near, apart = schwartz.mean_decay(2.0 * self.kappa * dt), schwartz.mean_decay(self.kappa * dt)
        short = self.sigma * root(dt) * jnp.sqrt(near) * shocks[..., 0]
        if self.long_sigma is None or self.rho is None:
            return (short + self.pull[0] * dt * apart)[..., None]
        rho = self.rho * apart / jnp.sqrt(near)  # of the two gains; they decorrelate as the first one fades
        own = jnp.sqrt(jnp.maximum(1.0 - rho**2, TINY)) * shocks[..., 1]
        long = self.long_sigma * root(dt) * (rho * shocks[..., 0] + own)
        return jnp.stack([short + self.pull[0] * dt * apart, long + self.pull[1] * dt], axis=-1)


def futures_path(
    market: Delivered,
    grid: TimeGrid,
    shocks: Float[Array, "step factor"],
    noise: Noise,
    model: Callable[[Array, Array], Array],
    spreads: tuple[tuple[str, ...], ...] = (),
) -> MarketPath:
    r"""The path of a spot and its futures, all of them today's curve times an exponential martingale.

    :math:`\log F(t,T) = \log F(0,T) + \sum_i e^{-\kappa_i(T-t)}Y_i(t) - \tfrac12 V(t,T-t)`, where :math:`Y_i` are the
    factors from 0, and the spot is :math:`F(t,t)`. ``model(spot, tau)`` is the model's own curve today.
    """
    times = grid.times
    today = today_of(market, times[0], model)
    at = jnp.stack([jnp.zeros_like(market.spot), *market.tenors.values()])  # the spot is the future of no time left
    prices = jnp.exp(_rolling(grid, noise.moves(grid.dt, shocks), noise, at, today))
    vols = schwartz.black_vol(at, 0.0, noise.kappa, *noise.vols)
    labels = [market.name, *(f"{market.name}.future.{label}" for label in market.tenors)]
    quotes = {label: prices[:, n] for n, label in enumerate(labels)}
    quotes |= {f"{label}.vol": vols[n] + jnp.zeros_like(times) for n, label in enumerate(labels)}
    if market.expiries:
        dates = jnp.stack(list(market.expiries.values()))
        prices = jnp.exp(_fixed(grid, shocks, noise, dates, today))
        vols = schwartz.black_vol(dates - times[:, None], 0.0, noise.kappa, *noise.vols)
        for n, label in enumerate(f"{market.name}.future.{label}" for label in market.expiries):
            quotes |= {label: prices[:, n], f"{label}.vol": vols[:, n]}
            labels.append(label)
    quotes |= _spread_quotes(market, times, noise, spreads)
    return accounted(market.rate, times, quotes, labels[1:])


def _spread_quotes(
    market: Delivered, times: Array, noise: Noise, spreads: tuple[tuple[str, ...], ...]
) -> dict[str, Float[Array, " points"]]:
    """What an option on a spread that expires with its near future is priced on: the far one's vol, the correlation."""
    quotes = {}
    for near, far in spreads:
        one, other = (f"{market.name}.future.{label}" for label in (near, far))
        left, gap = jnp.maximum(market.expiries[near] - times, 0.0), market.expiries[far] - market.expiries[near]
        like = schwartz.future_correlation(0.0, gap, noise.kappa, *noise.vols, left)
        vol = schwartz.black_vol(left, gap, noise.kappa, *noise.vols)
        quotes |= {f"{other}.until.{near}.vol": vol, f"{one}.{other}.correlation": like}
    return quotes


def accounted(rate: Array | None, times: Array, quotes: dict[str, Array], labels: list[str]) -> MarketPath:
    """The path of these quotes under the money account of ``rate``; ``labels`` are its futures."""
    if rate is None:
        return MarketPath(times, quotes, jnp.ones_like(times))
    flat = rate + jnp.zeros_like(times)
    # A future needs no money: what it costs to carry is paid back to the holder.
    quotes = quotes | {"rate": flat} | {f"{label}.dividend": flat for label in labels}
    return MarketPath(times, quotes, jnp.exp(rate * (times - times[0])))


def fading(
    grid: TimeGrid, moves: Float[Array, "step factor"], rates: Float[Array, " factor"]
) -> Float[Array, "points factor"]:
    """Factors from 0 that fade at ``rates`` and gain ``moves`` by the end of each step."""
    start = jnp.zeros_like(moves[0])

    def follow(state: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
        after = state * now[0] + now[1]
        return after, after

    _, states = lax.scan(follow, start, (jnp.exp(-rates * grid.dt[:, None]), moves))
    return jnp.concatenate([start[None], states])


def _rolling(
    grid: TimeGrid, moves: Array, noise: Noise, tenors: Array, today: Curve
) -> Float[Array, "points contract"]:
    """Log prices of the futures that have ``tenors`` years left at every point."""
    rates = noise.rates
    states = fading(grid, moves, rates)
    times = grid.times[:, None]
    spread = 0.5 * noise.variance(times - times[0], tenors)
    return today(times + tenors) + states @ jnp.exp(-rates[:, None] * tenors) - spread


def _fixed(
    grid: TimeGrid, shocks: Array, noise: Noise, expiries: Array, today: Curve
) -> Float[Array, "points contract"]:
    """Log prices of the futures that expire at ``expiries``.

    Steps end at the expiry: one between points settles with the shock of its step, and nothing moves after.
    """
    live = jnp.clip(expiries - grid.times[:-1, None], 0.0, grid.dt[:, None])
    left = jnp.maximum(expiries - grid.times[1:, None], 0.0)
    moves = noise.moves(live, shocks[:, None])
    gains = jnp.sum(moves * jnp.exp(-noise.rates * left[..., None]), axis=-1) - 0.5 * noise.variance(live, left)
    return today(expiries) + accumulated(gains)


def today_of(market: Delivered, now: Array, model: Callable[[Array, Array], Array]) -> Curve:
    """The log of the first point's futures curve, as a function of the expiry (years from time 0)."""
    season = market.seasonality or Seasonality()
    spot = market.spot * jnp.exp(-season(now))

    def modelled(expiry: Array) -> Array:
        return season(expiry) + jnp.log(model(spot, jnp.maximum(expiry - now, 0.0)))

    if market.curve is None:
        return modelled
    years, prices = market.curve[:, 0], market.curve[:, 1]
    gaps = jnp.log(prices) - modelled(years)
    return lambda expiry: modelled(expiry) + jnp.interp(expiry, years, gaps)
