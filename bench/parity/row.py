"""One line of the parity table: a contract under a model, priced by us and by QuantLib."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import QuantLib as ql

TODAY = ql.Date(2, 1, 2025)
ACT365 = ql.Actual365Fixed()


@dataclass(frozen=True)
class Row:
    """``ours`` and ``theirs`` give prices, one or many, which may differ relatively by ``within`` (1e-8 for formulas).

    Where ours is a simulation it gives (prices, standard errors), and three of those are allowed.
    """

    contract: str
    model: str
    ours: Callable[[], np.ndarray | tuple[np.ndarray, np.ndarray]]
    theirs: Callable[[], np.ndarray]
    within: float = 1e-8


def flat(rate: float) -> ql.YieldTermStructureHandle:
    return ql.YieldTermStructureHandle(ql.FlatForward(TODAY, rate, ACT365))


def process(spot: float, rate: float, dividend: float, vol: float) -> ql.BlackScholesMertonProcess:
    """Black and Scholes's, valued on `TODAY`."""
    ql.Settings.instance().evaluationDate = TODAY
    smile = ql.BlackVolTermStructureHandle(ql.BlackConstantVol(TODAY, ql.NullCalendar(), vol, ACT365))
    return ql.BlackScholesMertonProcess(ql.QuoteHandle(ql.SimpleQuote(spot)), flat(dividend), flat(rate), smile)


def npv(instrument: ql.Instrument, engine: ql.PricingEngine) -> float:
    instrument.setPricingEngine(engine)
    return instrument.NPV()


def schedule(cash: tuple[tuple[int, float], ...]) -> list[ql.Dividend]:
    """Dividends in cash from pairs (days from `TODAY`, amount)."""
    return [ql.FixedDividend(amount, TODAY + days) for days, amount in cash]


def rows_of(cash: tuple[tuple[int, float], ...]) -> np.ndarray:
    """The same in years."""
    return np.array([(days / 365, amount) for days, amount in cash])
