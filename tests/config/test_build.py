import datetime as dt
import tomllib
from functools import partial
from types import ModuleType

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jaxtyping import Array, Float

import deephedge as dh
from deephedge import config
from deephedge.core.errors import ConfigError, GridError, ParameterError
from deephedge.core.random import named_key

FAMILIES = ("features", "frictions", "instruments", "markets", "objectives", "policies")
NAMES = config.namespace(
    {
        "": (dh, ["HedgingProblem", "TimeGrid"]),
        **{family: getattr(dh, family) for family in FAMILIES},
        "optax": (optax, config.OPTAX),
    }
)
MARKET = {"type": "markets.BlackScholes", "names": "SPX", "vol": 0.2}
PROBLEM = {
    "type": "HedgingProblem",
    "grid": {"type": "TimeGrid.uniform", "maturity": "30/365", "steps": 30},
    "liability": {
        "call": "instruments.short",
        "contract": {"type": "instruments.EuropeanCall", "underlier": "SPX", "strike": 1, "expiry": "30/365"},
    },
    "instruments": [{"type": "instruments.Spot", "underlier": "SPX"}],
    "features": [
        {"type": "features.LogMoneyness", "underlier": "SPX", "strike": 1.0},
        {"type": "features.TimeLeft", "expiry": "30/365"},
        {"type": "features.Quote", "quote": "SPX.vol", "name": "vol"},
    ],
    "cost": {"type": "frictions.ProportionalCost", "rate": 5e-3},
}


class Part(eqx.Module):
    """A constructor whose arguments tell what they became."""

    number: Float[Array, ""] = eqx.field(converter=jnp.asarray, default=0.0)
    day: dt.date = eqx.field(static=True, default=dt.date(2000, 1, 1))
    members: dict[str, "Part"] = eqx.field(default_factory=dict)


def keyed(*, key: jax.Array, width: int = 1) -> tuple:
    return key, width


def splat(first: int, *rest: Part) -> tuple:
    return first, rest


LOCAL = {"Part": Part, "keyed": keyed, "splat": splat}


def build(table, place="", **options):
    return config.build(table, namespace=NAMES, place=place, **options)


def same(left, right):
    return bool(eqx.tree_equal(left, right))


def test_a_table_is_the_constructor_call():
    assert same(build(MARKET), dh.markets.BlackScholes("SPX", vol=0.2))


def test_a_whole_problem_is_the_one_written_in_python():
    f, i = dh.features, dh.instruments
    expected = dh.HedgingProblem(
        grid=dh.TimeGrid.uniform(maturity=30 / 365, steps=30),
        liability=i.short(i.EuropeanCall("SPX", strike=1.0, expiry=30 / 365)),
        instruments=(i.Spot("SPX"),),
        features=(f.LogMoneyness("SPX", 1.0), f.TimeLeft(30 / 365), f.Quote("SPX.vol", "vol")),
        cost=dh.frictions.ProportionalCost(5e-3),
    )
    assert same(build(PROBLEM, expected=dh.HedgingProblem), expected)


def test_a_study_written_out_and_read_back_builds_the_same():
    read = tomllib.loads(config.dump({"problem": PROBLEM}))["problem"]
    assert config.digest(read) == config.digest(PROBLEM)
    assert same(build(read), build(PROBLEM))


def test_optimisers_and_schedules_nest():
    schedule = {"type": "optax.cosine_decay_schedule", "init_value": 1e-2, "decay_steps": 10}
    clip = {"type": "optax.clip_by_global_norm", "max_norm": 1}
    table = {"type": "optax.chain", "args": [clip, {"type": "optax.adam", "learning_rate": schedule}]}
    ours = build(table)
    theirs = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(optax.cosine_decay_schedule(1e-2, 10)))
    start, gradient = jnp.ones(3), jnp.arange(3.0)
    np.testing.assert_array_equal(*[o.update(gradient, o.init(start))[0] for o in (ours, theirs)])


def test_every_allowed_name_of_optax_is_there():
    assert all(f"optax.{name}" in NAMES for name in config.OPTAX)


def test_none_is_written_as_a_table():
    band = {"type": "policies.NoTransactionBand", "features": ["log_moneyness", "time_left", "vol"]}
    key = jax.random.key(0)
    assert build(band, key=key).centre is not None
    assert build(band | {"centre": {"type": "none"}}, key=key).centre is None


def test_tables_without_a_type_are_dictionaries_of_built_things():
    part = config.build({"type": "Part", "members": {"a": {"type": "Part", "number": 2}}}, namespace=LOCAL)
    assert isinstance(part.members["a"], Part) and float(part.members["a"].number) == 2.0


def test_days_pass_as_days():
    day = dt.date(2014, 1, 3)
    assert config.build({"type": "Part", "day": day}, namespace=LOCAL).day == day
    with pytest.raises(ConfigError, match=r"day: expected a table that makes date, was the text '2014'"):
        config.build({"type": "Part", "day": "2014"}, namespace=LOCAL)


def test_members_beyond_the_named_arguments_are_a_list():
    first, rest = config.build({"call": "splat", "first": 1, "rest": [{"type": "Part"}] * 2}, namespace=LOCAL)
    assert first == 1 and len(rest) == 2 and all(isinstance(part, Part) for part in rest)


def test_keys_follow_from_the_place_alone():
    key = jax.random.key(7)
    got = config.build({"call": "keyed"}, namespace=LOCAL, place="policies.band", key=key)[0]
    assert got == named_key(key, "policies.band")
    with pytest.raises(ConfigError, match=r"policies\.band: keyed draws random numbers and needs a key"):
        config.build({"call": "keyed"}, namespace=LOCAL, place="policies.band")
    with pytest.raises(ConfigError, match=r"policies\.band\.key: not a setting; it follows from the seed"):
        config.build({"call": "keyed", "key": 1}, namespace=LOCAL, place="policies.band", key=key)


def uniform(**change):
    return {"type": "TimeGrid.uniform", "maturity": 1, "steps": 30} | change


def problem(**change):
    return PROBLEM | change


BAND = {"type": "policies.MLP", "features": ["vol"], "widht": 64}
LATE = {"type": "features.TimeLeft", "expriy": 1}
ADAM = {"type": "optax.adam", "learning_rate": 1e-3}
NUMBERS = "a number or a list of numbers"
MEANT = r"did you mean 'markets\.BlackScholes'\?"


@pytest.mark.parametrize(
    ("place", "table", "message"),
    [
        ("market", MARKET | {"volt": 1}, r"market\.volt: unknown key, did you mean 'vol'\?"),
        ("policies.band", BAND, r"policies\.band\.widht: unknown key, did you mean 'width'\?"),
        ("p", problem(features=[LATE]), r"p\.features\[0\]\.expriy: unknown key, did you mean 'expiry'\?"),
        ("market", MARKET | {"vol": "high"}, rf"market\.vol: expected {NUMBERS}, was the text 'high'"),
        ("market", MARKET | {"names": 3}, r"market\.names: expected text or a list \(text each\), was 3"),
        ("grid", uniform(steps=30.0), r"grid\.steps: expected a whole number, was 30\.0"),
        ("", ADAM | {"learning_rate": "fast"}, r"learning_rate: expected a number .* function, was the text 'fast'"),
        ("", ADAM | {"learning_rate": True}, r"learning_rate: expected a number .*, was true"),
        ("", ADAM | {"learning_rate": MARKET}, r"learning_rate: expected .*, was markets\.BlackScholes"),
        ("p", problem(instruments=[MARKET]), r"p\.instruments: .*AbstractTradable each\), was \[markets\.BlackSch"),
        ("p", problem(cost=0.01), r"p\.cost: expected a table that makes AbstractCost, was 0\.01"),
        ("p", problem(cost={"rate": 1}), r"p\.cost: .*AbstractCost, was a table without 'type'"),
        ("market", {"type": "markets.BlackScholes", "names": "SPX"}, r"market: missing key 'vol' of markets\.Black"),
        ("", {"type": "markets.BlackScholes"}, r"the table: missing keys 'names', 'vol' of markets\.BlackScholes"),
        ("market", {"type": "markets.BlakScholes"}, rf"unknown name 'markets\.BlakScholes', {MEANT}"),
        ("market", {"type": "BlackScholes"}, rf"market\.type: unknown name 'BlackScholes', {MEANT}"),
        ("market", {"type": "policies.blackscholes"}, MEANT),
        ("market", {"type": "quux"}, "known families: features, frictions, instruments, markets, objectives, optax"),
        ("market", {"type": 3}, r"market\.type: expected a public name in quotes, was 3"),
        ("market", {"tpye": "markets.BlackScholes"}, r"market: missing key 'type', .*; it has tpye"),
        ("market", {}, r"missing key 'type'.*it has nothing"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(place, table, message):
    with pytest.raises(ConfigError, match=message):
        build(table, place, key=jax.random.key(0))
    with pytest.raises(ConfigError, match=message):
        config.check(table, namespace=NAMES, place=place)


@pytest.mark.parametrize("table", [3, "markets.BlackScholes", [MARKET]])
def test_only_tables_are_built(table):
    with pytest.raises(ConfigError, match="market: expected a table, was"):
        build(table, "market")


@pytest.mark.parametrize(
    "name",
    [
        "os.system", "builtins.eval", "markets.AbstractMarket", "TimeGrid.__init__", "TimeGrid.from_dates.__func__",
        "TimeGrid.steps", "HedgingProblem.feature_names", "optax.inject_hyperparams", "optax", "markets", "", ".",
    ],
)  # fmt: skip
def test_nothing_but_the_public_names_can_be_called(name):
    with pytest.raises(ConfigError, match="unknown name"):
        build({"type": name})


def test_the_namespace_leaves_out_abstract_classes_and_values():
    module = ModuleType("module")
    vars(module).update(Part=Part, PI=3.14, AbstractMarket=dh.markets.AbstractMarket, hidden=keyed)
    vars(module)["__all__"] = ["AbstractMarket", "PI", "Part"]
    assert config.namespace({"x": module}) == {"x.Part": Part}
    assert config.namespace({"": (module, ["hidden"])}) == {"hidden": keyed}


def test_everything_is_checked_before_anything_is_made():
    made = []

    def record(size: int = 1) -> Part:
        made.append(size)
        return Part()

    table = {"type": "Part", "members": {"good": {"type": "record"}, "bad": {"type": "record", "sise": 2}}}
    with pytest.raises(ConfigError, match=r"members\.bad\.sise: unknown key, did you mean 'size'\?"):
        config.build(table, namespace=LOCAL | {"record": record})
    assert made == []


def test_expected_refuses_another_family():
    for make in (build, partial(config.check, namespace=NAMES)):
        with pytest.raises(
            ConfigError, match=r"market: expected a table that makes AbstractMarket, was frictions\.Box"
        ):
            make({"type": "frictions.Box"}, place="market", expected=dh.markets.AbstractMarket)


def test_what_a_constructor_refuses_keeps_its_kind_and_gains_its_place():
    call = PROBLEM["liability"] | {"contract": PROBLEM["liability"]["contract"] | {"strike": -1}}
    with pytest.raises(ParameterError, match=r"^problem\.liability\.contract: strike must be"):
        build(PROBLEM | {"liability": call}, "problem")
    with pytest.raises(GridError, match=r"^grid: maturity must be positive"):
        build({"type": "TimeGrid.uniform", "maturity": -1, "steps": 3}, "grid")
    with pytest.raises(ConfigError, match=r"^market: markets\.BlackScholes refused its arguments"):
        build(MARKET | {"correlation": [[1], [1, 2]]}, "market")


def test_check_makes_nothing_and_passes_what_is_right():
    table = {"type": "policies.MLP", "features": ["vol"], "width": 64}
    assert config.check(table, namespace=NAMES, expected=dh.policies.AbstractPolicy) is None
