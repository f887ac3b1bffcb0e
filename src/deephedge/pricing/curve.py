r"""Today's curve between its quotes: discount factors that are met exactly, forward rates that do not jump.

A curve is ``years`` (increasing, above 0) and ``yields`` (continuously compounded zero yields per year). We interpolate
:math:`L(t)=-\log P_0(t)`, with :math:`L(0)=0`, by cubics whose slope at a quote is that of the parabola through it and
its neighbours: the quadratic forwards of Hagan and West (2006) before their adjustments for positivity, which negative
rates do not want, and with the parabola's own slope at the ends. So :math:`P_0` is met at every quote; the
instantaneous forward :math:`f_0=L'` exists everywhere and is continuous (linear yields or log discounts make it jump,
and with it the short rate of Hull and White); and a quote moves the curve only nearby (a spline would carry it
everywhere). Beyond the last quote the forward stays what it is there.
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float


@jax.jit  # a bond asks for it once a use: so it is traced once for each number of dates
def log_discount(years: ArrayLike, yields: ArrayLike, t: ArrayLike) -> Float[Array, "..."]:
    r"""Logarithm of today's discount factor to ``t`` years, :math:`-L(t)`.

    >>> years, yields = jnp.array([1.0, 2.0, 5.0]), jnp.array([0.01, 0.02, 0.03])
    >>> [round(float(x), 4) for x in log_discount(years, yields, jnp.array([0.0, 1.0, 2.0, 5.0]))]
    [-0.0, -0.01, -0.04, -0.15]
    """
    width, u, level, step, left, right, beyond = _piece(years, yields, t)
    rise = u * u * (3.0 - 2.0 * u) * step
    bend = width * u * (1.0 - u) * (left * (1.0 - u) - right * u)
    return -(level + rise + bend + right * beyond)


def forward(years: ArrayLike, yields: ArrayLike, t: ArrayLike) -> Float[Array, "..."]:
    r"""Today's instantaneous forward rate for ``t`` years, :math:`f_0(t)=L'(t)`, per year.

    >>> round(float(forward(jnp.array([1.0, 2.0]), jnp.array([0.03, 0.03]), 1.5)), 6)
    0.03
    """
    width, u, _, step, left, right, _ = _piece(years, yields, t)
    return 6.0 * u * (1.0 - u) * step / width + left * (1.0 - u) * (1.0 - 3.0 * u) + right * u * (3.0 * u - 2.0)


def _piece(years: ArrayLike, yields: ArrayLike, t: ArrayLike) -> tuple[Array, ...]:
    """The interval of each ``t``: width, place in it, L and its step, the forwards at its ends, time beyond."""
    years, yields = jnp.asarray(years), jnp.asarray(yields)
    knots = jnp.concatenate([jnp.zeros_like(years[:1]), years])
    levels = jnp.concatenate([jnp.zeros_like(years[:1]), years * yields])
    slopes = _slopes(jnp.diff(knots), jnp.diff(levels))
    t = jnp.asarray(t, knots.dtype)
    n = jnp.clip(jnp.searchsorted(knots, t, side="right") - 1, 0, len(years) - 1)
    width = knots[n + 1] - knots[n]
    u = jnp.minimum((t - knots[n]) / width, 1.0)
    step = levels[n + 1] - levels[n]
    return width, u, levels[n], step, slopes[n], slopes[n + 1], jnp.maximum(t - knots[-1], 0.0)


def _slopes(widths: Array, steps: Array) -> Array:
    """Forwards at the knots: slopes of the parabola through three of them, at the ends that of the nearest three."""
    mean = steps / widths
    share = widths[:-1] / (widths[:-1] + widths[1:])
    inside = mean[:-1] * (1.0 - share) + mean[1:] * share
    if len(widths) == 1:
        return jnp.concatenate([mean, mean])
    first, last = 2.0 * mean[:1] - inside[:1], 2.0 * mean[-1:] - inside[-1:]
    return jnp.concatenate([first, inside, last])
