"""A cash account kept by hand, trade by trade: what a desk's terminal wealth must come to."""

from collections.abc import Callable

import numpy as np


def terminal_wealth(
    *,
    prices: np.ndarray,  # (point, instrument), cash, ex the cash paid at that point
    positions: np.ndarray,  # (step, instrument), units held over each step
    cashflows: np.ndarray | None = None,  # (point, instrument), cash paid by one unit
    numeraire: np.ndarray | None = None,  # (point,), cash per unit of account
    liability: np.ndarray | None = None,  # (point,), cash to us (negative: we pay)
    cost: Callable[[np.ndarray, np.ndarray], float] | np.ndarray = lambda trade, price: 0.0,
    initial: np.ndarray | float = 0.0,  # (instrument,), units held before the first decision
    close_out: bool = False,
) -> float:
    """Terminal wealth in units of the numeraire, of one path.

    ``cost`` is a function of a trade and the prices it is dealt at, both (instrument,), or an array of cash costs, one
    for each step and one more for closing out. The initial position is bought with money borrowed at the first
    prices, so that a desk which never trades and never moves ends with nothing. What is held at the end is sold at its
    price; with ``close_out`` that sale costs what a trade costs.
    """
    points, instruments = prices.shape
    flows = np.zeros_like(prices) if cashflows is None else cashflows
    unit = np.ones(points) if numeraire is None else numeraire
    owed = np.zeros(points) if liability is None else liability
    held = np.broadcast_to(np.asarray(initial, float), (instruments,)).copy()
    cash = -sum(held[i] * prices[0, i] for i in range(instruments))
    for point in range(points):
        if point > 0:
            cash *= unit[point] / unit[point - 1]
            for i in range(instruments):
                cash += held[i] * flows[point, i]
        cash += owed[point]
        last = point == points - 1
        wanted = np.zeros(instruments) if last else positions[point]
        trade = wanted - held
        for i in range(instruments):
            cash -= trade[i] * prices[point, i]
        if close_out or not last:
            cash -= float(cost(trade, prices[point]) if callable(cost) else cost[point])
        held = held + trade
    return float(cash / unit[-1])
