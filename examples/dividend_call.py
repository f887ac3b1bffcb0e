"""A call on a share that pays two dividends, used early or kept: its holder takes the share just before it goes ex.

The right is a `Bermudan` with the last days before the ex-dates and the end as its dates. Whoever hedges it as if it
were kept to the end charges too little and is short of shares when it counts. The delta is that of a price that knows
dates and dividends; the holder's rule is learnt from paths, for the price beside waiting is dear along many.
"""

import jax
import jax.numpy as jnp

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

PATHS = 2048
WEEKS = 26
CASH = [(8.5 / 52, 2.0), (21.5 / 52, 2.0)]  # years, cash a share
DATES = (8 / 52, 21 / 52, 0.5)

inner = dh.markets.BlackScholes("ACME", vol=0.25, spot=100.0, rate=0.04)
market = dh.markets.Dividends(inner, "ACME", cash=CASH)
grid = dh.TimeGrid.uniform(maturity=0.5, steps=WEEKS)
learn, test = (dh.sample(market, grid, PATHS, key=jax.random.key(n), method="random") for n in range(2))
call = i.fit_exercise(i.Bermudan("ACME", 90.0, DATES, cash=CASH), learn)
kept = i.Bermudan("ACME", 90.0, (0.5,), cash=CASH)


class Delta(f.AbstractFeature):
    """The derivative to the share of what a right is worth, until the call is used."""

    right: i.Bermudan
    name: str = "delta"

    def __call__(self, path):
        def worth(spot):
            return self.right.value(path.with_quotes({"ACME": spot}))

        spot = path.quote("ACME")
        return call.state(path)["alive"] * jax.jvp(worth, (spot,), (jnp.ones_like(spot),))[1]


risk, today = dh.objectives.CVaR(level=0.95), jax.tree.map(lambda x: x[0], test)
prices = [float(x) for x in jax.jit(lambda: [right.value(today)[0] for right in (call, kept)])()]
print("premium {:.3f}, kept to the end {:.3f}".format(*prices))
alive = jax.jit(jax.vmap(call.state))(test)["alive"]
used = [round(100 * float(1 - alive[:, week].mean())) for week in (8, 21)]
print(f"used in % of the paths before the first dividend, before the second: {used}")
for name, right, units in (("none", kept, 0.0), ("as if kept", kept, 1.0), ("delta", call, 1.0)):
    problem = dh.HedgingProblem(
        grid=grid,
        liability=i.sold(call),
        instruments=(i.Spot("ACME"),),
        features=(Delta(right),),
        cost=dh.frictions.ProportionalCost(5e-4),
    )
    wealth = dh.evaluate(problem, {name: dh.policies.Delta(units=units)}, test)[name].wealth
    print(f"{name:10s} CVaR95 {float(risk(wealth)):.3f}  deviation {float(wealth.std()):.3f} on a share of 100")
