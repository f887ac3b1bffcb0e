"""Whether a TOML value fits a type annotation, and what it becomes there."""

import collections.abc as abc
import inspect
import re
import types
from dataclasses import dataclass
from typing import Annotated, Any, ForwardRef, Literal, TypeVar, Union, get_args, get_origin

import jax
import numpy as np

FRACTION = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*/\s*(\d+(?:\.\d+)?)\s*")
UNIONS = (Union, types.UnionType)
SEQUENCES = (tuple, list, abc.Sequence, abc.Iterable, abc.Collection)
MAPPINGS = (dict, abc.Mapping)
NUMBERS = (float, complex, np.number)


class Misfit(Exception):
    """The value does not fit the annotation."""


@dataclass(frozen=True)
class Made:
    """Base of values that a nested table will make; ``result`` annotates what comes out."""

    result: Any


def convert(value: Any, kind: Any) -> Any:
    """``value`` as an argument annotated ``kind``; raises ``Misfit``. Where nothing is said, all passes."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind is Any or kind is inspect.Parameter.empty or isinstance(kind, str | TypeVar | ForwardRef):
        return value
    if origin is Annotated:
        return convert(value, parts[0])
    if origin in UNIONS:
        return _one_of(value, parts)
    if origin is Literal:
        return _only(value, any(value == part and type(value) is type(part) for part in parts))
    if isinstance(value, Made):
        return _only(value, _makes(value.result, kind))
    if value is None or kind is None or kind is types.NoneType:
        return _only(value, value is None and kind in (None, types.NoneType))
    if _is_array(kind):
        return _numbers(value, scalar=getattr(kind, "dim_str", None) == "")
    return _plain(value, origin or kind, parts)


def words(kind: Any) -> str:
    """What an annotation asks for, in words."""
    return " or ".join(dict.fromkeys(_choices(kind)))


def _choices(kind: Any) -> list[str]:
    origin, parts = get_origin(kind), get_args(kind)
    if origin in UNIONS:
        return [choice for part in parts if part is not types.NoneType for choice in _choices(part)]
    if origin is Literal:
        return [repr(part) for part in parts]
    if _is_array(kind):
        return ["a number"] if getattr(kind, "dim_str", None) == "" else ["a number", "a list of numbers"]
    base = origin or kind
    if base in SEQUENCES:
        alike = bool(parts) and (base is not tuple or parts[1:] == (...,))
        return [f"a list ({words(parts[0])} each)" if alike else f"a list of {len(parts)}" if parts else "a list"]
    known = {bool: "true or false", int: "a whole number", str: "text", abc.Callable: "a table that makes a function"}
    known |= dict.fromkeys(NUMBERS, "a number") | dict.fromkeys(MAPPINGS, "a table without type")
    return [known.get(base) or f"a table that makes {getattr(base, '__name__', base)}"]


def _one_of(value: Any, kinds: tuple) -> Any:
    if isinstance(value, str) and str in kinds:
        return value
    if float in kinds:  # array libraries count a truth value among the numbers; a study does not
        kinds = tuple(kind for kind in kinds if kind is not bool)
    for kind in kinds:
        try:
            return convert(value, kind)
        except Misfit:
            continue
    raise Misfit


def _plain(value: Any, kind: Any, parts: tuple) -> Any:
    if kind in NUMBERS:
        return float(_number(value)) if kind is float else _number(value)
    if kind in (int, bool, str):
        return _only(value, type(value) is kind)
    if kind in SEQUENCES:
        return _sequence(value, list if kind is list else tuple, parts)
    if kind in MAPPINGS:
        _only(value, isinstance(value, dict))
        return {key: convert(item, parts[1]) for key, item in value.items()} if len(parts) == 2 else value
    return _only(value, not isinstance(kind, type) or isinstance(value, kind))


def _sequence(value: Any, make: type, parts: tuple) -> Any:
    _only(value, isinstance(value, list | tuple))
    if make is tuple and parts and parts[-1] is not ... and len(parts) > 1:
        _only(value, len(value) == len(parts))
        return tuple(convert(item, kind) for item, kind in zip(value, parts, strict=True))
    return make(convert(item, parts[0]) if parts else item for item in value)


def _number(value: Any) -> float | int:
    if isinstance(value, str) and (found := FRACTION.fullmatch(value)) and float(found[2]) != 0:
        return float(found[1]) / float(found[2])
    if isinstance(value, int | float) and not isinstance(value, bool) and value == value:
        return value
    raise Misfit


def _numbers(value: Any, *, scalar: bool) -> Any:
    if isinstance(value, list | tuple) and not scalar:
        return tuple(_numbers(item, scalar=False) for item in value)
    return _number(value)


def _makes(result: Any, kind: Any) -> bool:
    """Whether a call annotated ``-> result`` can stand where ``kind`` is wanted; true where that cannot be told."""
    if get_origin(result) in UNIONS:
        return any(_makes(part, kind) for part in get_args(result))
    base, wanted = get_origin(result) or result, get_origin(kind) or kind
    if not isinstance(base, type) or not isinstance(wanted, type):
        return True
    try:
        return issubclass(base, wanted)
    except TypeError:
        return True


def _is_array(kind: Any) -> bool:
    return hasattr(kind, "dim_str") or kind in (jax.Array, np.ndarray)


def _only(value: Any, fits: bool) -> Any:
    if not fits:
        raise Misfit
    return value
