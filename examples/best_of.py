"""A call on the better of two stocks, sold; and how the options on two are made of each other.

The better of two is never above both: one call on each covers it on every path, and costs the worst-of call more,
which is what that seller of calls is left long. The deltas of its own price, one for each stock, need no such surplus,
but they need the correlation: with one that is too high the premium is too small and the hedge is off.
"""

import equinox as eqx
import jax
import jax.numpy as jnp

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

PATHS = 2048
EXPIRY, LIKE = 0.25, 0.3

market = dh.markets.BlackScholes(("A", "B"), vol=(0.2, 0.3), correlation=[[1, LIKE], [LIKE, 1]])
best, worst = (kind(("A", "B"), 1.0, EXPIRY, correlation=LIKE) for kind in (i.BestOf, i.WorstOf))
wrong = i.BestOf(("A", "B"), 1.0, EXPIRY, correlation=0.9)
calls = tuple(i.EuropeanCall(name, 1.0, EXPIRY) for name in ("A", "B"))


class Deltas(f.AbstractFeature):
    """So many times the derivatives of a price to the two stocks, and so many of the two calls."""

    contract: i.AbstractTradable
    stocks: jax.Array
    calls: jax.Array
    name: str = "deltas"

    def __call__(self, path):
        first, second = (f.Delta(self.contract, quote=name)(path) for name in ("A", "B"))
        calls = 0.0 * first + self.calls
        return jnp.stack([self.stocks * first, self.stocks * second, calls, calls], axis=-1)


risk, grid = dh.objectives.CVaR(level=0.95), dh.TimeGrid.uniform(maturity=EXPIRY, steps=26)
paths = dh.sample(market, grid, 4 * PATHS, key=jax.random.key(0), method="random")
today = jax.tree.map(lambda x: x[0], paths)


@eqx.filter_jit
def priced(contracts):
    """What each costs today."""
    return [contract.price(today)[0] for contract in contracts]


either = i.BestOf(("A", "B"), 0.0, EXPIRY, correlation=LIKE)
prices = [float(x) for x in priced((best, worst, *calls, either, i.Exchange("A", "B", EXPIRY, LIKE), wrong))]
print("best {:.4f} + worst {:.4f} = calls {:.4f} + {:.4f}".format(*prices[:4]))
print("the better stock {:.4f} = B + exchange, 1 + {:.4f}; the best of two alike {:.4f}".format(*prices[4:]))
rules = {
    "none": (best, 0.0, 0.0),
    "deltas": (best, 1.0, 0.0),
    "too alike": (wrong, 1.0, 0.0),
    "two calls": (best, 0.0, 1.0),
}
for name, (contract, stocks, covers) in rules.items():
    problem = dh.HedgingProblem(
        grid=grid,
        liability=i.sold(best),
        instruments=(i.Spot("A"), i.Spot("B"), *calls),
        features=(Deltas(contract, jnp.array(stocks), jnp.array(covers)),),
        cost=dh.frictions.ProportionalCost((2e-4, 2e-4, 1e-2, 1e-2)),
    )
    wealth = dh.evaluate(problem, {name: dh.policies.Delta("deltas")}, paths)[name].wealth
    tail, deviation, worst_one = float(risk(wealth)), float(wealth.std()), -float(wealth.min())
    print(f"{name:10s} CVaR95 {tail:.4f}  deviation {deviation:.4f}  largest loss {worst_one:.4f}")
