"""Ratings fitted to histories: how often names moved, over how long they could have."""

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.markets.rating import RatingMigration

Table = np.ndarray


class FittedRatings(NamedTuple):
    """The market in the real world, its generator with standard errors, and what they were counted from."""

    market: RatingMigration
    generator: Table
    errors: Table
    moves: Table  # from row to column
    years: Table  # at risk, by rating


def fit_ratings(
    rating: Any, years: Any, after: Any, states: int, names: Sequence[str] = ("name",),
    now: Sequence[int] = (0,), **more: Any,
) -> FittedRatings:  # fmt: skip
    r"""`RatingMigration` by maximum likelihood from spells: each a ``rating`` that a name had for so many ``years``.

    ``after`` is the rating that it then moved to, and the same one where its history ends. Ratings are 0 to
    ``states`` - 1, the last default. With :math:`N_{ij}` moves and :math:`Y_i` years at risk

    .. math:: G_{ij}=N_{ij}/Y_i, \qquad \mathrm{se}\,G_{ij}=\sqrt{N_{ij}}/Y_i,

    so that a name rated only for weeks counts for those weeks. ``names``, their ratings ``now`` and ``more`` are the
    market's, which moves in the real world unless told otherwise. Moves of different names are taken as independent:
    where they are not, errors are too small. For a matrix of yearly transitions take
    `deephedge.pricing.migration.generator_of`.

    Warns of a rating that no name had, and of defaults that were never seen. Raises ``DataError`` for spells that do
    not agree, last no time, or start in default. Source: Lando and Skodeberg (2002).

    >>> fit = fit_ratings([0, 0, 1, 0], [2.0, 3.0, 0.5, 5.0], [1, 0, 2, 0], states=3)
    >>> fit.generator.tolist()
    [[-0.1, 0.1, 0.0], [0.0, -2.0, 2.0], [0.0, 0.0, 0.0]]
    """
    start, end, spell = np.asarray(rating), np.asarray(after), np.asarray(years, float)
    fits = start.ndim == 1 and start.shape == end.shape == spell.shape and start.size > 0
    require(fits, f"rating, years and after must be rows of one length, had {start.shape}, {spell.shape}, {end.shape}",
            DataError)  # fmt: skip
    inside = all(np.all((x == np.round(x)) & (x >= 0) & (x < states)) for x in (start, end))
    require(inside, f"ratings must be whole numbers from 0 to {states - 1}", DataError)
    bad = np.flatnonzero(~(np.isfinite(spell) & (spell > 0)))
    require(bad.size == 0, f"years must be positive and finite, spell {bad[:1]} had {spell[bad[:1]]}", DataError)
    bad = np.flatnonzero(start == states - 1)
    require(bad.size == 0, f"no spell may start in default, spell {bad[:1]} does", DataError)
    start, end = start.astype(int), end.astype(int)
    moves = np.zeros((states, states))
    np.add.at(moves, (start[start != end], end[start != end]), 1.0)
    risk = np.bincount(start, spell, states)
    unseen = np.flatnonzero(risk[:-1] == 0)
    if unseen.size:
        warnings.warn(f"no name was ever rated {unseen.tolist()}: their rates are unknown, and 0 here", stacklevel=2)
    if moves[:, -1].sum() == 0:
        warnings.warn("no default was seen: rates of default are unknown, and 0 here", stacklevel=2)
    safe = np.where(risk > 0, risk, 1.0)[:, None]
    rates = moves / safe
    generator = rates - np.diag(rates.sum(axis=1))
    errors = np.sqrt(moves + np.diag(moves.sum(axis=1))) / safe
    market = RatingMigration(tuple(names), generator, tuple(now), **{"real_world": True} | more)
    return FittedRatings(market, generator, errors, moves, risk)
