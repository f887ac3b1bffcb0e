"""When two optimisers are the same, so that the second training with one need not be compiled again."""

import functools
from collections.abc import Hashable
from types import CellType, CodeType, FunctionType
from typing import Any

import jax
import numpy as np
import optax


class Optimiser:
    """An optimiser that equals another made by the same calls with the same numbers.

    Optax builds an optimiser from closures, which Python compares by identity: ``optax.adam(1e-3)`` made twice would
    compile the training loop twice. Here two of them are equal when their functions run the same code on equal enclosed
    values. Whatever cannot be compared by value counts as itself only, which costs a compilation and nothing else.

    >>> import optax
    >>> [Optimiser(optax.adam(1e-3)) == Optimiser(other) for other in (optax.adam(1e-3), optax.adam(2e-3))]
    [True, False]
    """

    def __init__(self, inner: optax.GradientTransformation):
        self.init, self.update = inner.init, inner.update
        self._value = _value(tuple(inner), ())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Optimiser) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)


def _value(thing: Any, above: tuple[int, ...]) -> Hashable:
    """What ``thing`` is made of; ``above`` holds the ids of what encloses it, so that cycles end."""
    if id(thing) in above:
        return "enclosing", above.index(id(thing))
    above = (*above, id(thing))
    if thing is None or isinstance(thing, bool | int | float | str | bytes | CodeType):
        return type(thing), thing
    if isinstance(thing, np.ndarray | np.generic) or (isinstance(thing, jax.Array) and not _is_key(thing)):
        array = np.asarray(thing)
        return "array", array.dtype.str, array.shape, array.tobytes()
    if isinstance(thing, FunctionType):
        cells = tuple(_value(_content(cell), above) for cell in thing.__closure__ or ())
        defaults = (thing.__defaults__ or (), sorted((thing.__kwdefaults__ or {}).items()))
        return thing.__module__, thing.__code__, cells, _value(defaults, above)
    if isinstance(thing, functools.partial):
        return "partial", _value((thing.func, thing.args, sorted(thing.keywords.items())), above)
    if isinstance(thing, tuple | list):
        return type(thing), tuple(_value(part, above) for part in thing)
    if isinstance(thing, dict):
        return type(thing), tuple((str(k), _value(v, above)) for k, v in thing.items())
    return _Itself(thing)


def _content(cell: CellType) -> Any:
    """What a closure holds; the cell itself while the name it encloses has no value yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return cell


def _is_key(array: jax.Array) -> bool:
    return jax.dtypes.issubdtype(array.dtype, jax.dtypes.prng_key)


class _Itself:
    """A thing without a value of its own: kept alive, so that its id stays its own, and equal to itself only."""

    def __init__(self, thing: Any):
        self.thing = thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self.thing is other.thing

    def __hash__(self) -> int:
        return id(self.thing)
