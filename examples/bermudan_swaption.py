"""A Bermudan payer swaption on dates of a calendar: its price, how it is used, and what its writer must fear."""

import equinox as eqx
import jax
import jax.numpy as jnp

import deephedge as dh
from deephedge import instruments as i

PATHS = 2048
TODAY, TERMS = "2025-01-02", {"calendar": "target", "roll": "modified following"}

fixed = dh.Schedule.from_dates("2026-01-15", "2031-01-15", 12, today=TODAY, day_count="30/360", **TERMS)
floating = dh.Schedule.from_dates("2026-01-15", "2031-01-15", 6, today=TODAY, day_count="act/360", **TERMS)
market = dh.markets.HullWhite(((1, 5, 10), (0.03, 0.034, 0.037)), mean_reversion=0.05, vol=0.01)
swap = i.Swap(fixed, floating, 0.036, i.ModelCurve(market), notional=100.0)
right = i.at_critical_rates(i.BermudanSwaption(swap, fixed.starts))

grid = dh.TimeGrid(jnp.concatenate([jnp.zeros(1), fixed.starts]))
train, test = jax.random.split(jax.random.key(0))
paths = dh.sample(market, grid, PATHS, key=test, method="random")
learnt = i.fit_exercise(right, dh.sample(market, grid, PATHS, key=train, method="random"))


@eqx.filter_jit
def followed(right):
    """Cash of each path in today's money, and the most that its holder could have made of it."""
    return jax.vmap(lambda path: (jnp.sum(right.cashflows(path) / path.numeraire), i.worst_case(right, path)))(paths)


price = eqx.filter_jit(lambda path: (right.price(path)[0], i.Swaption(swap, fixed.starts[0]).price(path)[0]))
bermudan, european = price(jax.tree.map(lambda x: x[0], paths))
print(f"price {bermudan:.3f}, European {european:.3f}, on a notional of 100")
print("critical short rates", [round(float(x), 4) for x in right.rule.prices[::-1]])
for name, each in {"critical rates": right, "regression": learnt}.items():
    cash, most = followed(each)
    print(f"{name:14s} makes {cash.mean():.3f} +- {cash.std() / PATHS**0.5:.3f}; at best {most.mean():.3f}")
