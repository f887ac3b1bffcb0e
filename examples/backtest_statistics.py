"""A backtest read with suspicion: thirty signals without skill, one with some, and what remains of each.

Daily profit of thirty tries over three years; the best looks good until it is known how many there were.
"""

import numpy as np

from deephedge.evaluation import (
    PurgedKFold,
    deflated_sharpe,
    kupiec,
    overfitting_probability,
    overlay,
    probabilistic_sharpe,
    sharpe,
    survivors,
)

rng = np.random.default_rng(0)
tries = {f"signal {n:02d}": rng.normal(0.0, 1.0, 750) for n in range(30)} | {"skill": rng.normal(0.15, 1.0, 750)}
everything = np.stack(list(tries.values()), axis=1)
ratios = sharpe(everything)
for name, gains in (("best of the unskilled", everything[:, ratios[:30].argmax()]), ("skill", tries["skill"])):
    plain, deflated = probabilistic_sharpe(gains), deflated_sharpe(gains, ratios)
    print(
        f"{name:22s} Sharpe a year {sharpe(gains) * 252**0.5:5.2f}  confidence {plain:.3f}, as one of 31 {deflated:.3f}"
    )
alone, both = overfitting_probability(everything[:, :30], blocks=10), overfitting_probability(everything, blocks=10)
print(f"probability of overfitting: {alone.probability:.2f} without the skilled one, {both.probability:.2f} with it")

losses = {name: -gains for name, gains in tries.items()} | {"cash": np.zeros(750)}
found = survivors(losses, "cash", resamples=300)
print(
    f"better than cash at 5 %: {found.stepwise} of {found.tried}; each alone: {sum(p < 0.05 for p in found.p.values())}"
)

days = np.arange(750)
fold = PurgedKFold(folds=5, embargo=5).split(days, days + 20)[2]
print(f"third of five folds: {fold.test.size} windows tested, {fold.train.size} trained on, the rest purged")

hedged = overlay(tries["skill"], -0.3 * tries["skill"], resamples=300)
change = hedged.difference["drawdown"]
print(f"drawdown {hedged.alone['drawdown'].value:.0f}, hedged {hedged.hedged['drawdown'].value:.0f}, p {change.p:.3f}")
var = np.quantile(-tries["skill"][:250], 0.95)
print(f"VaR of 95 % from the first year, tested on the other two: p {kupiec(-tries['skill'][250:] > var, 0.95).p:.2f}")
