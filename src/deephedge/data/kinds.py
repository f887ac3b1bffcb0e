"""The kinds of records: which columns each has, which of them say what it is about, and in which units."""

from dataclasses import dataclass
from types import MappingProxyType

from deephedge.core.errors import DataError, nearest, require

TIMES = ("event_time", "known_time")
TEXT, NUMBER, DAY, TIME = "text", "number", "day", "time"


@dataclass(frozen=True)
class Kind:
    """The schema of one kind of record.

    ``columns``: name to type (``text``, ``number`` (float64), ``day``, ``time`` (microseconds, UTC)). ``keys``: what a
    record is about, with ``event_time``; a later ``known_time`` of the same key is a revision. The store divides by
    ``period`` (of ``event_time``) and by the column ``bucket``. ``ahead``: whether it may be known before it happens (a
    release calendar is); everything else is not.
    """

    name: str
    columns: MappingProxyType[str, str]
    keys: tuple[str, ...]
    bucket: str | None = None
    period: str = "%Y"
    ahead: bool = False


def _kind(name: str, keys: str, numbers: str, texts: str = "", **more) -> Kind:
    own = {"expiry": DAY, "event_time": TIME, "known_time": TIME}
    columns = {key: own.get(key, NUMBER if key == "strike" else TEXT) for key in (*TIMES, *keys.split())}
    columns |= {column: TEXT for column in texts.split()} | {column: NUMBER for column in numbers.split()}
    return Kind(name, MappingProxyType(columns), tuple(keys.split()), **more)


KINDS: MappingProxyType[str, Kind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            # one number: a close, a rate (fraction), an index, a macro figure
            _kind("values", "name", "value", "unit"),
            # what happened within an interval that ends at event_time
            _kind("bars", "name", "open high low close volume open_interest", "unit"),
            # the best bid and ask at a moment, and what stands there
            _kind("quotes", "name", "bid ask bid_size ask_size", "unit", period="%Y-%m"),
            # one contract month: price is the settlement; nearby is 1 for the first
            _kind("futures", "name contract expiry", "price nearby volume open_interest", "unit"),
            # one listed option. right: call or put; settlement: am or pm (of the expiry day); style: european or
            # american; bid, ask, last, mark, settle in `unit` (a currency, or "coin": units of the underlier);
            # vol: what the publisher says, per root year, a fraction; underlier_price: in cash, at the same moment
            _kind(
                "options", "underlier root expiry strike right settlement",
                "bid ask last mark settle vol underlier_price volume open_interest multiplier", "style unit contract",
                bucket="underlier", period="%Y-%m",
            ),
            # name: a ticker or topic, "" for none
            _kind("news", "name source id", "", "headline text url"),
            # what is scheduled: name is the event ("fomc", "us.cpi"); known when the calendar was published
            _kind("events", "name", "value", "note", ahead=True),
        )
    }
)  # fmt: skip


def kind_of(name: str) -> Kind:
    """The kind called ``name``; raises ``DataError`` with the nearest known one.

    >>> kind_of("values").keys
    ('name',)
    """
    require(name in KINDS, f"unknown kind of record {name!r}: {nearest(name, KINDS)}", DataError)
    return KINDS[name]
