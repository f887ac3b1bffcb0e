"""Any market with parameters that are known only so well: each path has its own."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from itertools import product
from typing import Any

import equinox as eqx
import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from deephedge.core.errors import DeephedgeError, ParameterError, nearest, require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float
from deephedge.markets.base import AbstractMarket
from deephedge.markets.mixture import shared_drivers
from deephedge.markets.spread import AbstractSpread

WIDEST = 6.0  # standard deviations: normals beyond (one in a billion) count as this, and checks go up to here
CORNERS = 6  # parameters whose extremes are checked together; of more, one by one

Asked = Mapping[tuple[str, str], float] | Sequence[Sequence[str | float]]


class UncertainParameters(AbstractMarket):
    r"""``market`` with a fresh draw of some parameters for each path: :math:`\theta \sim` ``spread``, then
    the path under :math:`\theta`, which stays the same along it.

    ``spread`` maps fields of ``market`` to laws (`Normal`, `LogNormal`, `Uniform`, `LogitNormal`, `Empirical`); inside
    a wrapper a dotted name (``"market.vol"``). A field of several numbers (``vol`` of two assets) takes the drawn one
    for all. ``correlation`` maps pairs of them to correlations of the normals behind (a Gaussian copula), or
    is rows of (name, name, number). The drawn value takes the place of what the field says.

    Expectations are averages over the law, :math:`E f = \int E_\theta f\,p(\theta)\,d\theta`. Where ``market`` is a
    martingale under every :math:`\theta` so is this, given the past: what is seen only moves the odds of
    :math:`\theta`. No quote tells :math:`\theta` but for what the market itself quotes: ``"<name>.vol"`` of
    Black-Scholes *is* a parameter. ``believed`` names quotes to take from ``market`` as it was given instead, made of
    the same normals: what a desk reads that believes in those parameters.

    One more factor for each parameter, behind those of ``market``, read in row 0. Exact where ``market`` is. Fields
    that a constructor worked out from others (the factor of a `Joint`) do not follow.

    Raises ``ParameterError`` for a field that the market lacks (with the nearest), that is no number or was left out;
    for correlations that do not exist together; and, naming the value, for a law that reaches what the market
    refuses (all corners up to 6 standard deviations out are tried).

    >>> import deephedge as dh, jax
    >>> market = dh.markets.BlackScholes("SPX", vol=0.2)
    >>> unsure = UncertainParameters(market, {"vol": dh.markets.LogNormal(0.2, 0.3)})
    >>> grid = dh.TimeGrid.uniform(maturity=1.0, steps=4)
    >>> len(set(dh.sample(unsure, grid, 8, key=jax.random.key(0)).quotes["SPX.vol"][:, 0].tolist()))
    8
    """

    market: AbstractMarket
    names: tuple[str, ...] = eqx.field(static=True)
    laws: tuple[AbstractSpread, ...]
    factor: Float[Array, "parameter parameter"]
    believed: tuple[str, ...] = eqx.field(static=True)

    def __init__(
        self,
        market: AbstractMarket,
        spread: Mapping[str, AbstractSpread],
        correlation: Asked = (),
        believed: Sequence[str] = (),
    ):
        require(len(spread) > 0, "spread must name one parameter or more, named none")
        # Names in a field of their own: JAX sorts the keys of a dictionary, and a factor belongs to each.
        self.market, self.names, self.laws = market, tuple(spread), tuple(spread.values())
        self.believed = tuple(believed)
        self.factor = as_float(_factor(self.names, correlation))

    def __check_init__(self):
        for name in self.names:
            _field(self.market, name)
        dealt = sorted(set(self.believed) & set(self.market.tradables()))
        require(not dealt, f"believed must not name a price that one deals at, named {dealt}")
        for drawn in self._extremes():
            self._refused(drawn, _check)

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        rows, columns = self.market.shocks(grid)
        for drawn in self._extremes():
            self._refused(drawn, lambda market: market.shocks(grid))
        return max(rows, 1), columns + len(self.names)

    @property
    def martingale(self) -> bool:
        return self.market.martingale

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        """Those of ``market`` that are the same whatever is drawn."""
        ends = [self._replaced(jnp.full(len(self.names), z)) for z in (-1.0, 1.0)]
        return shared_drivers([market.drivers() for market in (self.market, *ends)], extra=len(self.names))

    def tradables(self) -> dict[str, bool]:
        return self.market.tradables()

    def drawn(self, shocks: Float[Array, "step factor"]) -> AbstractMarket:
        """The market that these normals draw."""
        return self._replaced(self.factor @ shocks[0, -len(self.names) :])

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        rows, columns = self.market.shocks(grid)
        own = shocks[:rows, :columns]
        path = self.drawn(shocks).path(grid, own)
        if not self.believed:
            return path
        as_given = self.market.path(grid, own)
        return path.with_quotes({name: as_given.quote(name) for name in self.believed})

    def _replaced(self, normals: Float[Array, " parameter"]) -> Any:
        kept = jnp.clip(normals, -WIDEST, WIDEST)
        values = [law(z) for law, z in zip(self.laws, kept, strict=True)]
        fields = [_field(self.market, name) for name in self.names]
        wide = [jnp.broadcast_to(value, old.shape) for value, old in zip(values, fields, strict=True)]
        return eqx.tree_at(lambda market: [_held(market, name) for name in self.names], self.market, wide)

    def _extremes(self) -> Iterator[Any]:
        """The market at the ends of the laws: its own checks see them here, for they do not run inside a program."""
        if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves((self.market, self.laws))):
            return
        count = len(self.names)
        signs = product((-1.0, 1.0), repeat=count) if count <= CORNERS else np.vstack([np.eye(count), -np.eye(count)])
        for corner in signs:
            yield self._replaced(WIDEST * as_float(corner))

    def _refused(self, drawn: Any, check: Callable[[Any], Any]) -> None:
        """Say which values it is that ``check`` raises an error for."""
        try:
            check(drawn)
        except DeephedgeError as error:
            reached = {name: np.asarray(_field(drawn, name), float).round(6).tolist() for name in self.names}
            raise ParameterError(f"spread reaches {reached}, which the market refuses: {error}") from error


def _check(module: eqx.Module) -> None:
    """Run the checks of constructors, of inner modules first."""
    for leaf in jax.tree.leaves(module, is_leaf=lambda x: x is not module and isinstance(x, eqx.Module)):
        if isinstance(leaf, eqx.Module):
            _check(leaf)
    for kind in type(module).__mro__:
        if "__check_init__" in vars(kind):
            vars(kind)["__check_init__"](module)


def _field(market: Any, name: str) -> Any:
    """The number that ``name`` stands for; refuses what is none."""
    value = _held(market, name)
    varied = eqx.is_inexact_array(value)
    require(varied, f"spread cannot vary {name!r}: it must be a number that the market was given, was {value!r}")
    return value


def _held(market: Any, name: str) -> Any:
    return reduce(_attribute, name.split("."), market)


def _attribute(owner: Any, name: str) -> Any:
    if isinstance(owner, tuple) and name.isdecimal() and int(name) < len(owner):
        return owner[int(name)]
    fields = [field.name for field in dataclasses.fields(owner)] if isinstance(owner, eqx.Module) else []
    require(name in fields, f"spread: {type(owner).__name__} has no parameter {name!r}, {nearest(name, fields)}")
    return getattr(owner, name)


def _factor(names: tuple[str, ...], correlation: Asked) -> np.ndarray:
    pairs = correlation.items() if isinstance(correlation, Mapping) else (((a, b), x) for a, b, x in correlation)
    matrix = np.eye(len(names))
    for (first, second), value in pairs:
        for name in (first, second):
            require(name in names, f"correlation: spread has no parameter {name!r}, {nearest(str(name), names)}")
        require(first != second, f"correlation of {first!r} with itself is 1, it must not be named")
        here, there = names.index(str(first)), names.index(str(second))
        matrix[here, there] = matrix[there, here] = float(value)
    require(
        bool(np.abs(matrix).max() <= 1.0 and np.linalg.eigvalsh(matrix)[0] > 1e-6),
        f"correlation must be positive definite, was {matrix.tolist()} for {names}; lower its entries",
    )
    return np.linalg.cholesky(matrix)
