"""What a right used on dates is worth under a Gaussian short rate, on a grid of that rate at each date."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from deephedge.instruments.base import slack
from deephedge.pricing import hullwhite, induction

POINTS = 257
REACH = 7.0  # of a grid, in deviations of the short rate
MORE = 1.0  # years by which a grid is wider than its date asks for, so that a path may begin off its centre

Discounts = Callable[[Array], Array]


class Lattice(eqx.Module):
    """Using and waiting at each date, on ``POINTS`` short rates about its centre."""

    model: Any
    dates: Float[Array, " tenor"]
    centres: Float[Array, " tenor"]
    widths: Float[Array, " tenor"]
    use: Float[Array, "tenor quote"]
    wait: Float[Array, "tenor quote"]

    def ahead(self, times: Float[Array, " points"], short: Float[Array, " points"]) -> Float[Array, " points"]:
        """Value at each point of the right to use it on the dates after it, 0 after the last."""
        row = jnp.searchsorted(self.dates - slack(self.dates), times, side="right")
        row, over = jnp.minimum(row, len(self.dates) - 1), row >= len(self.dates)
        left = jnp.maximum(self.dates[row] - times, 0.0)
        place, spread = transition(self.model, short, times, left, self.centres[row], self.widths[row])
        value = induction.expected(place, spread, row, self.use, self.wait)
        return jnp.where(over, 0.0, jnp.exp(self.model.log_bond(short, times, left)) * value)


def lattice(
    model: Any,
    dates: Float[Array, " tenor"],
    use: Callable[[Array, Discounts], Array],
    paid: Callable[[Array], Array],
    last: Callable[[Array], Array],
) -> Lattice:
    """Backwards over ``dates``; ``use(times, discounts)`` is what using makes, where bonds cost ``discounts(dates)``.

    ``paid`` and ``last`` take the short rates (date, rate) to what is paid until the next date, and to the value of
    waiting, which at the last date is the end of the induction.
    """
    spread = model.vol * hullwhite.step_law(dates + MORE, model.mean_reversion)[0]
    widths = 2.0 * REACH * jnp.maximum(spread, 1e-6) / (POINTS - 1)
    centres = model.centre(dates)
    short = centres[:, None] + widths[:, None] * (jnp.arange(POINTS) - 0.5 * (POINTS - 1))
    times = jnp.broadcast_to(dates[:, None], short.shape)

    def discounts(ends: Float[Array, " due"]) -> Float[Array, "tenor quote due"]:
        left = jnp.maximum(ends - times[..., None], 0.0)
        return jnp.exp(model.log_bond(short[..., None], times[..., None], left))

    nexts = jnp.concatenate([dates[1:], dates[-1:]])
    left = (nexts - dates)[:, None]
    following = [jnp.concatenate([each[1:], each[-1:]])[:, None] for each in (centres, widths)]
    places, spreads = transition(model, short, times, left, *following)
    bonds = jnp.exp(model.log_bond(short, times, left))
    used = use(times, discounts)
    wait = induction.waiting(used, bonds, places, spreads[:, 0], paid(short), last(short)[-1])
    return Lattice(model, dates, centres, widths, used, wait)


def transition(
    model: Any,
    short: Float[Array, "..."],
    now: Float[Array, "..."],
    left: Float[Array, "..."],
    centre: Float[Array, "..."],
    width: Float[Array, "..."],
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Mean and deviation of the place on a grid ``left`` years ahead, in the measure of the bond to then.

    There the short rate's mean is today's forward rate: less than elsewhere by half the square of what it moves bonds.
    """
    a, vol = model.mean_reversion, model.vol
    later = model.centre(now + left) + jnp.exp(-a * left) * (short - model.centre(now))
    mean = later - 0.5 * (vol * hullwhite.loading(left, a)) ** 2
    spread = vol * hullwhite.step_law(left, a)[0]
    return (mean - centre) / width + 0.5 * (POINTS - 1), spread / width
