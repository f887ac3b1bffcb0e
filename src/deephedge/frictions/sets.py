"""Convex sets of positions that one can project on: bands, weighted boxes of absolute values, ellipsoids."""

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from deephedge.core import linear
from deephedge.frictions.base import size


class AbstractSet(eqx.Module):
    """A closed convex set of positions with a gauge: ``usage`` is convex and at most 1 inside."""

    @abstractmethod
    def usage(self, x: Float[Array, " instrument"], before: Float[Array, " instrument"]) -> Float[Array, ""]:
        """The share of the limit that ``x`` uses, coming from ``before``."""

    @abstractmethod
    def slacks(
        self,
        x: Float[Array, " instrument"],
        lifted: Float[Array, " instrument"],
        most: Float[Array, ""],
        before: Float[Array, " instrument"],
    ) -> Float[Array, " slack"]:
        """Positive where ``x`` uses less than ``most``: smooth in all, with ``lifted`` above the absolute values."""

    @abstractmethod
    def project(
        self, x: Float[Array, " instrument"], before: Float[Array, " instrument"]
    ) -> Float[Array, " instrument"]:
        """The point of the set nearest to ``x``."""

    @abstractmethod
    def tightened(self, share: float) -> "AbstractSet":
        """The same set with its limit smaller by ``share`` of it."""

    def at(self, point: int) -> "AbstractSet":
        """The set at one point of a path, where points lead."""
        return jax.tree.map(lambda x: x[point], self)


class Band(AbstractSet):
    r""":math:`l \le a\cdot x + b \le u` with :math:`l \le 0 \le u`; either may be infinite."""

    slope: Float[Array, "*point instrument"]
    offset: Float[Array, "*point"]
    lower: Float[Array, "*point"]
    upper: Float[Array, "*point"]

    def usage(self, x: Float[Array, " instrument"], before: Float[Array, " instrument"]) -> Float[Array, ""]:
        value = self.slope @ x + self.offset
        return jnp.maximum(_share(value, self.upper), _share(-value, -self.lower))

    def slacks(
        self,
        x: Float[Array, " instrument"],
        lifted: Float[Array, " instrument"],
        most: Float[Array, ""],
        before: Float[Array, " instrument"],
    ) -> Float[Array, " slack"]:
        value = self.slope @ x + self.offset
        sides = ((value, self.upper), (-value, -self.lower))
        return jnp.stack([_free(most * _finite(limit) - used, limit) for used, limit in sides])

    def project(
        self, x: Float[Array, " instrument"], before: Float[Array, " instrument"]
    ) -> Float[Array, " instrument"]:
        value, norm = self.slope @ x + self.offset, self.slope @ self.slope
        away = value - jnp.clip(value, self.lower, self.upper)
        return x - self.slope * jnp.where(norm > 0, away / jnp.where(norm > 0, norm, 1.0), 0.0)

    def tightened(self, share: float) -> "Band":
        return Band(self.slope, self.offset, self.lower * (1 - share), self.upper * (1 - share))


class Diamond(AbstractSet):
    r""":math:`\sum_i w_i|x_i - c_i| \le r`: around 0, or with ``moving`` around the position held before."""

    weight: Float[Array, "*point instrument"]
    radius: Float[Array, "*point"]
    moving: bool = eqx.field(static=True, default=False)

    def away(self, x: Float[Array, " instrument"], before: Float[Array, " instrument"]) -> Float[Array, " instrument"]:
        """The way from the centre to ``x``."""
        return x - before if self.moving else x

    def used(self, sizes: Float[Array, " instrument"]) -> Float[Array, ""]:
        """The share of the limit that coordinates of these sizes use."""
        return _share(jnp.sum(self.weight * sizes), self.radius)

    def reach(self) -> Float[Array, " instrument"]:
        """The size that one coordinate may have alone, where that is limited."""
        heavy = (self.weight > 0) & jnp.isfinite(self.radius)
        return jnp.where(heavy, self.radius / jnp.where(heavy, self.weight, 1.0), 1.0)

    def usage(self, x: Float[Array, " instrument"], before: Float[Array, " instrument"]) -> Float[Array, ""]:
        return self.used(size(self.away(x, before)))

    def slacks(
        self,
        x: Float[Array, " instrument"],
        lifted: Float[Array, " instrument"],
        most: Float[Array, ""],
        before: Float[Array, " instrument"],
    ) -> Float[Array, " slack"]:
        away = self.away(x, before)
        whole = _free(most * _finite(self.radius) - jnp.sum(self.weight * lifted), self.radius)
        return jnp.concatenate([lifted - away, lifted + away, whole[None]])

    def project(
        self, x: Float[Array, " instrument"], before: Float[Array, " instrument"]
    ) -> Float[Array, " instrument"]:
        r"""Shrinks each coordinate by :math:`\theta w_i`, the smallest :math:`\theta` that does: found among kinks.

        Source: Held, Wolfe, Crowder (1974).
        """
        away = self.away(x, before)
        long, weight = jnp.abs(away), self.weight
        # Beyond theta = long / weight a coordinate is 0; at each such kink, how much is left of the rest?
        kink = jnp.where(weight > 0, long / jnp.where(weight > 0, weight, 1.0), jnp.inf)
        order = jnp.argsort(-jnp.where(jnp.isfinite(kink), kink, -1.0))
        mass, square = jnp.cumsum((weight * long)[order]), jnp.cumsum((weight**2)[order])
        theta = (mass - self.radius) / jnp.where(square > 0, square, 1.0)
        alive = (weight[order] > 0) & (kink[order] > theta)
        last = jnp.maximum(jnp.sum(alive) - 1, 0)
        inside = jnp.sum(weight * long) <= self.radius
        shrunk = jnp.sign(away) * jnp.maximum(long - jnp.where(inside, 0.0, theta[last]) * weight, 0.0)
        return x - away + shrunk

    def tightened(self, share: float) -> "Diamond":
        return Diamond(self.weight, self.radius * (1 - share), self.moving)


class Ellipsoid(AbstractSet):
    r""":math:`\lVert M x + c\rVert \le r`, from the spectrum of :math:`M^\top M`, in its axes and around its centre.

    ``axes`` (columns) and ``squares`` are eigenvectors and eigenvalues, ``centre`` is the position of least norm,
    ``rest`` the square of the norm there.
    """

    axes: Float[Array, "*point instrument instrument"]
    squares: Float[Array, "*point instrument"]
    centre: Float[Array, "*point instrument"]
    rest: Float[Array, "*point"]
    radius: Float[Array, "*point"]

    @classmethod
    def of(
        cls,
        matrix: Float[Array, "factor instrument"],
        offset: Float[Array, " factor"],
        radius: Float[Array, ""],
    ) -> "Ellipsoid":
        """The set at one point: ``matrix`` turns positions into risks that add in squares to those of ``offset``."""
        squares, axes = linear.spectrum(lax.stop_gradient(matrix.T @ matrix))
        squares = jnp.maximum(squares, 0.0)
        seen = squares > 1e-6 * jnp.max(squares)
        pull = axes.T @ (matrix.T @ offset)
        centre = -axes @ jnp.where(seen, pull / jnp.where(seen, squares, 1.0), 0.0)
        found = (axes, jnp.where(seen, squares, 0.0), centre, jnp.sum((matrix @ centre + offset) ** 2), radius)
        return cls(*(lax.stop_gradient(x) for x in found))

    def usage(self, x: Float[Array, " instrument"], before: Float[Array, " instrument"]) -> Float[Array, ""]:
        square = jnp.sum(self.squares * (self.axes.T @ (x - self.centre)) ** 2) + self.rest
        positive = square > 0
        return _share(jnp.where(positive, jnp.sqrt(jnp.where(positive, square, 1.0)), 0.0), self.radius)

    def slacks(
        self,
        x: Float[Array, " instrument"],
        lifted: Float[Array, " instrument"],
        most: Float[Array, ""],
        before: Float[Array, " instrument"],
    ) -> Float[Array, " slack"]:
        square = jnp.sum(self.squares * (self.axes.T @ (x - self.centre)) ** 2) + self.rest
        # most * radius - norm, times most * radius + norm: the barrier of a cone
        return _free((most * _finite(self.radius)) ** 2 - square, self.radius)[None]

    def project(
        self, x: Float[Array, " instrument"], before: Float[Array, " instrument"]
    ) -> Float[Array, " instrument"]:
        r"""In the axes :math:`y_i/(1+\lambda s_i)`, the multiplier by Newton's method on the inverse of the norm.

        What cannot be kept even at the centre is taken there. Source: Moré and Sorensen (1983).
        """
        y = self.axes.T @ (x - self.centre)
        room = jnp.maximum(self.radius**2 - self.rest, 1e-12 * (1.0 + self.radius**2))

        def newton(multiplier: Array, y: Array) -> Array:
            damp = 1.0 / (1.0 + multiplier * self.squares)
            held = self.squares * (y * damp) ** 2
            norm, slope = jnp.sum(held), 2.0 * jnp.sum(held * self.squares * damp)
            outside = norm > room
            step = 2.0 * norm / jnp.where(outside, slope, 1.0) * (jnp.sqrt(jnp.where(outside, norm, room) / room) - 1.0)
            return multiplier + jnp.where(outside, step, 0.0)

        still = lax.stop_gradient(y)
        # From 0 the steps approach the root from the left and never pass it: eight of them reach rounding.
        found = lax.fori_loop(0, 8, lambda _, m: newton(m, still), jnp.zeros((), y.dtype))
        multiplier = newton(lax.stop_gradient(found), y)  # one more step carries the derivative of the root
        return self.centre + self.axes @ (y / (1.0 + multiplier * self.squares))

    def tightened(self, share: float) -> "Ellipsoid":
        return eqx.tree_at(lambda e: e.radius, self, self.radius * (1 - share))


def _share(value: Float[Array, ""], limit: Float[Array, ""]) -> Float[Array, ""]:
    """How much of a limit is used; of a limit of 0 nothing, or far too much."""
    used = value / jnp.where((limit > 0) & jnp.isfinite(limit), limit, 1.0)
    nothing = jnp.where(value > 1e-6, 1e6 * value, 0.0)
    return jnp.where(limit > 0, jnp.where(jnp.isfinite(limit), used, 0.0), nothing)


def _finite(limit: Float[Array, ""]) -> Float[Array, ""]:
    """A limit to compute with: infinity times a derivative of 0 is no number."""
    return jnp.where(jnp.isfinite(limit), limit, 0.0)


def _free(slack: Float[Array, ""], limit: Float[Array, ""]) -> Float[Array, ""]:
    """What a limit leaves, relative to it; a limit that is infinite leaves what does not vary."""
    return jnp.where(jnp.isfinite(limit), slack / jnp.where(jnp.isfinite(limit) & (limit > 0), limit, 1.0), 1.0)
