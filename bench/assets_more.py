"""More seed cases of `bench.assets`, beside their bars: ``python -m bench.assets_more --only oil``, words as there."""

from typing import Any

import numpy as np
from bench import assets
from bench.assets import Asset, Judged, Measure, Outcome, cvar

from deephedge.studies.ledgers import hedged
from deephedge.studies.study import VALIDATION

MARGIN = 0.2  # of a month's sales at the first day's price, above what producing it costs: an assumption
MARGINS = (0.1, 0.2, 0.4)
MONTHS = 6  # three of oil, three of gas


def per_cvar(wealth: np.ndarray, level: float, margin: float = MARGIN) -> Measure:
    """Profit per unit of CVaR: the planned margin and what came beyond the plan, over the mean of the worst shortfalls.

    >>> per_cvar(np.array([-1.0, 0.0, 0.0, 0.0]), 0.75)(np.ones(4)).round(3)
    0.95
    """

    def measure(counts: np.ndarray) -> float:
        return (MONTHS * margin + float(np.average(wealth, weights=counts))) / cvar(wealth, counts, level)

    return measure


def commodities(judged: Judged) -> dict[str, Any]:
    """Profit per unit of CVaR above the fixed-ratio rolled hedge that the validation years would have chosen."""
    study, level = judged.study, judged.study.test.level
    fixed = {name: policy for name, policy in study.baselines.items() if name != "none"}
    seen = hedged(study.problem, fixed, study.windows(VALIDATION)[0])
    chosen = {margin: best({n: Outcome.of(x) for n, x in seen.items()}, level, margin) for margin in MARGINS}
    near = best({n: Outcome.of(x) for n, x in seen.items() if n.startswith("first")}, level, MARGIN)
    known = best({n: judged.outcomes[n] for n in fixed}, level, MARGIN)

    def above(rival: str, ours: str = judged.chosen, margin: float = MARGIN) -> dict[str, float]:
        own, other = (per_cvar(judged.outcomes[name].wealth, level, margin) for name in (ours, rival))
        return assets.interval(lambda counts: own(counts) / other(counts) - 1.0, len(judged.starts), study)

    ones = np.ones(len(judged.starts))
    told = {name: per_cvar(x.wealth, level)(ones) for name, x in judged.outcomes.items()}
    harder = {f"the best in hindsight, {known}": above(known), f"the best in the first nearby, {near}": above(near)}
    margins = {str(margin): {"rival": rival} | above(rival, margin=margin) for margin, rival in chosen.items()}
    learnt = {name: {rival: above(rival, name) for rival in (chosen[MARGIN], near)} for name in study.policies}
    return {"bar": above(chosen[MARGIN]), "rival": chosen[MARGIN], "needed": 0.15, "harder": harder,
            "profit per CVaR": told, "margins": margins, "policies": learnt}  # fmt: skip


def best(outcomes: dict[str, Outcome], level: float, margin: float) -> str:
    """The name of the hedge with the most profit per unit of CVaR."""
    return max(outcomes, key=lambda n: per_cvar(outcomes[n].wealth, level, margin)(np.ones(len(outcomes[n].wealth))))


def credit(judged: Judged) -> dict[str, Any]:
    """CVaR of the month below that of the rate hedge alone, as a share of it and in cash; and below other hedges."""

    def of(name: str) -> Measure:
        return lambda counts: cvar(judged.outcomes[name].wealth, counts, judged.study.test.level)

    rivals = [name for name in judged.outcomes if name not in (judged.chosen, "rate_hedge")]
    ours = of(judged.chosen)
    harder = {name: judged.below(of(name), ours) for name in rivals}
    learnt = {name: judged.below(of("rate_hedge"), of(name)) for name in judged.study.policies}
    rate = of("rate_hedge")
    cash = assets.interval(lambda counts: rate(counts) - ours(counts), len(judged.starts), judged.study)
    return {"bar": judged.below(rate, ours), "needed": 0.0, "harder": harder, "in cash": cash, "policies": learnt}


MORE = {"oil": Asset("oil_producer", commodities), "credit": Asset("credit_book", credit)}


def main(arguments: list[str] | None = None) -> dict[str, dict]:
    assets.ASSETS.clear()
    assets.ASSETS.update(MORE)
    return assets.main(arguments)


if __name__ == "__main__":
    main()
