"""Limits on what a desk may be exposed to, as a projection: the nearest position that keeps them all."""

from abc import abstractmethod
from itertools import combinations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jaxtyping import Array, Float, PyTree

from deephedge.core.errors import ProblemError, require
from deephedge.core.paths import MarketPath
from deephedge.frictions.base import AbstractConstraint
from deephedge.frictions.constraints import Box
from deephedge.frictions.interior import inside
from deephedge.frictions.sets import AbstractSet
from deephedge.instruments.base import AbstractContract, AbstractTradable

INSIDE = 1e-3  # of a limit: how far inside of it projections aim, so that rounding does not carry them over it


class AbstractLimit(eqx.Module):
    """A named limit: at each point of a path a convex set of positions."""

    name: eqx.AbstractVar[str]

    @abstractmethod
    def measure(
        self, path: MarketPath, instruments: tuple[AbstractTradable, ...], liability: AbstractContract
    ) -> AbstractSet:
        """The set at each point, points leading."""


class Limits(AbstractConstraint):
    r"""The position nearest to what is wanted that keeps a box and every one of ``limits``.

    Nearest in units of the instruments, by Dykstra's alternating projections on sets a thousandth inside of the limits
    (``sweeps`` rounds of them), and then drawn back along a straight line towards a point known to be inside, until
    everything is kept: convexity says how far without a search. Such a point is the position held, where that keeps
    the limits, or what an interior-point method finds. Derivatives are those of the projection. Where nothing
    keeps all limits the box is kept, and the rest broken as little as was found: `usage` says so, and `check` names
    the limits that exclude each other.

    Source: Boyle and Dykstra (1986).

    >>> import deephedge as dh, jax.numpy as jnp
    >>> net = dh.frictions.NetLimit(100.0)
    >>> path = dh.MarketPath(jnp.zeros(1), {"A": jnp.full(1, 100.0)}, jnp.ones(1))
    >>> limits = dh.frictions.Limits((net,))
    >>> known = limits.measure(path, (dh.instruments.Spot("A"),), dh.instruments.Nothing())
    >>> first = limits.at([each.at(0) for each in known])
    >>> round(float(first(jnp.array([3.0]), jnp.array([0.0]))[0]), 2)
    1.0
    """

    limits: tuple[AbstractLimit, ...] = eqx.field(converter=tuple)
    box: Box = Box()
    sweeps: int = eqx.field(static=True, default=30)
    sets: tuple[AbstractSet, ...] | None = None

    def __check_init__(self):
        wrong = [type(each).__name__ for each in self.limits if not isinstance(each, AbstractLimit)]
        require(len(self.limits) > 0 and not wrong, f"Limits needs limits, got {wrong or 'none'}", ProblemError)
        names = [each.name for each in self.limits]
        twice = sorted({name for name in names if names.count(name) > 1})
        require(not twice, f"two limits are called {twice}; give one of them another name", ProblemError)
        require(self.sweeps >= 1, f"sweeps must be 1 or more, was {self.sweeps}", ProblemError)

    def measure(
        self, path: MarketPath, instruments: tuple[AbstractTradable, ...], liability: AbstractContract
    ) -> tuple[AbstractSet, ...]:
        return tuple(each.measure(path, instruments, liability) for each in self.limits)

    def at(self, known: PyTree) -> "Limits":
        return Limits(self.limits, self.box, self.sweeps, None if known is None else tuple(known))

    def usage(
        self, position: Float[Array, " instrument"], before: Float[Array, " instrument"]
    ) -> Float[Array, " limit"]:
        return jnp.stack([each.usage(position, before) for each in self._known()])

    def __call__(
        self, target: Float[Array, " instrument"], position: Float[Array, " instrument"]
    ) -> Float[Array, " instrument"]:
        near = self._dykstra([each.tightened(INSIDE) for each in self._known()], target, position)
        # Only where to stand matters from here on, not how it was found: no derivatives.
        stand = inside(self._known(), self.box, *lax.stop_gradient((near, position)))
        return self._drawn(near, stand, position)

    def check(self, path: MarketPath, instruments: tuple[AbstractTradable, ...], liability: AbstractContract) -> None:
        """Raise ``ProblemError`` where no position keeps all limits at a point of ``path``, naming those that collide.

        What may be traded at once (the box's ``trade``, a turnover limit) is left out: it asks where one comes from.
        """
        if any(isinstance(x, Tracer) for x in jax.tree.leaves((self, path))):
            return
        count, sets = len(instruments), eqx.filter_jit(type(self).measure)(self, path, instruments, liability)
        broken = np.asarray(_least(self, sets, count)) > 1.0 + INSIDE
        if broken.any():
            point = int(np.argmax(broken))
            names = " and ".join(repr(name) for name in self._collide([each.at(point) for each in sets], count))
            raise ProblemError(
                f"no position keeps all limits {float(path.times[point]):.6g} years into the path: {names} exclude "
                "each other; widen one of them, or give the desk an instrument that moves it"
            )

    def _collide(self, sets: list[AbstractSet], count: int) -> tuple[str, ...]:
        """The names of the smallest number of limits, the box among them, that nothing keeps at one point."""
        free = Box()
        for size in range(1, len(sets) + 1):
            for chosen in combinations(range(len(sets)), size):
                row = [jax.tree.map(lambda x: x[None], sets[n]) for n in chosen]
                names = tuple(self.limits[n].name for n in chosen)
                for box, called in ((free, names), (self.box, (*names, "box"))):
                    some = Limits(tuple(self.limits[n] for n in chosen), box, self.sweeps)
                    if float(_least(some, tuple(row), count)[0]) > 1.0 + INSIDE:
                        return called
        return (*(each.name for each in self.limits), "box")

    def _known(self) -> tuple[AbstractSet, ...]:
        message = "limits depend on the market: they are known where `measure` was asked, along a path"
        require(self.sets is not None, message, ProblemError)
        return self.sets  # pyright: ignore

    def _dykstra(
        self, sets: list[AbstractSet], target: Float[Array, " instrument"], position: Float[Array, " instrument"]
    ) -> Float[Array, " instrument"]:
        def sweep(carried: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], None]:
            x, corrections = carried
            rows = []
            for n, correction in enumerate(corrections):
                moved = x + correction
                x = self.box(moved, position) if n == 0 else sets[n - 1].project(moved, position)
                rows.append(moved - x)
            return (x, jnp.stack(rows)), None

        start = (target, jnp.zeros((len(sets) + 1, *target.shape), target.dtype))
        (x, _), _ = lax.scan(jax.checkpoint(sweep, prevent_cse=False), start, None, length=self.sweeps)
        return self.box(x, position)

    def _drawn(
        self,
        x: Float[Array, " instrument"],
        anchor: Float[Array, " instrument"],
        before: Float[Array, " instrument"],
    ) -> Float[Array, " instrument"]:
        """The point nearest to ``x`` on the way to ``anchor`` that convexity shows to keep every limit it keeps."""
        here, there = self.usage(x, before), self.usage(anchor, before)
        # A usage is known to the rounding of its terms, which may be far larger than what they come to.
        slope = jax.jacfwd(lambda at: self.usage(at, before))(lax.stop_gradient(x))
        noise = 8 * jnp.finfo(x.dtype).eps * (jnp.abs(slope) @ (jnp.abs(x) + jnp.abs(before)))
        goal = lax.stop_gradient(jnp.maximum(1.0 - INSIDE / 2 - noise, there))
        broken = here > goal
        kept = jnp.where(broken, (goal - there) / jnp.where(broken, jnp.maximum(here - there, 1e-30), 1.0), 1.0)
        kept = lax.stop_gradient(jnp.clip(jnp.min(kept), 0.0, 1.0))
        return jnp.where(kept < 1.0, anchor + kept * (x - anchor), x)


@eqx.filter_jit
def _least(limits: Limits, sets: tuple[AbstractSet, ...], count: int) -> Float[Array, " points"]:
    """The worst usage, at each point, of the position that keeps limits best, where trades are free."""

    def at(sets: tuple[AbstractSet, ...]) -> Float[Array, ""]:
        # A limit on trades moves along.
        x = lax.fori_loop(0, 8, lambda _, x: inside(sets, limits.box, x, x), jnp.zeros(count))
        return jnp.max(limits.at(sets).usage(x, x))

    return jax.vmap(at)(sets)
