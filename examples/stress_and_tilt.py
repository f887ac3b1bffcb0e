"""Trained on a world that may crash, without betting on the crash; then asked about a shock that it never saw.

One path of five falls by a tenth on the tenth day: such a market has a drift, and a policy trained on it goes
short before that day. A tilt weighs the paths so that the drift is gone and the tail is not. The question comes
from a scenario file (here its text).
"""

import jax
import optax

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i
from deephedge.training import minimal_entropy_tilt

UPDATES = 400
PATHS = 2048
EXPIRY = 30 / 365
SCENARIO = """
what = "A rise on the twentieth day, and a volatility that takes weeks to calm down"
[[shock]]
quote = "SPX"
at = "20/365"
size = 0.1
[[shock]]
quote = "SPX.vol"
at = "20/365"
size = 0.25
kind = "absolute"
decay = "20/365"
"""

calm = dh.markets.BlackScholes("SPX", vol=0.2)
crash = dh.markets.Stressed(calm, dh.markets.Shock("SPX", at=10 / 365, size=-0.1))
worlds = dh.markets.Mixture((calm, crash), share=(0.8, 0.2))
problem = dh.HedgingProblem(
    grid=dh.TimeGrid.uniform(maturity=EXPIRY, steps=30),
    liability=i.short(i.EuropeanCall("SPX", strike=1.0, expiry=EXPIRY)),
    instruments=(i.Spot("SPX"),),
    features=(f.LogMoneyness("SPX", 1.0), f.TimeLeft(EXPIRY), f.Quote("SPX.vol", "vol")),
    cost=dh.frictions.ProportionalCost(1e-3),
)
start, train, test = jax.random.split(jax.random.key(0), 3)
risk = dh.objectives.CVaR(level=0.95)
tilt = minimal_entropy_tilt(worlds, problem.grid, "SPX", key=train, paths=8192)
band = dh.policies.NoTransactionBand(("log_moneyness", "time_left", "vol"), key=start)
policies = {"delta": dh.policies.BlackScholesDelta()}
for name, market in {"worlds": worlds, "tilted": tilt.market}.items():
    fit = dh.fit(problem, market, band, risk, optax.adam(3e-3), updates=UPDATES, paths=PATHS, key=train, checks=False)
    policies[name] = fit.policy
shocked = dh.markets.Stressed(calm, dh.markets.load_scenario(SCENARIO))
tests = {"calm": calm, "crash": crash, "file": shocked}
paths = {name: dh.sample(market, problem.grid, 10_000, key=test, method="random") for name, market in tests.items()}
for name, policy in policies.items():
    found = {t: dh.evaluate(problem, {name: policy}, batch)[name].wealth for t, batch in paths.items()}
    print(f"{name:7s}" + "".join(f"  {t}: CVaR95 {float(risk(wealth)):.4f}" for t, wealth in found.items()))
