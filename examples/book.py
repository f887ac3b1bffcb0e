"""A book from a file, hedged bucket by bucket from the positions of today; and what one more trade is worth."""

import tempfile
from pathlib import Path

import jax
import numpy as np
import optax

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i
from deephedge import policies as p
from deephedge.studies import read_book, read_positions
from deephedge.training import marginal_prices

UPDATES = 400
PATHS = 2048
folder = Path(tempfile.mkdtemp())
(folder / "book.csv").write_text(
    "kind,units,underlier,strike,expiry,start\n"
    "EuropeanCall,-2,SPX,1.0,2027-03-31,\n"
    "EuropeanPut,-1,SPX,0.9,2027-03-31,\n"
    "EuropeanCall,1,SPX,1.1,2027-03-31,2027-02-01\n"
)
(folder / "hedge.csv").write_text("id,units\nspot,0.6\ncall,0.5\n")
book = read_book(folder / "book.csv", today="2026-12-31")
hedge = (i.Spot("SPX"), i.EuropeanCall("SPX", strike=1.0, expiry=0.5))
problem = dh.HedgingProblem(
    grid=dh.TimeGrid.uniform(maturity=0.25, steps=6),
    liability=book,
    instruments=hedge,
    features=(f.Buckets((book, *hedge), ("SPX", "SPX.vol")), f.LogMoneyness("SPX", 1.0), f.TimeLeft(0.25)),
    cost=dh.frictions.ProportionalCost((1e-3, 1e-2)),
    initial=read_positions(folder / "hedge.csv", ("spot", "call")),
)
market = dh.markets.BlackScholes("SPX", vol=0.2)
paths = dh.sample(market, problem.grid, PATHS, key=jax.random.key(0), method="random")
ledger = dh.evaluate(problem, {"buckets": p.BucketHedge()}, paths)["buckets"]
print(f"deviation of wealth, hedged by buckets: {np.std(ledger.wealth):.4f}")
policy = p.MLP(("log_moneyness", "time_left"), key=jax.random.key(1), instruments=2, baseline=p.BucketHedge())
trade, risk = i.EuropeanPut("SPX", 0.95, 0.25), {"CVaR 90 %": dh.objectives.CVaR(0.9)}
for quote in marginal_prices(
    problem, market, policy, risk, optax.adam(1e-3), trade, updates=UPDATES, paths=PATHS, fresh=PATHS,
    key=jax.random.key(2), validation=0,
):  # fmt: skip
    print(f"{quote.side} for {quote.size:g}: {quote.price:.4f} ± {quote.error:.4f}")
