"""Caplets and swaptions to calibrate to, on one curve, with their Bachelier volatilities."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from deephedge.core.double import in_float64
from deephedge.core.errors import DataError, require
from deephedge.pricing import bachelier, black, curve
from deephedge.pricing.implied import implied_normal_volatility

LEAST_VEGA = 0.05  # of the vega at the money: further out a price is measured in units of this
UNPAID = 1e-30  # accrual of the payments before the first that fill up the table, so that it has a logarithm

_discounts = jax.jit(lambda years, yields, t: jnp.exp(curve.log_discount(years, yields, t)))
_price, _vol, _black = (jax.jit(f) for f in (bachelier.price, implied_normal_volatility, black.price))


class Swaps(NamedTuple):
    """What the formulas for swaptions take: payments on the last axis, the last ones used."""

    nearer: Any
    discounts: Any
    accruals: Any
    strike: Any
    expiry: Any
    lengths: Any
    payer: Any
    target: Any  # cash now
    unit: Any  # of a price: weight over vega


@dataclass(frozen=True, eq=False)
class RateOptions:
    r"""Options to enter a swap, as arrays that broadcast to one row; a caplet is a payer swaption of one period.

    ``curve`` is (years, continuously compounded zero yields per year) and discounts and projects. An option ends
    ``expiry`` years ahead, the swap lasts ``tenor`` years from then and pays every ``period`` years: a caplet where
    ``period`` is left out. ``strike`` is a simple rate per year (left out: at the money). Give one of ``vol``
    (Bachelier's, per year and root year), ``black_vol`` (per root year) or ``price`` (cash now on a notional of one, of
    a payer where ``payer`` is true; left out, of the option out of the money). ``weight`` multiplies the residual.

    Raises ``DataError`` naming the first quote that cannot be.

    >>> quotes = RateOptions(((1, 10), (0.03, 0.03)), expiry=[1, 2], tenor=[0.5, 5], period=0.5, vol=0.008)
    >>> [round(float(x), 5) for x in quotes.forward], [round(float(x), 6) for x in quotes.price]
    ([0.03023, 0.03023], [0.001526, 0.019588])
    """

    curve: Any
    expiry: Any
    tenor: Any
    strike: Any = None
    period: Any = None
    vol: Any = None
    black_vol: Any = None
    price: Any = None
    payer: Any = None
    weight: Any = 1.0
    forward: Any = field(init=False, repr=False)
    annuity: Any = field(init=False, repr=False)
    swaps: Swaps = field(init=False, repr=False)

    def __post_init__(self):
        given = [what for what in ("vol", "black_vol", "price") if getattr(self, what) is not None]
        require(len(given) == 1, f"give one of vol, black_vol and price, got {given}", DataError)
        names = ("expiry", "tenor", "period", "weight", given[0])
        table: dict[str, Any] = {k: getattr(self, k) for k in names} | {
            "period": self.tenor if self.period is None else self.period
        }
        more = {k: getattr(self, k) for k in ("strike", "payer") if getattr(self, k) is not None}
        try:
            rows = np.broadcast_arrays(*(np.atleast_1d(np.asarray(x, float)) for x in (table | more).values()))
        except ValueError as fault:
            raise DataError(f"quotes must broadcast to one row: {fault}") from fault
        table = dict(zip(table | more, rows, strict=True))
        for what, row in table.items():
            low = -np.inf if what in ("strike", "payer") else -1e-300 if what in ("weight", "price") else 0.0
            bad = np.flatnonzero(~(np.isfinite(row) & (row > low)))
            require(not bad.size, f"{what} must be finite and positive, quote {bad[:1]} had {row[bad[:1]]}", DataError)
        years, yields = (np.asarray(row, float) for row in self.curve)
        object.__setattr__(self, "curve", (years, yields))
        payments = np.round(table["tenor"] / table["period"])
        bad = np.flatnonzero((payments < 1) | (np.abs(payments * table["period"] - table["tenor"]) > 1e-6))
        require(not bad.size, f"tenor must be a whole number of periods, quote {bad[:1]} is not", DataError)
        self._complete(table, given[0], payments.astype(int))
        for what in ("expiry", "tenor", "period", "weight", "strike", "payer", "vol", "price", "forward", "annuity"):
            getattr(self, what).setflags(write=False)

    def __len__(self) -> int:
        return len(self.expiry)

    @property
    def caplets(self) -> bool:
        """Whether all quotes are of one period."""
        return self.swaps.lengths.shape[1] == 1

    def _complete(self, table: dict[str, np.ndarray], given: str, payments: np.ndarray) -> None:
        """Forward, annuity, price and volatility of every quote."""
        most, period, expiry = int(payments.max()), table["period"], table["expiry"]
        place = np.arange(1, most + 1) - (most - payments)[:, None]
        lengths = np.maximum(place, 1) * period[:, None]
        with jax.enable_x64(True):
            years, yields = (jnp.asarray(row) for row in self.curve)
            times = jnp.asarray(np.concatenate([expiry[:, None], expiry[:, None] + lengths], 1))
            discounts = np.asarray(_discounts(years, yields, times))
        nearer, discounts = discounts[:, 0], discounts[:, 1:]
        annuity = np.sum(np.where(place >= 1, period[:, None] * discounts, 0.0), axis=1)
        forward = (nearer - discounts[:, -1]) / annuity
        strike = table["strike"] if "strike" in table else forward
        payer = table["payer"] > 0.5 if "payer" in table else strike >= forward
        require(
            bool(np.all((payments == 1) | (strike > 0))), "strike must be positive for more than one period", DataError
        )
        vol, price = _quoted(table[given], given, forward, strike, expiry, payer, annuity)
        root = np.sqrt(expiry)
        bell = np.exp(-0.5 * ((forward - strike) / (vol * root)) ** 2)
        vega = annuity * root / np.sqrt(2 * np.pi) * np.maximum(bell, LEAST_VEGA)
        accruals = np.where(place >= 1, period[:, None], UNPAID * np.sign(strike)[:, None])
        swaps = Swaps(nearer, discounts, accruals, strike, expiry, lengths, payer, price, table["weight"] / vega)
        found = dict(forward=forward, annuity=annuity, strike=strike, payer=payer, vol=vol, price=price, swaps=swaps)
        for what, row in ({k: table[k] for k in ("expiry", "tenor", "period", "weight")} | found).items():
            object.__setattr__(self, what, row if what == "swaps" else np.array(row))

    def columns(self, residuals: np.ndarray) -> dict[str, np.ndarray]:
        """The table of a report, from residuals as the fit counts them: prices over vegas, volatilities of rates."""
        price = self.price + residuals / np.where(self.weight > 0, self.swaps.unit, 1.0)
        value = np.maximum(price, 0.0) / self.annuity
        model = in_float64(_vol, value, self.forward, self.strike, self.expiry, self.payer)
        found = dict(expiry=self.expiry, tenor=self.tenor, strike=self.strike, vol=self.vol, model=model)
        return found | {"residual": 1e4 * (model - self.vol)}


def _quoted(
    quote: np.ndarray, given: str, forward: np.ndarray, strike: np.ndarray, expiry: np.ndarray, payer: np.ndarray,
    annuity: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Bachelier volatility and price in cash now, from either of them or from Black's volatility."""
    if given == "vol":
        return quote, annuity * in_float64(_price, forward, strike, quote, expiry, payer)
    if given == "black_vol":
        require(bool(np.all((forward > 0) & (strike > 0))), "black_vol needs positive forwards and strikes", DataError)
        value = in_float64(_black, forward, strike, quote, expiry, payer)
    else:
        value = quote / annuity
    vol = in_float64(_vol, value, forward, strike, expiry, payer)
    bad = np.flatnonzero(~(vol > 0))
    require(not bad.size, f"price of quote {bad[:1]} is not above its intrinsic value", DataError)
    return vol, annuity * value
