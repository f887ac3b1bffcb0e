"""An autocallable note with memory coupons, sold at its price and hedged with its stock by a learnt policy.

The note remembers whether it is alive, the coupons that it owes and whether its barrier was touched: they are features,
without which no policy could know what it has to hedge.
"""

import equinox as eqx
import jax
import optax

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

UPDATES = 400
PATHS = 2048

market = dh.markets.BlackScholes("A", vol=0.25, rate=0.02)
note = i.Autocallable(
    "A", dates=(0.25, 0.5, 0.75), expiry=1.0, call_level=1.0, coupon_level=0.8, barrier=0.7, strike=1.0, coupon=0.03,
    watch="dates",
)  # fmt: skip
problem = dh.HedgingProblem(
    grid=dh.TimeGrid.uniform(maturity=1.0, steps=12),
    liability=i.short(note),
    instruments=(i.Spot("A"),),
    features=(
        f.TimeLeft(1.0),
        f.LogMoneyness("A", 1.0),
        *(f.State(note, of, of.replace(" ", "_")) for of in ("alive", "missed coupons", "knocked in")),
    ),
    cost=dh.frictions.ProportionalCost(1e-3),
)
start, train, test = jax.random.split(jax.random.key(0), 3)
risk = dh.objectives.CVaR(level=0.95)
names = ("time_left", "log_moneyness", "alive", "missed_coupons", "knocked_in")
mlp = dh.policies.MLP(names, key=start)
fit = dh.fit(problem, market, mlp, risk, optax.adam(1e-3), updates=UPDATES, paths=PATHS, key=train, checks=False)
paths = dh.sample(market, problem.grid, 2 * PATHS, key=test, method="random")
price = float(eqx.filter_jit(note.price)(jax.tree.map(lambda x: x[0], paths))[0])
print(f"price {price:.5f}")
policies = {"none": dh.policies.NoHedge(), "learnt": fit.policy}
for name, ledger in dh.evaluate(problem, policies, paths).items():
    tail, spread = float(risk(ledger.wealth)) - price, float(ledger.wealth.std())
    print(f"{name:6s} CVaR95 over the price {tail:.5f}  deviation {spread:.5f}")
