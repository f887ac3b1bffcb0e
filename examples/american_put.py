"""An American put: what it is worth, what a rule learnt from paths makes of it, and what waiting costs.

The first row of Longstaff and Schwartz (2001), table 1. The rule is fitted on some paths and used on others.
"""

import equinox as eqx
import jax
import jax.numpy as jnp

import deephedge as dh
from deephedge import instruments as i
from deephedge.pricing import american

PATHS = 2048

market = dh.markets.BlackScholes("A", vol=0.2, rate=0.06, spot=36.0)
grid = dh.TimeGrid.uniform(maturity=1.0, steps=50)
learnt, fresh = (dh.sample(market, grid, 4 * PATHS, key=jax.random.key(n)) for n in range(2))
put = i.American("A", strike=40.0, expiry=1.0, call=False)
waiting = i.American("A", 40.0, 1.0, False, i.Never())
rules = {"critical price": put, "regression": i.fit_exercise(put, learnt), "never early": waiting}
print(f"exact price            {float(american.price(36.0, 40.0, 0.2, 1.0, 0.06, call=False)):.3f}")
for name, right in rules.items():

    def made(path, right=right):
        return jnp.sum(right.cashflows(path) / path.numeraire)

    cash = eqx.filter_jit(jax.vmap(made))(fresh)
    print(f"used by {name:14s} {float(cash.mean()):.3f} +- {float(cash.std() / len(cash) ** 0.5):.3f}")
worst = eqx.filter_jit(jax.vmap(lambda path: i.worst_case(put, path)))(fresh)
print(f"with perfect foresight {float(worst.mean()):.3f}, the most a writer can lose")
