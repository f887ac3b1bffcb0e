"""A table is a constructor call by public name; whatever is wrong with it is said before anything is made."""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from jaxtyping import PRNGKeyArray

from deephedge.config.kinds import Made, Misfit, convert, words
from deephedge.core.errors import ConfigError, DeephedgeError, nearest, require
from deephedge.core.random import named_key

Namespace = Mapping[str, Callable]
NOTHING = "none"

# what a study may name of optax: namespace({..., "optax": (optax, OPTAX)})
OPTAX = (
    "adabelief", "adam", "adamax", "adamw", "add_decayed_weights", "amsgrad", "chain", "clip", "clip_by_global_norm",
    "constant_schedule", "cosine_decay_schedule", "exponential_decay", "join_schedules", "lamb", "linear_schedule",
    "lion", "nadam", "nadamw", "polynomial_schedule", "radam", "rmsprop", "sgd", "warmup_constant_schedule",
    "warmup_cosine_decay_schedule", "warmup_exponential_decay_schedule", "yogi", "zero_nans",
)  # fmt: skip


@dataclass(frozen=True)
class _Call(Made):
    """A constructor and its checked arguments, with the calls that make them still inside."""

    place: str
    name: str
    target: Callable
    arguments: dict[str, Any]
    signature: inspect.Signature
    keyed: bool


def namespace(modules: Mapping[str, ModuleType | tuple[ModuleType, Iterable[str]]]) -> dict[str, Callable]:
    """The names that a study may use: what each module lists in ``__all__``, or the names given beside it.

    ``modules`` maps a prefix to a module, or to a module and names; abstract classes and values are left out.

    >>> import deephedge as dh
    >>> names = namespace({"": (dh, ["TimeGrid"]), "objectives": dh.objectives})
    >>> "objectives.CVaR" in names, "objectives.AbstractObjective" in names
    (True, False)
    """
    result = {}
    for prefix, entry in modules.items():
        module, names = entry if isinstance(entry, tuple) else (entry, entry.__all__)
        for name in names:
            value = getattr(module, name)
            if callable(value) and not inspect.isabstract(value):
                result[f"{prefix}.{name}" if prefix else name] = value
    return result


def build(
    table: Any,
    *,
    namespace: Namespace,
    place: str = "",
    key: PRNGKeyArray | None = None,
    expected: Any = Any,
) -> Any:
    """Call the constructor that ``table["type"]`` (or ``["call"]``) names, with the other keys as its arguments.

    Tables inside are built first, lists become tuples, ``"30/365"`` is a number where a number is wanted, and
    ``{type = "none"}`` is ``None``. ``Class.method`` reaches a public class method. Constructors that draw random
    numbers take ``key`` folded with their place, so another table elsewhere changes none of them. The whole table is
    checked before the first constructor runs: an unknown or missing key or a value of another type raises
    ``ConfigError`` with its place and, for a misspelt one, the nearest known name; ``expected`` is the type wanted.

    >>> import deephedge as dh
    >>> names = namespace({"objectives": dh.objectives})
    >>> float(build({"type": "objectives.CVaR", "level": 0.5}, namespace=names).level)
    0.5
    """
    return _make(_check(table, namespace, place, key is not None, expected), key)


def check(table: Any, *, namespace: Namespace, place: str = "", expected: Any = Any) -> None:
    """Raise ``ConfigError`` where ``build`` would refuse the table; makes nothing."""
    _check(table, namespace, place, True, expected)


def _check(table: Any, names: Namespace, place: str, keyed: bool, expected: Any) -> _Call | None:
    require(isinstance(table, Mapping), f"{place or 'a study'}: expected a table, was {_shown(table)}", ConfigError)
    found = f"it has {', '.join(table) or 'nothing'}"
    wanted = f"{place or 'the table'}: missing key 'type', a name such as 'markets.BlackScholes'; {found}"
    require(_is_call(table), wanted, ConfigError)
    return _fitted(_plan(table, names, place, keyed), expected, place)


def _is_call(table: Any) -> bool:
    return isinstance(table, Mapping) and ("type" in table or "call" in table)


def _plan(table: Mapping[str, Any], names: Namespace, place: str, keyed: bool) -> _Call | None:
    word = "type" if "type" in table else "call"
    name, given = table[word], {key: value for key, value in table.items() if key != word}
    if name == NOTHING and not given:
        return None
    target = _resolve(name, names, _at(place, word))
    signature = _signature(target)
    open_ended = inspect.Parameter.VAR_KEYWORD
    parameters = {p.name: _annotation(target, p) for p in signature.parameters.values() if p.kind is not open_ended}
    random = "key" in parameters
    require(
        not random or "key" not in given, f"{_at(place, 'key')}: not a setting; it follows from the seed", ConfigError
    )
    parameters.pop("key", None)
    arguments = {}
    for key, value in given.items():
        here = _at(place, key)
        if key not in parameters:
            raise ConfigError(f"{here}: unknown key, {nearest(key, parameters)}")
        arguments[key] = _fitted(_inside(value, names, here, keyed), parameters[key], here)
    _nothing_missing(signature, arguments, name, place, keyed)
    return _Call(_result(target, signature), place, name, target, arguments, signature, random)


def _inside(value: Any, names: Namespace, place: str, keyed: bool) -> Any:
    if _is_call(value):
        return _plan(value, names, place, keyed)
    if isinstance(value, Mapping):
        return {key: _inside(item, names, _at(place, key), keyed) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_inside(item, names, f"{place}[{n}]", keyed) for n, item in enumerate(value))
    return value


def _fitted(value: Any, kind: Any, place: str) -> Any:
    try:
        return convert(value, kind)
    except Misfit:
        raise ConfigError(f"{place or 'the table'}: expected {words(kind)}, was {_shown(value)}") from None


def _resolve(name: Any, names: Namespace, place: str) -> Callable:
    require(isinstance(name, str), f"{place}: expected a public name in quotes, was {_shown(name)}", ConfigError)
    if name in names:
        return names[name]
    owner, _, method = name.rpartition(".")
    made_by = names.get(owner)
    if inspect.isclass(made_by) and not method.startswith("_"):
        if isinstance(inspect.getattr_static(made_by, method, None), classmethod):
            return getattr(made_by, method)
    raise ConfigError(f"{place}: unknown name {name!r}, {_hint(name, owner, method, names)}")


def _hint(name: str, owner: str, method: str, names: Namespace) -> str:
    """The same name in another family, the nearest of its own family, or the families there are."""
    elsewhere = [known for known in names if known.rpartition(".")[2].lower() == method.lower()]
    family = [known for known in names if owner and known.startswith(f"{owner}.")]
    if elsewhere or family:
        return nearest(elsewhere[0] if elsewhere else name, elsewhere or family)
    return f"known families: {', '.join(sorted({known.rpartition('.')[0] for known in names} - {''}))}"


@functools.cache
def _signature(target: Callable) -> inspect.Signature:
    try:
        return inspect.signature(target, eval_str=True)
    except (NameError, AttributeError, TypeError):
        return inspect.signature(target)


def _annotation(target: Callable, parameter: inspect.Parameter) -> Any:
    """The annotation of a parameter; that of the field it fills where a converter took it away."""
    kind = parameter.annotation
    if kind in (Any, inspect.Parameter.empty) and inspect.isclass(target) and dataclasses.is_dataclass(target):
        kind = {field.name: field.type for field in dataclasses.fields(target)}.get(parameter.name, Any)
    return tuple[kind, ...] if parameter.kind is parameter.VAR_POSITIONAL else kind


def _nothing_missing(
    signature: inspect.Signature, given: Mapping[str, Any], name: str, place: str, keyed: bool
) -> None:
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [p.name for p in signature.parameters.values() if p.default is p.empty and p.kind not in optional]
    require(keyed or "key" not in needed, f"{place or name}: {name} draws random numbers and needs a key", ConfigError)
    missing = [repr(key) for key in needed if key not in given and key != "key"]
    plural = "keys" if len(missing) > 1 else "key"
    require(not missing, f"{place or 'the table'}: missing {plural} {', '.join(missing)} of {name}", ConfigError)


def _result(target: Callable, signature: inspect.Signature) -> Any:
    return target if inspect.isclass(target) else signature.return_annotation


def _make(node: Any, key: PRNGKeyArray | None) -> Any:
    if isinstance(node, dict):
        return {name: _make(item, key) for name, item in node.items()}
    if isinstance(node, list | tuple):
        return type(node)(_make(item, key) for item in node)
    return _call(node, key) if isinstance(node, _Call) else node


def _call(call: _Call, key: PRNGKeyArray | None) -> Any:
    arguments = {name: _make(value, key) for name, value in call.arguments.items()}
    if call.keyed and key is not None:
        arguments["key"] = named_key(key, call.place)
    bound = inspect.BoundArguments(call.signature, arguments)  # pyright: ignore
    try:
        return call.target(*bound.args, **bound.kwargs)
    except DeephedgeError as error:
        raise type(error)(f"{call.place or call.name}: {error}") from error
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{call.place or call.name}: {call.name} refused its arguments: {error}") from error


def _at(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


def _shown(value: Any) -> str:
    if isinstance(value, _Call):
        return value.name
    if isinstance(value, Mapping):
        return "a table without 'type'"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(_shown(item) for item in value)}]"
    return f"the text {value!r}" if isinstance(value, str) else repr(value)
