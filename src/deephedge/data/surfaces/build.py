"""Surfaces of all days from records of options."""

from collections.abc import Mapping

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.data.records import Records
from deephedge.data.surfaces.chain import Chain, chains
from deephedge.data.surfaces.early import european_forwards
from deephedge.data.surfaces.parity import Forwards, forwards
from deephedge.data.surfaces.quotes import Quotes, quoted
from deephedge.data.surfaces.slices import fitted_slices
from deephedge.data.surfaces.smile import variance
from deephedge.data.surfaces.ssvi import Nodes, fitted_ssvi
from deephedge.data.surfaces.surface import Surface

SMILES = ("slices", "ssvi")


def surfaces(
    records: Records,
    underlier: str | None = None,
    *,
    smiles: str = "slices",
    rate: float | None = None,
    clocks: Mapping[str, tuple[str, str]] | None = None,
) -> list[Surface]:
    """One `Surface` for each moment of ``records`` of options on one underlier, in order of time.

    Each is made of the quotes of its own moment only, so none depends on what came later. ``smiles``: ``"ssvi"``
    fits three numbers and the total variances at the money to all expiries, ``"slices"`` then gives each expiry a smile
    of its own; both are free of static arbitrage. ``rate`` per year replaces that of put-call parity, and ``clocks``
    are those of `deephedge.data.surfaces.chain.chains`.

    Raises ``DataError`` for a moment that has no expiry with a forward and five quotes.
    """
    require(smiles in SMILES, f"smiles are {' or '.join(SMILES)}, was {smiles!r}", DataError)
    return [fitted(chain, smiles, rate) for chain in chains(records, underlier, clocks)]


def fitted(chain: Chain, smiles: str = "slices", rate: float | None = None) -> Surface:
    """The surface of one chain."""
    at, quotes = out_of_the_money(chain, rate)
    told = f"{chain.underlier} at {chain.event_time}: no expiry has a forward by parity and five quotes"
    require(len(quotes.k) > 0, f"{told}; of its quotes were left out {dict(chain.dropped)}", DataError)
    nodes = fitted_ssvi(quotes)
    if smiles == "slices":
        nodes = fitted_slices(quotes, nodes)
    return surface_of(chain, at, quotes, nodes)


def surface_of(chain: Chain, at: Forwards, quotes: Quotes, nodes: Nodes) -> Surface:
    """The surface with these nodes, one for each expiry in ``quotes``, and what it leaves of them."""
    used, n = np.unique(quotes.n, return_inverse=True)
    vol = np.sqrt(variance(quotes.k, *(row[n] for row in nodes)) / quotes.tau)
    count = np.bincount(n)
    rmse = 100.0 * np.sqrt(np.bincount(n, (vol - quotes.vol) ** 2) / count)
    inside = np.bincount(n, quotes.inside(vol)) / count
    theta, rho, psi = nodes
    return Surface.of(
        chain.underlier, chain.event_time, at.settles[used], _spot(chain, at), forward=at.forward[used],
        discount=at.discount[used], theta=theta, rho=rho, psi=psi, rmse=rmse, inside=inside, quotes=count,
        known_time=chain.known_time, dropped=chain.dropped, notes=_notes(chain),
    )  # fmt: skip


def out_of_the_money(chain: Chain, rate: float | None = None) -> tuple[Forwards, Quotes]:
    """Forwards and the quotes to fit to, without what early exercise is worth."""
    if not chain.american:
        at = forwards(chain, rate)
        return at, quoted(chain, at)
    at, early = european_forwards(chain, rate)
    return at, quoted(chain, at, chain.bid - early, chain.ask - early)


def _spot(chain: Chain, at: Forwards) -> float:
    """The price published, the median of all rows; of the nearest expiry for coins, whose prices may be forwards."""
    known = chain.spot[np.isfinite(chain.spot)]
    return float(np.median(known)) if len(known) and not chain.coin else float(at.discount[0] * at.forward[0])


def _notes(chain: Chain) -> tuple[str, ...]:
    told = {
        "American quotes, less what early exercise is worth under Black and Scholes": chain.american,
        "quotes in coin, turned into cash by the published price; discount times forward turns them back": chain.coin,
        "nobody quoted: settlement prices of what was traded, 1 % to each side": chain.assumed,
    }
    return tuple(sentence for sentence, true in told.items() if true)
