"""The implied volatility surface of one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from types import MappingProxyType
from typing import Any

import numpy as np

from deephedge.core.double import in_float64
from deephedge.core.errors import DataError, nearest, require
from deephedge.data.records import moment
from deephedge.data.surfaces.chain import YEAR
from deephedge.data.surfaces.quotes import black_price
from deephedge.data.surfaces.smile import Array, between, variance

ROWS = ("forward", "discount", "theta", "rho", "psi", "rmse", "inside", "quotes")
When = Any  # a moment as text, datetime or datetime64, or an array of datetime64


@dataclass(frozen=True, eq=False)
class Surface:
    r"""Smiles of SSVI at each expiry, forwards and discounts, and how well they fit; nothing in it can be changed.

    ``event_time``: when the quotes stood; ``known_time``: when the last of them was known. ``spot``: cash. Then one
    number an expiry, in order of ``settles`` (moments, UTC): ``forward`` and ``discount``; ``theta``, ``rho``, ``psi``
    (see `deephedge.data.surfaces.smile`); ``rmse``: of the fit in volatility points over ``quotes`` options, and
    ``inside``: the share of them that it prices within bid and ask. ``dropped``: what was left out, by reason;
    ``notes``: what else to know.

    Between expiries all is a straight line in time: :math:`\theta`, :math:`\psi` and :math:`\rho\psi`, the logarithms
    of forward (from the spot) and discount, so that no calendar or butterfly arbitrage comes in between.

    >>> at = np.array(["2024-01-31T12:00", "2024-07-01T12:00"], "datetime64[us]")
    >>> flat = Surface.of("X", "2024-01-01 12:00", at, 100.0, theta=[0.04 * 30 / 365, 0.04 * 182 / 365])
    >>> [round(float(x), 4) for x in flat.vol(at, 0.0)], round(float(flat.price(at[0], 100.0)), 4)
    ([0.2, 0.2], 2.2872)
    """

    underlier: str
    event_time: datetime
    known_time: datetime
    spot: float
    settles: np.ndarray
    forward: np.ndarray
    discount: np.ndarray
    theta: np.ndarray
    rho: np.ndarray
    psi: np.ndarray
    rmse: np.ndarray
    inside: np.ndarray
    quotes: np.ndarray
    dropped: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, underlier: str, event_time: When, settles: Any, spot: float, **rows: Any) -> "Surface":
        """A surface of plain rows: ``theta`` is needed; with no others it is flat, without rates or dividends.

        Raises ``DataError`` for rows that do not fit together or leave the domain.
        """
        when = moment(event_time)
        settles = np.array(settles, "datetime64[us]")
        count = len(settles)
        rest = {"forward": spot, "discount": 1.0, "rho": 0.0, "psi": 1e-9, "rmse": 0.0, "inside": 1.0, "quotes": 0}
        known = {"known_time", "dropped", "notes"}
        told = {name: rows.pop(name) for name in known & rows.keys()}
        for name, row in rows.items():
            require(name in ROWS, f"a surface has no {name!r}: {nearest(name, ROWS)}", DataError)
            size = np.size(row)
            require(size in (1, count), f"{name} has {size} numbers for {count} expiries", DataError)
        require("theta" in rows, "a surface needs theta, the total variance at the money of each expiry", DataError)
        filled = {name: np.broadcast_to(np.asarray((rest | rows)[name], float), count).copy() for name in ROWS}
        told |= {"known_time": moment(told.get("known_time", when))}
        told |= {"dropped": MappingProxyType(dict(told.get("dropped", {}))), "notes": tuple(told.get("notes", ()))}
        for row in (settles, *filled.values()):
            row.setflags(write=False)
        found = cls(underlier, when, spot=float(spot), settles=settles, **filled, **told)
        found._check()
        return found

    def _check(self) -> None:
        name = f"the surface of {self.underlier} at {self.event_time:%Y-%m-%d %H:%M}"
        require(len(self.settles) >= 1, f"{name} has no expiry", DataError)
        require(bool(np.all(np.diff(self.tau, prepend=0.0) > 0)), f"{name}: expiries must increase from now", DataError)
        sound = all(bool(np.all(getattr(self, one) > 0)) for one in ("forward", "discount", "theta", "psi"))
        sound = sound and bool(np.all(np.abs(self.rho) < 1))
        require(sound, f"{name}: forward, discount, theta and psi must be above 0, |rho| below 1", DataError)
        require(self.spot > 0, f"{name}: the spot must be above 0, was {self.spot}", DataError)

    @property
    def tau(self) -> np.ndarray:
        """Years of 365 days to each expiry."""
        return self.years(self.settles)

    def years(self, settles: When) -> np.ndarray:
        """Years of 365 days from the surface's moment to ``settles``, an array or one moment; below 0 for the past."""
        if not isinstance(settles, np.ndarray):
            settles = np.datetime64(moment(settles).replace(tzinfo=None), "us")
        now = np.datetime64(self.event_time.replace(tzinfo=None), "us")
        return np.asarray((settles - now) / np.timedelta64(1, "us") / YEAR)

    def nodes(self, tau: Any) -> tuple[Array, Array, Array]:
        """(theta, rho, psi) at ``tau`` years; NaN at 0 and before."""
        tau = np.where(np.asarray(tau) > 0, tau, np.nan)
        return between(tau, self.tau, self.theta, self.rho, self.psi)

    def forward_at(self, settles: When) -> Array:
        """The forward for ``settles``, cash; the carry of the last expiry goes on beyond it."""
        carry = np.log(self.forward / self.spot)
        return self.spot * np.exp(_line(self.years(settles), self.tau, carry))

    def discount_at(self, settles: When) -> Array:
        """Cash now for one unit at ``settles``; the rate of the last expiry goes on beyond it."""
        return np.exp(_line(self.years(settles), self.tau, np.log(self.discount)))

    def vol(self, settles: When, log_moneyness: Any) -> Array:
        r"""Black's volatility per root year at :math:`\log(K/F)`; both broadcast; NaN for what has settled."""
        tau = self.years(settles)
        nodes = self.nodes(tau)
        return np.sqrt(variance(np.asarray(log_moneyness, float), *nodes) / tau)

    def price(self, settles: When, strike: Any, call: Any = True) -> Array:
        """The European option's price now, cash; all broadcast; NaN for what has settled."""
        forward, tau = self.forward_at(settles), self.years(settles)
        vol = self.vol(settles, np.log(np.asarray(strike, float) / forward))
        rows = np.broadcast_arrays(forward, np.asarray(strike, float), vol, tau, np.asarray(call, bool))
        found = in_float64(black_price, *(row.reshape(-1) for row in rows)).reshape(rows[0].shape)
        return self.discount_at(settles) * np.where(tau > 0, found, np.nan)

    @property
    def yields(self) -> np.ndarray:
        r"""What the underlier pays its holder until each expiry, dividends and borrow fees, continuous per year:
        :math:`q=r-\log(F/S)/\tau`."""
        return -(np.log(self.discount) + np.log(self.forward / self.spot)) / self.tau

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; `from_dict` gives the same surface back, bit for bit."""
        found: dict[str, Any] = {name.name: getattr(self, name.name) for name in fields(self)}
        found |= {name: found[name].isoformat() for name in ("event_time", "known_time")}
        found |= {name: found[name].tolist() for name in ROWS} | {"settles": self.settles.astype(str).tolist()}
        return found | {"dropped": dict(self.dropped), "notes": list(self.notes)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Surface":
        """A surface from `as_dict`."""
        return cls.of(**dict(values))

    def __repr__(self) -> str:
        size = float(np.sqrt(np.mean(self.rmse**2)))
        when = f"{self.event_time:%Y-%m-%d %H:%M}"
        return f"Surface({self.underlier} at {when}: {len(self.tau)} expiries, {size:.2f} vol points)"


def _line(tau: np.ndarray, known: np.ndarray, values: np.ndarray) -> Array:
    """A straight line from 0 at 0 through the values; beyond the last it is that through 0 and the last."""
    inside = np.interp(np.maximum(tau, 0.0), np.append(0.0, known), np.append(0.0, values))
    return np.where(tau > known[-1], values[-1] * tau / known[-1], inside)
