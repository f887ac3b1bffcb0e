"""Swing calls under Black and Scholes: a rule fitted on paths beside QuantLib's finite differences."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import QuantLib as ql

import deephedge as dh
from bench.parity.row import TODAY, Row, npv, process
from deephedge import instruments as i

SPOT, RATE, YIELD, VOL, STRIKE = 100.0, 0.05, 0.04, 0.3, 100.0
DAYS = (90, 180, 270, 365)
RIGHTS = ((1, 0), (2, 0), (3, 2), (4, 0))
PATHS = 2**17


def ours() -> tuple[np.ndarray, np.ndarray]:
    market = dh.markets.BlackScholes("A", vol=VOL, spot=SPOT, rate=RATE, dividend=YIELD)
    grid, (fit, test) = dh.TimeGrid(jnp.array([0, *DAYS]) / 365), jax.random.split(jax.random.key(5))
    learn, judge = (dh.sample(market, grid, PATHS, key=key, method="random") for key in (fit, test))
    paid = eqx.filter_jit(jax.vmap(lambda swing, path: jnp.sum(swing.cashflows(path) / path.numeraire), (None, 0)))
    found = []
    for maximum, minimum in RIGHTS:
        swing = i.fit_swing(i.Swing("A", STRIKE, np.array(DAYS) / 365, maximum, minimum), learn, degree=4)
        found.append(np.asarray(paid(swing, judge)))
    return np.array([x.mean() for x in found]), np.array([x.std() / PATHS**0.5 for x in found])


def theirs() -> np.ndarray:
    engine = ql.FdSimpleBSSwingEngine(process(SPOT, RATE, YIELD, VOL), 400, 800)
    exercise, payoff = (
        ql.SwingExercise([TODAY + days for days in DAYS]),
        ql.VanillaForwardPayoff(ql.Option.Call, STRIKE),
    )
    return np.array([npv(ql.VanillaSwingOption(payoff, exercise, low, high), engine) for high, low in RIGHTS])


ROWS = [Row("swing call", "Black-Scholes", ours, theirs)]
