import copy
import datetime as dt
import tomllib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deephedge import config
from deephedge.core.errors import ConfigError

times = st.datetimes(min_value=dt.datetime(1000, 1, 1)) | st.dates(min_value=dt.date(1000, 1, 1)) | st.times()
scalars = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text() | times
values = st.recursive(
    scalars, lambda x: st.lists(x, max_size=4) | st.dictionaries(st.text(), x, max_size=4), max_leaves=12
)
tables = st.dictionaries(st.text(), values, max_size=5)

STUDY = """
seed = 1
[policy]
type = "policies.MLP"
width = 32
[[problem.features]]
name = "a"
[[problem.features]]
name = "b"
"""


@settings(deadline=None)
@given(tables)
def test_dump_and_read_is_the_identity(table):
    assert tomllib.loads(config.dump(table)) == table


@settings(deadline=None)
@given(tables, st.randoms())
def test_the_digest_knows_no_order_and_survives_a_file(table, random):
    def shuffled(value):
        if isinstance(value, dict):
            keys = list(value)
            random.shuffle(keys)
            return {key: shuffled(value[key]) for key in keys}
        return [shuffled(x) for x in value] if isinstance(value, list) else value

    assert config.digest(shuffled(table)) == config.digest(table)
    assert config.digest(tomllib.loads(config.dump(table))) == config.digest(table)


@pytest.mark.parametrize("other", [{"a": 2}, {"b": 1}, {"a": [1]}, {"a": "1"}, {"a": 1, "b": 1}, {"a": True}])
def test_the_digest_sees_every_change(other):
    assert config.digest(other) != config.digest({"a": 1})


def test_the_digest_is_sha256_of_compact_sorted_json():
    assert config.canonical({"b": 0.5, "a": [1, "é"]}) == '{"a":[1,"é"],"b":0.5}'
    known = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"  # sha256 of {}
    assert config.digest({}) == known


def test_dump_writes_numpy_numbers_and_tuples_and_infinity():
    table = {"x": np.float64(0.25), "y": (1, 2), "z": float("inf"), "t": ({"a": 1}, {"a": 2})}
    assert tomllib.loads(config.dump(table)) == {"x": 0.25, "y": [1, 2], "z": float("inf"), "t": [{"a": 1}, {"a": 2}]}


@pytest.mark.parametrize("value", [object(), {1, 2}, 1j])
def test_what_toml_cannot_say_is_refused(value):
    with pytest.raises(ConfigError, match="must be a TOML value"):
        config.dump({"a": value})
    with pytest.raises(ConfigError, match="must be a TOML value"):
        config.digest({"a": value})


@pytest.mark.parametrize(
    ("assignment", "route", "value"),
    [
        ("policy.width=64", ("policy", "width"), 64),
        ("policy.width = 64", ("policy", "width"), 64),
        ("policy.depth=3", ("policy", "depth"), 3),
        ("seed=2", ("seed",), 2),
        ("policy.type=policies.GRU", ("policy", "type"), "policies.GRU"),
        ('policy.type="policies.GRU"', ("policy", "type"), "policies.GRU"),
        ("policy.lr=1e-3", ("policy", "lr"), 1e-3),
        ("policy.on=true", ("policy", "on"), True),
        ("policy.features=['a', 'b']", ("policy", "features"), ["a", "b"]),
        ("policy.expiry=30/365", ("policy", "expiry"), "30/365"),
        ("policy.source=../data/A_equity", ("policy", "source"), "../data/A_equity"),
        ("policy.first=2014-01-03", ("policy", "first"), dt.date(2014, 1, 3)),
        ("policy={type='x', deep={a=1}}", ("policy",), {"type": "x", "deep": {"a": 1}}),
        ('policy."odd key"=1', ("policy", "odd key"), 1),
        ("policy.note='a=b'", ("policy", "note"), "a=b"),
        ("problem.features.1.name=c", ("problem", "features", 1, "name"), "c"),
        ("problem.features.0={name='z'}", ("problem", "features", 0), {"name": "z"}),
    ],
)
def test_an_override_sets_one_key_and_nothing_else(assignment, route, value):
    study = tomllib.loads(STUDY)
    before = copy.deepcopy(study)
    changed = config.override(study, [assignment])
    assert study == before
    owner, expected = changed, before
    for part in route[:-1]:
        owner, expected = owner[part], expected[part]
    assert owner[route[-1]] == value and type(owner[route[-1]]) is type(value)
    expected[route[-1]] = value
    assert changed == before


def test_later_overrides_win():
    assert config.override({"seed": 1}, ["seed=2", "seed=3"]) == {"seed": 3}


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("policy.width", r"written key=value, was 'policy\.width'"),
        ("polcy.width=64", r"polcy: no such table, did you mean 'policy'\?"),
        ("problem.feature.0.name=1", r"problem\.feature: no such table, did you mean 'features'\?"),
        ("seed.x=1", r"seed is not a table, so seed\.x cannot be set"),
        ("seed.x.y=1", r"seed\.x: no such table"),
        ("problem.features.2.name='c'", r"problem\.features\.2: the list has members 0 to 1"),
        ("problem.features.7='c'", r"problem\.features\.7: the list has members 0 to 1"),
        ("policy.width=", r"is not a TOML value"),
        ("policy.width=two words", r"'two words' is not a TOML value"),
        ("policy.width=1\nseed=5", r"is not a TOML value"),
        ("policy..width=1", r"is not a dotted key"),
        ("=1", r"is not a dotted key"),
    ],
)
def test_an_override_that_fits_nowhere_is_refused(assignment, message):
    with pytest.raises(ConfigError, match=message):
        config.override(tomllib.loads(STUDY), [assignment])


def test_load_reads_a_file(tmp_path):
    (tmp_path / "study.toml").write_text(STUDY)
    assert config.load(tmp_path / "study.toml") == tomllib.loads(STUDY)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("seed = 1\nvol = ,\n", r"study\.toml line 2, column 7: Invalid value: vol = ,"),
        ("seed = 1\nseed = 2\n", r"study\.toml line 2, .*: Cannot overwrite a value: seed = 2"),
        ("[policy\n", r"study\.toml line 1"),
        ("a = 'open", r"study\.toml"),
    ],
)
def test_a_syntax_error_names_its_line(tmp_path, content, message):
    (tmp_path / "study.toml").write_text(content)
    with pytest.raises(ConfigError, match=message) as caught:
        config.load(tmp_path / "study.toml")
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read the study file .*nowhere\.toml: No such file"):
        config.load(tmp_path / "nowhere.toml")
    with pytest.raises(ConfigError, match=r"cannot read the study file .*: Is a directory"):
        config.load(tmp_path)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        config.load(tmp_path / "binary.toml")
