"""Days of history that a hedge is asked about, as sizes of shocks."""

from typing import NamedTuple

from deephedge.core.errors import nearest, require
from deephedge.markets.stress import Shock

YAHOO = "S&P 500 closes: Yahoo (^GSPC)"
CBOE = f"{YAHOO}; VIX closes: Cboe"


class Scenario(NamedTuple):
    """What moved between two closes, ``start`` and ``end`` (dates).

    ``equity`` is the return of the S&P 500; ``vix`` the index at both closes, in volatility points; ``rate`` the change
    of the two-year US Treasury par yield, per year; ``oil`` that of the WTI future, dollars a barrel.
    """

    what: str
    start: str
    end: str
    equity: float
    source: str
    vix: tuple[float, float] | None = None
    rate: float | None = None
    oil: float | None = None

    @property
    def moves(self) -> dict[str, tuple[float, str]]:
        """Size and kind of each shock: the fall of the index is relative, the others are in their own units."""
        vol = None if self.vix is None else (self.vix[1] - self.vix[0]) / 100.0
        found = {"equity": (self.equity, "relative"), "vol": (vol, "absolute")}
        found |= {"rate": (self.rate, "absolute"), "oil": (self.oil, "absolute")}
        return {name: (size, kind) for name, (size, kind) in found.items() if size is not None}


SCENARIOS = {
    "1987-10 crash": Scenario("Black Monday", "1987-10-16", "1987-10-19", -0.205, YAHOO),
    "1997-10 asia": Scenario("Asian crisis", "1997-10-24", "1997-10-27", -0.069, CBOE, (23.17, 31.12)),
    "1998-08 russia": Scenario("Russia's default, LTCM", "1998-07-17", "1998-08-31", -0.193, CBOE, (16.23, 44.28)),
    "2001-09 attacks": Scenario("11 September", "2001-09-10", "2001-09-21", -0.116, CBOE, (31.84, 42.66)),
    "2008-10 lehman": Scenario("The month after Lehman", "2008-09-30", "2008-10-27", -0.272, CBOE, (39.39, 80.06)),
    # By the close: at the low of the day the index was 8.6 % down.
    "2010-05 flash crash": Scenario("Flash crash", "2010-05-05", "2010-05-06", -0.032, CBOE, (24.91, 32.80)),
    "2011-08 downgrade": Scenario("US debt downgraded", "2011-08-05", "2011-08-08", -0.067, CBOE, (32.00, 48.00)),
    "2015-08 china": Scenario("The yuan devalued", "2015-08-17", "2015-08-25", -0.112, CBOE, (13.02, 36.02)),
    "2018-02 volatility": Scenario("Short volatility", "2018-02-02", "2018-02-05", -0.041, CBOE, (17.31, 37.32)),
    "2020-03 covid": Scenario("Covid-19", "2020-02-19", "2020-03-23", -0.339, CBOE, (14.38, 61.59)),
    "2020-04 oil": Scenario(
        "WTI for May settled at -37.63, after 18.27", "2020-04-17", "2020-04-20", -0.018,
        f"{CBOE}; settlements of the May 2020 WTI future: CME", (38.15, 43.83), oil=-55.90,
    ),
    "2022 rates": Scenario(
        "The Federal Reserve against inflation", "2022-01-03", "2022-10-12", -0.254,
        f"{CBOE}; par yields: US Treasury", (16.60, 33.57), rate=0.0350,
    ),
}  # fmt: skip


def historical(
    name: str,
    at: float,
    *,
    equity: str | None = None,
    vol: str | None = None,
    rate: str | None = None,
    oil: str | None = None,
    decay: float | None = None,
) -> tuple[Shock, ...]:
    """The shocks of a scenario at ``at`` (years), on the quotes that you name for each of its moves.

    ``equity`` falls by the index's return, ``vol`` (per root year) rises by the VIX's points over 100, ``rate`` by the
    two-year yield (per year), ``oil`` by dollars a barrel. ``decay`` (years) is given to all of them. `SCENARIOS`
    holds the sizes, dates and sources; moves that took weeks come at once.

    Raises ``ParameterError`` for a scenario that is not known, a move it did not have, or no quote at all.

    >>> [(x.quote, round(float(x.size), 3)) for x in historical("2018-02 volatility", 0.1, equity="SPX", vol="SPX.vol")]
    [('SPX', -0.041), ('SPX.vol', 0.2)]
    """
    require(name in SCENARIOS, f"the scenario {name!r} is unknown: {nearest(name, SCENARIOS)}")
    moves = SCENARIOS[name].moves
    wanted = {"equity": equity, "vol": vol, "rate": rate, "oil": oil}
    wanted = {move: quote for move, quote in wanted.items() if quote is not None}
    require(bool(wanted), f"name the quote of at least one of the moves of {name!r}: {', '.join(moves)}")
    for move in wanted:
        require(move in moves, f"{name!r} has no move of {move}: it has {', '.join(moves)}")
    return tuple(Shock(quote, at, moves[move][0], moves[move][1], decay) for move, quote in wanted.items())
