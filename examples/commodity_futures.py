"""A call on the one-year oil future, hedged with the futures beside it, in six months and in two years.

Two factors move the curve (Schwartz and Smith): a shock that fades and a level that stays. Two futures span
both, the nearest one alone does not. The network is told neither the model nor the factors.
"""

import jax
import jax.numpy as jnp
import optax

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

UPDATES = 400
PATHS = 2048
EXPIRY, FADES = 0.25, 1.5
NEAR, WRITTEN, FAR = "CL.future.0.5", "CL.future.1", "CL.future.2"

market = dh.markets.SchwartzSmith("CL", 60.0, FADES, 0.35, 0.2, correlation=0.1, expiries=(0.5, 1, 2))
call = i.EuropeanCall(WRITTEN, strike=60.0, expiry=EXPIRY)


class Front(f.AbstractFeature):
    """The delta of the call carried to the near future as if the whole curve moved by one percentage."""

    name: str = "front"

    def __call__(self, path):
        near = f.Delta(call)(path) * path.quote(WRITTEN) / path.quote(NEAR)
        return jnp.stack([near, jnp.zeros_like(near)], axis=-1)


class Strip(f.AbstractFeature):
    """The same delta in both: the shock that fades moves a future by exp(-FADES x time left), the level all."""

    name: str = "strip"

    def __call__(self, path):
        near, written, far = (jnp.exp(-FADES * (expiry - path.times)) for expiry in (0.5, 1.0, 2.0))
        share = (written - far) / (near - far)
        cash = f.Delta(call)(path) * path.quote(WRITTEN)
        return jnp.stack([share * cash / path.quote(NEAR), (1 - share) * cash / path.quote(FAR)], axis=-1)


problem = dh.HedgingProblem(
    grid=dh.TimeGrid.uniform(maturity=EXPIRY, steps=26),
    liability=i.short(call),
    instruments=(i.Spot(NEAR), i.Spot(FAR)),
    features=(f.LogMoneyness(WRITTEN, 60.0), f.TimeLeft(EXPIRY), f.Delta(call), Front(), Strip()),
    cost=dh.frictions.ProportionalCost(1e-4),
)
start, train, test = jax.random.split(jax.random.key(0), 3)
risk = dh.objectives.CVaR(level=0.95)
mlp = dh.policies.MLP(("log_moneyness", "time_left", "delta"), key=start, instruments=2)
fit = dh.fit(problem, market, mlp, risk, optax.adam(3e-3), updates=UPDATES, paths=PATHS, key=train, checks=False)
paths = dh.sample(market, problem.grid, 20_000, key=test, method="random")
policies = {name: dh.policies.Delta(name) for name in ("front", "strip")}
policies = {"none": dh.policies.NoHedge(2), **policies, "learnt": fit.policy}
for name, ledger in dh.evaluate(problem, policies, paths).items():
    tail, spread = float(risk(ledger.wealth)), float(ledger.wealth.std())
    print(f"{name:6s} CVaR95 {tail:.3f}  deviation {spread:.3f} dollars a barrel")
