"""Options on the difference of two futures: crude between two months, and gasoline less crude.

A calendar spread option ends with the near future. By then the far one has moved by less than the volatility to its own
end says, and more like the near one: the market quotes both numbers, and on the wrong ones premium and deltas are
wrong. The crack option's buyer is a refiner; hedged with the 3:2:1 crack that trades as one it keeps the distillate's
risk, hedged with the two futures it is written on it does not.
"""

import jax
import jax.numpy as jnp

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

PATHS = 2048
END = 0.5
NEAR, FAR, GASOLINE, HEATING = "CL.future.0.5", "CL.future.1", "RB.future.0.5", "HO.future.0.5"

crude = dh.markets.SchwartzSmith("CL", 60.0, 1.5, 0.35, 0.2, correlation=0.1, expiries=(END, 1), spreads=[("0.5", "1")])
products = [dh.markets.Schwartz(name, spot, 0.8, spot, 0.4, expiries=(END,)) for name, spot in (("RB", 75), ("HO", 80))]
market = dh.markets.Joint((crude, *products), {("CL", "RB"): 0.8, ("CL", "HO"): 0.8, ("RB", "HO"): 0.7})
futures = {name: i.Future(name, END) for name in (NEAR, GASOLINE, HEATING)} | {FAR: i.Future(FAR, 1.0)}

calendar = i.SpreadOption(FAR, NEAR, 1.0, END, vols=(f"{FAR}.until.0.5.vol", f"{NEAR}.vol"))
mistaken = i.SpreadOption(FAR, NEAR, 1.0, END, correlation=0.5)  # the volatilities to each end, a guess
crack = i.SpreadOption(GASOLINE, NEAR, 15.0, END, correlation=0.8)


class Held(f.AbstractFeature):
    """Positions in three instruments, each so many times the derivatives of an option to its two futures."""

    option: i.SpreadOption
    times: jax.Array  # (instrument, future)
    name: str = "held"

    def __call__(self, path):
        deltas = [f.Delta(self.option, quote=name)(path) for name in (self.option.first, self.option.second)]
        return jnp.stack(deltas, axis=-1) @ self.times.T


risk, grid = dh.objectives.CVaR(level=0.95), dh.TimeGrid.uniform(maturity=END, steps=26)
paths = dh.sample(market, grid, 2 * PATHS, key=jax.random.key(0), method="random")
legs, spread = jnp.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]), jnp.array([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
traded = {
    "calendar": i.calendar_spread(futures[FAR], futures[NEAR]),
    "crack": i.crack_spread(futures[NEAR], futures[GASOLINE], futures[HEATING], (3, 2, 1)),
}
cases = (("calendar", calendar, mistaken), ("crack", crack, None))
for title, option, guess in cases:
    rules = {"none": (option, 0.0 * legs), "spread": (option, spread), "legs": (option, legs)}
    for name, (like, times) in (rules if guess is None else rules | {"mistaken": (guess, legs)}).items():
        problem = dh.HedgingProblem(
            grid=grid,
            liability=i.sold(option),
            instruments=(futures[option.first], futures[option.second], traded[title]),
            features=(Held(like, times),),
            cost=dh.frictions.HalfSpread((0.02, 0.02, 0.02)),
        )
        wealth = dh.evaluate(problem, {name: dh.policies.Delta("held")}, paths)[name].wealth
        tail, deviation, worth = float(risk(wealth)), float(wealth.std()), float(jax.vmap(like.price)(paths)[0, 0])
        print(f"{title:8s} {name:8s} worth {worth:.3f}  CVaR95 {tail:.3f}  deviation {deviation:.3f} dollars a barrel")
