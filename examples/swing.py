"""A gas swing: a buyer may take gas at a fixed price on 8 of 13 weeks, and has to on 3 at least.

It has no price on a screen. `fit_swing` learns from paths when to use a right; the same regression says what the
rights left are worth, and its slope is a delta. Gas cannot be stored here, so the hedge is the future that outlives the
contract: it moves by less than the spot, by what mean reversion leaves. Perfect foresight bounds what the buyer may
make.
"""

import equinox as eqx
import jax
import jax.numpy as jnp

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

PATHS = 2048
WEEKS, EXPIRY, REVERTS = 13, 0.25, 4.0
FUTURE = "GAS.future.0.3"

market = dh.markets.Schwartz("GAS", 30.0, REVERTS, level=31.0, vol=0.7, rate=0.03, expiries=(0.3,))
grid = dh.TimeGrid.uniform(maturity=EXPIRY, steps=WEEKS)
learn, test = (dh.sample(market, grid, 4 * PATHS, key=jax.random.key(n), method="random") for n in range(2))
asked = i.Swing("GAS", strike=30.0, dates=grid.times[1:], maximum=8, minimum=3)
swing = i.fit_swing(asked, learn)


weekly = swing.rule.waiting
weekly = eqx.tree_at(lambda rule: rule.dates, weekly, weekly.dates.at[0].set(0.0))  # the first week's from today on


class Slope(f.AbstractFeature):
    """What the rights left after each point gain with the spot, over what the future does."""

    name: str = "slope"

    def __call__(self, path):
        def worth(spot):
            return weekly.waiting(swing, path.with_quotes({"GAS": spot}))

        slopes = jax.jvp(worth, (path.quote("GAS"),), (jnp.ones_like(path.times),))[1]  # (rights left, point)
        left = swing.state(path)["rights"].astype(int)
        moves = path.quote(FUTURE) / path.quote("GAS") * jnp.exp(-REVERTS * (0.3 - path.times))
        return jnp.take_along_axis(slopes, left[None], axis=0)[0] / moves


problem = dh.HedgingProblem(
    grid=grid,
    liability=i.short(swing),
    instruments=(i.Future(FUTURE, 0.3),),
    features=(Slope(),),
    cost=dh.frictions.ProportionalCost(5e-4),
)
risk = dh.objectives.CVaR(level=0.95)
policies = {name: dh.policies.Delta("slope", units) for name, units in (("none", 0.0), ("slope", 1.0))}
for name, ledger in dh.evaluate(problem, policies, test).items():
    tail, deviation = float(risk(ledger.wealth)), float(ledger.wealth.std())
    print(f"hedge {name:6s} CVaR95 {tail:6.2f}  deviation {deviation:5.2f}")


@eqx.filter_jit
def made(right):
    """What a rule makes of it on other paths than those it was learnt on."""
    return jax.vmap(lambda path: jnp.sum(right.cashflows(path) / path.numeraire))(test)


best = eqx.filter_jit(jax.vmap(lambda path: i.worst_swing(swing, path)))(test)
for name, cash in {"hasty": made(asked), "learnt": made(swing), "foresight": best}.items():
    print(f"{name:9s} {float(cash.mean()):5.2f} +- {float(cash.std() / len(cash) ** 0.5):.2f}")
