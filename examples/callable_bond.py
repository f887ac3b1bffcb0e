"""A ten-year bond that its issuer may call: what the right costs, when it is used, and how that moves its price."""

import equinox as eqx
import jax
import jax.numpy as jnp

import deephedge as dh
from deephedge import instruments as i

PATHS = 2048
TERMS = {"today": "2025-01-02", "calendar": "target", "day_count": "act/act icma", "roll": "unadjusted"}

market = dh.markets.HullWhite(((1, 5, 10), (0.03, 0.034, 0.037)), mean_reversion=0.05, vol=0.01)
schedule = dh.Schedule.from_dates("2025-01-02", "2035-01-02", 12, **TERMS)
bond = i.FixedBond(schedule, 0.042, i.ModelCurve(market), notional=100.0)
dates, prices = schedule.ends[2:9], jnp.linspace(102.0, 100.0, 7)
right = i.at_critical_rates(i.BermudanBondOption(bond, dates, prices))
loan = i.CallableBond(right)


@eqx.filter_jit
def priced(short):
    """The bond and the callable bond today, at a short rate."""
    path = dh.MarketPath(jnp.zeros(1), {"USD.short": short[None]}, jnp.ones(1))
    return bond.price(path)[0], loan.price(path)[0]


@eqx.filter_jit
def followed(paths):
    """Cash of each path in today's money, and whether it was called by each point."""
    return jax.vmap(lambda path: (jnp.sum(loan.cashflows(path) / path.numeraire), loan.state(path)["alive"]))(paths)


grid = dh.TimeGrid(jnp.concatenate([jnp.zeros(1), schedule.ends]))
paths = dh.sample(market, grid, PATHS, key=jax.random.key(0), method="random")
rate = paths.quotes["USD.short"][0, 0]
for name, value, higher in zip(("bond", "callable bond"), priced(rate), priced(rate + 0.01), strict=True):
    print(f"{name:14s} {value:.3f}, and {higher:.3f} where the short rate is a point higher")
cash, alive = followed(paths)
print(f"along paths it makes {cash.mean():.3f} +- {cash.std() / PATHS**0.5:.3f}")
print("still alive in % after each year:", [round(100 * float(x)) for x in alive.mean(axis=0)[1:-1]])
