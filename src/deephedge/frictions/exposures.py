"""Members of the limits family: Greeks by bucket, gross and net, turnover, margin, named losses, value at risk."""

from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtri
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.core.errors import ProblemError, require
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete, number, optional
from deephedge.frictions.base import checked_rate, per_instrument
from deephedge.frictions.limits import AbstractLimit
from deephedge.frictions.sets import Band, Diamond, Ellipsoid
from deephedge.instruments.base import AbstractContract, AbstractTradable
from deephedge.instruments.book import marked
from deephedge.instruments.sensitivity import along, shifted

BASIS_POINT = 1e-4


class GreekLimit(AbstractLimit):
    r"""A sensitivity of the whole book within ``[least, most]``: :math:`u\,\partial^k V/\partial q^k`.

    The book is the hedge and the liability; ``quote`` is what to differentiate by, ``order`` 1 (delta, vega, a rate's
    or a spread's bucket) or 2 (gamma), ``unit`` :math:`u` the move that the limit is written for (1e-4 for DV01 and
    CS01). Without ``least`` the band is symmetric. ``contract`` stands for the liability where that has no price.
    """

    name: str = eqx.field(static=True)
    quote: str = eqx.field(static=True)
    most: Float[Array, ""] = number()
    least: Float[Array, ""] | None = eqx.field(converter=optional, default=None)
    order: int = eqx.field(static=True, default=1)
    unit: Float[Array, ""] = number(default=1.0)
    contract: AbstractTradable | None = None

    def __check_init__(self):
        require(concrete(self.most, lambda x: x >= 0), f"{self.name}: most must be 0 or more, was {self.most}")
        below = self.least is None or concrete(self.least, lambda x: x <= 0)
        require(below, f"{self.name}: least must be 0 or less, was {self.least}; a desk without positions keeps limits")
        require(self.order in (1, 2), f"{self.name}: order must be 1 or 2, was {self.order}", ProblemError)

    def measure(self, path: MarketPath, instruments: tuple[AbstractTradable, ...], liability: AbstractContract) -> Band:
        held = [along(each, path, self.quote, self.order) for each in instruments]
        owed = along(marked(liability, self.contract), path, self.quote, self.order)
        most = jnp.broadcast_to(self.most, owed.shape)
        least = -most if self.least is None else jnp.broadcast_to(self.least, owed.shape)
        return Band(self.unit * jnp.stack(held, axis=-1), self.unit * owed, least, most)


def delta_limit(quote: str, most: ArrayLike, least: ArrayLike | None = None, **more: Any) -> GreekLimit:
    """A band on the delta to ``quote``, in units of it; ``more`` as `GreekLimit` takes it."""
    return GreekLimit(f"delta {quote}", quote, most, least, **more)


def gamma_limit(quote: str, most: ArrayLike, least: ArrayLike | None = None, **more: Any) -> GreekLimit:
    """A band on the gamma to ``quote``: units of it for each unit of cash that it moves."""
    return GreekLimit(f"gamma {quote}", quote, most, least, order=2, **more)


def vega_limit(quote: str, most: ArrayLike, least: ArrayLike | None = None, **more: Any) -> GreekLimit:
    """A band on the cash that a move of the quoted volatility by 1 (100 points) makes."""
    return GreekLimit(f"vega {quote}", quote, most, least, **more)


def dv01_limit(quote: str, most: ArrayLike, least: ArrayLike | None = None, **more: Any) -> GreekLimit:
    """A band on the cash that a basis point of one quoted rate makes: name one limit for each bucket."""
    return GreekLimit(f"DV01 {quote}", quote, most, least, unit=BASIS_POINT, **more)


def cs01_limit(quote: str, most: ArrayLike, least: ArrayLike | None = None, **more: Any) -> GreekLimit:
    """A band on the cash that a basis point of one quoted credit spread or intensity makes."""
    return GreekLimit(f"CS01 {quote}", quote, most, least, unit=BASIS_POINT, **more)


class NetLimit(AbstractLimit):
    r"""The hedge's net value: :math:`|\sum_i\delta_iP_i|` of at most ``most`` (cash)."""

    most: Float[Array, ""] = number()
    name: str = eqx.field(static=True, default="net")

    def __check_init__(self):
        checked_rate("most", self.most, "cash")

    def measure(self, path: MarketPath, instruments: tuple[AbstractTradable, ...], liability: AbstractContract) -> Band:
        price = _prices(path, instruments)
        most = jnp.broadcast_to(self.most, price.shape[:1])
        return Band(price, jnp.zeros_like(most), -most, most)


class GrossLimit(AbstractLimit):
    r"""The hedge's gross value: :math:`\sum_i m_i|\delta_iP_i|` of at most ``most`` (cash).

    ``share`` :math:`m` weighs the instruments, 1 for all if not given; with the shares of value that an exchange or a
    counterparty wants posted it is a limit on initial margin.
    """

    most: Float[Array, ""] = number()
    share: Float[Array, "*instrument"] = eqx.field(converter=as_float, default=1.0)
    name: str = eqx.field(static=True, default="gross")

    def __check_init__(self):
        checked_rate("most", self.most, "cash")
        checked_rate("share", self.share, "of the value of a position")

    def measure(
        self, path: MarketPath, instruments: tuple[AbstractTradable, ...], liability: AbstractContract
    ) -> Diamond:
        price = jnp.abs(_prices(path, instruments))
        weight = price * per_instrument("share", self.share, price[0])
        return Diamond(weight, jnp.broadcast_to(self.most, price.shape[:1]))


def margin_limit(most: ArrayLike, share: Any) -> GrossLimit:
    """Initial margin of at most ``most`` (cash), ``share`` of the value of each position."""
    return GrossLimit(most, share, "margin")


class TurnoverLimit(AbstractLimit):
    r"""What is traded at one point: :math:`\sum_i|n_iP_i|` of at most ``most`` (cash)."""

    most: Float[Array, ""] = number()
    name: str = eqx.field(static=True, default="turnover")

    def __check_init__(self):
        checked_rate("most", self.most, "cash")

    def measure(
        self, path: MarketPath, instruments: tuple[AbstractTradable, ...], liability: AbstractContract
    ) -> Diamond:
        price = jnp.abs(_prices(path, instruments))
        return Diamond(price, jnp.broadcast_to(self.most, price.shape[:1]), moving=True)


class ScenarioLimit(AbstractLimit):
    """The loss of hedge and liability in a named scenario, revalued in full, of at most ``most`` (cash).

    ``factors`` multiply quotes by name and ``shifts`` add to them: ``ScenarioLimit("crash", 1e6, {"SPX": 0.8},
    {"SPX.vol": 0.15})``. It strikes at each point as it is; ``contract`` stands for a liability without a price.
    """

    name: str = eqx.field(static=True)
    most: Float[Array, ""]
    factors: dict[str, Float[Array, ""]]
    shifts: dict[str, Float[Array, ""]]
    contract: AbstractTradable | None

    def __init__(
        self,
        name: str,
        most: ArrayLike,
        factors: Mapping[str, ArrayLike] | None = None,
        shifts: Mapping[str, ArrayLike] | None = None,
        contract: AbstractTradable | None = None,
    ):
        self.name, self.most, self.contract = name, checked_rate("most", as_float(most), "cash"), contract
        self.factors = {quote: as_float(x) for quote, x in (factors or {}).items()}
        self.shifts = {quote: as_float(x) for quote, x in (shifts or {}).items()}
        require(bool(self.factors or self.shifts), f"scenario {name!r} moves no quote: name factors or shifts")

    def measure(self, path: MarketPath, instruments: tuple[AbstractTradable, ...], liability: AbstractContract) -> Band:
        moved = {quote: path.quote(quote) * factor for quote, factor in self.factors.items()}
        for quote, shift in self.shifts.items():
            moved[quote] = moved.get(quote, path.quote(quote)) + shift
        gains = [shifted(each, path, moved) - each.price(path) for each in instruments]
        book = marked(liability, self.contract)
        own = shifted(book, path, moved) - book.price(path)
        most = jnp.broadcast_to(self.most, own.shape)
        return Band(jnp.stack(gains, axis=-1), own, -most, jnp.full_like(most, jnp.inf))


class ValueAtRisk(AbstractLimit):
    r"""Value at risk of hedge and liability by the delta-normal method, of at most ``most`` (cash).

    :math:`z\,\sqrt{e^\top C e}` with :math:`e_f = \sigma_f\sqrt h\,q_f\,\partial V/\partial q_f` over the ``quotes``:
    ``vols`` are yearly relative volatilities (numbers, or names of quotes of them), ``correlation`` their matrix (1 on
    the diagonal; none: independent), ``level`` the confidence and ``horizon`` in years (one trading day if not given).
    """

    most: Float[Array, ""]
    quotes: tuple[str, ...] = eqx.field(static=True, converter=tuple)
    vols: tuple[Any, ...]
    correlation: Float[Array, "factor factor"]
    level: Float[Array, ""]
    horizon: Float[Array, ""]
    contract: AbstractTradable | None
    name: str = eqx.field(static=True)

    def __init__(
        self,
        most: ArrayLike,
        quotes: Sequence[str],
        vols: Sequence[Any],
        correlation: Any = None,
        level: ArrayLike = 0.99,
        horizon: ArrayLike = 1 / 252,
        contract: AbstractTradable | None = None,
        name: str = "value at risk",
    ):
        self.most, self.quotes, self.name = checked_rate("most", as_float(most), "cash"), tuple(quotes), name
        require(len(self.quotes) == len(vols) > 0, "value at risk needs one volatility for each quote", ProblemError)
        self.vols = tuple(_Vol(each, None) if isinstance(each, str) else _Vol(None, as_float(each)) for each in vols)
        matrix = np.eye(len(self.quotes)) if correlation is None else correlation
        self.correlation, self.contract = as_float(matrix), contract
        self.level, self.horizon = as_float(level), as_float(horizon)
        require(concrete(self.level, lambda x: (x > 0.5) & (x < 1)), f"level must be within (0.5, 1), was {level}")
        require(concrete(self.horizon, lambda x: x > 0), f"horizon must be positive (years), was {horizon}")
        square = self.correlation.shape == (len(self.quotes),) * 2
        sound = square and concrete(self.correlation, lambda m: np.linalg.eigvalsh(m).min() > -1e-6)
        require(sound, "correlation must be a positive semi-definite matrix with one row for each quote", ProblemError)

    def measure(
        self, path: MarketPath, instruments: tuple[AbstractTradable, ...], liability: AbstractContract
    ) -> Ellipsoid:
        everything = (*instruments, marked(liability, self.contract))
        rows = []
        for quote, vol in zip(self.quotes, self.vols, strict=True):
            move = vol(path) * jnp.sqrt(self.horizon) * path.quote(quote)
            rows.append(move[:, None] * jnp.stack([along(each, path, quote) for each in everything], axis=-1))
        # With C = R'R the root of e'Ce is the length of Re: risks that add in squares.
        squares, axes = jnp.linalg.eigh(self.correlation)
        root = (axes * jnp.sqrt(jnp.maximum(squares, 0.0))).T
        risks = jnp.einsum("gf,fpi->pgi", root, jnp.stack(rows))
        radius = jnp.broadcast_to(self.most / ndtri(self.level), risks.shape[:1])
        return jax.vmap(Ellipsoid.of)(risks[:, :, :-1], risks[:, :, -1], radius)


class _Vol(eqx.Module):
    quote: str | None = eqx.field(static=True)
    value: Float[Array, ""] | None

    def __call__(self, path: MarketPath) -> Float[Array, "*points"]:
        return self.value if self.quote is None else path.quote(self.quote)  # pyright: ignore


def _prices(path: MarketPath, instruments: tuple[AbstractTradable, ...]) -> Float[Array, "points instrument"]:
    return jnp.stack([each.price(path) for each in instruments], axis=-1)
