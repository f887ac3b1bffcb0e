"""Days of history that a hedge is asked about, as sizes of shocks; and shocks from files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from deephedge.config import build, load, parse
from deephedge.core.errors import ConfigError, nearest, require
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


def load_scenario(source: str | Path, name: str | None = None) -> tuple[Shock, ...]:
    """The shocks that a TOML file says, in its order; ``source`` is a path, or the text itself if it has a ``[[``.

    Each ``[[shock]]`` has the keys of `Shock`: ``quote``, ``at``, ``size`` and, if wanted, ``kind`` and ``decay``; or
    ``historical`` with the name of one of `SCENARIOS` and the keys of `historical`. ``what`` says in words what
    happens. A file of several scenarios has ``[[crash.shock]]``, ``[[squeeze.shock]]``, and ``name`` picks one.

    Raises ``ConfigError`` or ``ParameterError`` with the file, the number of the shock (from 1) and the key.

    >>> load_scenario('''
    ... [[shock]]
    ... quote = "SPX"
    ... at = "10/252"
    ... size = -0.2
    ... ''')[0].quote
    'SPX'
    """
    inline = isinstance(source, str) and "[[" in source
    file = "the scenario" if inline else Path(source).name
    told = f"there is no scenario file {source}; name a TOML file, or hand over its text"
    require(inline or Path(source).is_file(), told, ConfigError)
    table = parse(str(source), file) if inline else load(source)
    if name is not None or not ("shock" in table or "what" in table):
        named = {key: value for key, value in table.items() if isinstance(value, Mapping)}
        hint = nearest(name, named) if name else f"name one of them: {', '.join(named) or 'it is empty'}"
        require(name in named, f"{file} has no scenario {name!r}: {hint}", ConfigError)
        table, file = named[str(name)], f"{file}, {name}"
    for key in table:
        require(
            key in ("what", "shock"), f"{file}: unknown key {key!r}, {nearest(key, ('what', 'shock'))}", ConfigError
        )
    what, shocks = table.get("what", ""), table.get("shock")
    require(isinstance(what, str), f"{file}: what must be text, was {what!r}", ConfigError)
    require(isinstance(shocks, list), f"{file}: shocks are written as tables [[shock]], was {shocks!r}", ConfigError)
    return tuple(shock for n, each in enumerate(shocks, 1) for shock in _shocks(each, f"{file}, shock {n}"))


def _shocks(table: Any, place: str) -> tuple[Shock, ...]:
    require(isinstance(table, Mapping), f"{place}: expected a table, was {table!r}", ConfigError)
    for word in ("type", "call"):
        require(word not in table, f"{place}.{word}: unknown key, a shock has none", ConfigError)
    names = {"shock": Shock, "historical": historical}
    if "historical" not in table:
        return (build({"type": "shock", **table}, namespace=names, place=place),)
    rest = {key: value for key, value in table.items() if key != "historical"}
    require("name" not in rest, f"{place}.name: unknown key, the scenario is named by historical", ConfigError)
    return build({"type": "historical", "name": table["historical"], **rest}, namespace=names, place=place)
