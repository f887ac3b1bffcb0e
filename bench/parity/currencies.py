"""Contracts on one exchange rate: forwards, and options by Garman and Kohlhagen."""

from functools import partial

import jax.numpy as jnp
import numpy as np
import QuantLib as ql

from bench.parity.row import TODAY, Row, flat, npv, process
from deephedge import MarketPath
from deephedge import instruments as i

SPOT, HOME, ABROAD, VOL = 1.1, 0.05, 0.02, 0.1
STRIKES, DAYS = (0.9, 1.1, 1.15, 1.4), (90, 365)


def today() -> MarketPath:
    quotes = {"EURUSD": SPOT, "EURUSD.dividend": ABROAD, "EURUSD.vol": VOL, "rate": HOME}
    return MarketPath(jnp.zeros(1), {name: jnp.full(1, value) for name, value in quotes.items()}, jnp.ones(1))


def bought() -> np.ndarray:
    contracts = (i.FxForward("EURUSD", k, days / 365) for k in STRIKES for days in DAYS)
    return np.array([float(each.price(today())[0]) for each in contracts])


def forwards() -> np.ndarray:
    ql.Settings.instance().evaluationDate = TODAY
    engine = ql.DiscountingFxForwardEngine(flat(ABROAD), flat(HOME), ql.QuoteHandle(ql.SimpleQuote(SPOT)))
    currencies, found = (ql.EURCurrency(), ql.USDCurrency()), []
    for strike in STRIKES:
        for days in DAYS:
            each = ql.FxForward(1.0, *currencies, strike, TODAY + days, False, 0)
            each.setPricingEngine(engine)
            each.NPV()
            found.append(each.npvTargetCurrency())
    return np.array(found)


def chosen(call: bool) -> np.ndarray:
    contracts = (i.FxOption("EURUSD", k, days / 365, call) for k in STRIKES for days in DAYS)
    return np.array([float(each.price(today())[0]) for each in contracts])


def options(call: bool) -> np.ndarray:
    side, engine = ql.Option.Call if call else ql.Option.Put, process(SPOT, HOME, ABROAD, VOL)
    terms = [(ql.PlainVanillaPayoff(side, k), ql.EuropeanExercise(TODAY + days)) for k in STRIKES for days in DAYS]
    return np.array([npv(ql.VanillaOption(*each), ql.AnalyticEuropeanEngine(engine)) for each in terms])


ROWS = [
    Row("currency forward", "flat rates", bought, forwards),
    *(
        Row(f"currency {name}", "Garman-Kohlhagen", partial(chosen, call), partial(options, call))
        for name, call in (("call", True), ("put", False))
    ),
]
