"""TOML text to tables and back, single keys overridden, and one hash for what a table says."""

import copy
import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from deephedge.core.errors import ConfigError, nearest, require

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
# overrides typed in a shell: names, paths and fractions need no quotes there
BARE_TEXT = re.compile(r"[A-Za-z_./~][\w./~+-]*|[+-]?[\d.]+\s*/\s*[\d.]+")


def load(path: str | Path) -> dict[str, Any]:
    """The table in a TOML file; raises ``ConfigError`` with the line where it is not one."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read the study file {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text, so not a TOML file: {error}") from error
    return parse(text, Path(path).name)


def parse(text: str, name: str) -> dict[str, Any]:
    """The table in TOML text; raises ``ConfigError`` with ``name`` and the line where it is not TOML.

    >>> parse("vol = 0.2", "here")
    {'vol': 0.2}
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_with_line(str(error), text, name)) from error


def _with_line(message: str, text: str, name: str) -> str:
    found = re.search(r" \(at line (\d+), column (\d+)\)", message)
    if not found:
        return f"{name} is not valid TOML: {message}"
    line, column = int(found[1]), int(found[2])
    shown = (text.splitlines()[line - 1 : line] or [""])[0].strip()
    return f"{name} line {line}, column {column}: {message[: found.start()]}: {shown}"


def override(table: Mapping[str, Any], assignments: Iterable[str]) -> dict[str, Any]:
    """A copy of ``table`` with keys set from text such as ``"policy.width=64"``.

    The value is a TOML value; names, paths and fractions may go without quotes. Members of a list are counted from 0
    (``problem.features.1.name="vol"``). Raises ``ConfigError`` where the table to change is not there.

    >>> override({"policy": {"width": 32}}, ["policy.width=64", "policy.activation=tanh"])
    {'policy': {'width': 64, 'activation': 'tanh'}}
    """
    result = copy.deepcopy(dict(table))
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        require(bool(equals), f"an override is written key=value, was {assignment!r}", ConfigError)
        *route, last = _dotted(key)
        owner: Any = result
        for depth, part in enumerate(route):
            owner = _step(owner, part, ".".join(route[: depth + 1]))
        value = _value_of(text.strip(), assignment)
        if isinstance(owner, list):
            _step(owner, last, key.strip())
            owner[int(last)] = value
        else:
            require(
                isinstance(owner, dict),
                f"{'.'.join(route)} is not a table, so {key.strip()} cannot be set",
                ConfigError,
            )
            owner[last] = value
    return result


def _dotted(key: str) -> list[str]:
    try:
        node: Any = tomllib.loads(f"{key} = 0")
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{key.strip()!r} is not a dotted key such as policy.width") from error
    parts = []
    while isinstance(node, dict):
        (part, node), *_ = node.items()
        parts.append(part)
    return parts


def _step(owner: Any, part: str, place: str) -> Any:
    if isinstance(owner, list):
        inside = part.isdecimal() and int(part) < len(owner)
        require(inside, f"{place}: the list has members 0 to {len(owner) - 1}", ConfigError)
        return owner[int(part)]
    if not isinstance(owner, dict) or part not in owner:
        raise ConfigError(f"{place}: no such table, {nearest(part, owner if isinstance(owner, dict) else ())}")
    return owner[part]


def _value_of(text: str, assignment: str) -> Any:
    try:
        parsed = tomllib.loads(f"value = {text}")
        if set(parsed) == {"value"}:
            return parsed["value"]
    except tomllib.TOMLDecodeError:
        if BARE_TEXT.fullmatch(text):
            return text
    raise ConfigError(f"{assignment!r}: {text!r} is not a TOML value (text with spaces or commas needs double quotes)")


def canonical(table: Mapping[str, Any]) -> str:
    """One JSON text for all ways to write the same table: keys sorted, nothing else left to choose."""
    return json.dumps(table, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_as_json)


def digest(table: Mapping[str, Any]) -> str:
    """SHA-256 of ``canonical(table)``: the same for the same settings, whatever their order and layout.

    >>> digest({"a": 1, "b": [2, 3]}) == digest({"b": [2, 3], "a": 1})
    True
    """
    return hashlib.sha256(canonical(table).encode()).hexdigest()


def _as_json(value: Any) -> str:
    if isinstance(value, date | time):
        return value.isoformat()
    raise ConfigError(f"a setting must be a TOML value, was {value!r} ({type(value).__name__})")


def dump(table: Mapping[str, Any]) -> str:
    """The table as TOML; reading it back gives the same table.

    >>> print(dump({"seed": 1, "policy": {"type": "policies.MLP", "features": ["vol"]}}), end="")
    seed = 1
    <BLANKLINE>
    [policy]
    type = "policies.MLP"
    features = ["vol"]
    """
    return "\n".join(_section(table, "")).lstrip("\n") + "\n"


def _section(table: Mapping[str, Any], prefix: str) -> Iterator[str]:
    tables = {key: value for key, value in table.items() if isinstance(value, Mapping) or _is_tables(value)}
    yield from (f"{_key(key)} = {_inline(value)}" for key, value in table.items() if key not in tables)
    for key, value in tables.items():
        name = f"{prefix}{_key(key)}"
        for member in (value,) if isinstance(value, Mapping) else value:
            yield f"\n[{name}]" if isinstance(value, Mapping) else f"\n[[{name}]]"
            yield from _section(member, f"{name}.")


def _is_tables(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) > 0 and all(isinstance(x, Mapping) for x in value)


def _key(key: str) -> str:
    return key if BARE_KEY.fullmatch(key) else _text(key)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _inline(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int | float):  # not repr(value): NumPy's numbers are floats that print their type
        return repr(float(value) if isinstance(value, float) else int(value))
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return f"[{', '.join(_inline(x) for x in value)}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_key(k)} = {_inline(v)}' for k, v in value.items())}}}"
    raise ConfigError(f"a setting must be a TOML value, was {value!r} ({type(value).__name__})")
