"""Walks and ablations: every window is tested once and never trained on; a useful feature is found to be one."""

import numpy as np
import pytest

from deephedge import config
from deephedge.core.errors import ConfigError
from deephedge.studies import Study, ablate, walk
from deephedge.studies.walkforward import by_stretch, stretches

DATA = """
[data]
source = "index.csv"
name = "SPX"
train = ["2010-01-04", "2011-12-30"]
validation = ["2012-01-02", "2012-12-31"]
test = ["2013-01-01", "2014-12-31"]

[market]
type = "fitted.BlockBootstrap"

[walk]
first = "2012-06-01"
every = 200
validation = 60
train = 250
"""
TINY = ["training.updates=2", "training.validation=history", "training.validate_every=1", "test.resamples=20"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("index")
    days = np.arange("2010-01-01", "2015-01-01", dtype="datetime64[D]")
    days = days[np.is_busday(days)]
    rng = np.random.default_rng(0)
    prices = 1000 * np.exp(np.cumsum(0.01 * rng.standard_normal(len(days))))
    rows = [f"{day},{price:.4f},20" for day, price in zip(days, prices, strict=True)]
    (place / "index.csv").write_text("date,close,vix\n" + "\n".join(rows) + "\n")
    return place


@pytest.fixture
def study(folder, tiny_file):
    def made(*overrides: str) -> Study:
        table = config.parse(tiny_file.read_text(), "tiny") | config.parse(DATA, "data")
        return Study("tiny", config.override(table, [*TINY, *overrides]), [folder])

    return made


def test_no_outcome_that_fits_or_chooses_is_part_of_a_test(study):
    one = study()
    days, steps = one.history.dates, one.problem.grid.steps
    parts = stretches(one)
    place = {str(day): number for number, day in enumerate(days)}
    assert parts[0].test[0] == "2012-06-01" and parts[-1].test[1] == str(days[-1]) and len(parts) == 4
    tested = []
    for part in parts:
        (a, b), (c, d), (e, f) = ((place[x], place[y]) for x, y in (part.train, part.validation, part.test))
        assert c - b > steps and e - d > steps and b - a + 1 == 250 and d - c + 1 == 60
        tested += list(range(e, f + 1 - steps))  # starts of the test's windows
    assert tested == list(range(place["2012-06-01"], len(days) - steps))


def test_an_expanding_walk_begins_with_the_history(study):
    assert {part.train[0] for part in stretches(study("walk={first='2012-06-01',every=300,validation=60}"))} == {
        "2010-01-01"
    }


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ('walk.first="2010-03-01"', "begin later"),
        ('walk.first="2014-12-30"', "no window of 5 days fits"),
        ("walk.every=1", "2 days or more"),
        ("walk.evry=5", "did you mean 'every'"),
    ],
)
def test_mistakes_in_a_walk(study, override, told):
    with pytest.raises(ConfigError, match=told):
        stretches(study(override))


def test_a_walk_is_one_record_and_goes_on_where_it_was(study, tmp_path):
    one = study('walk.first="2014-02-03"', "walk.every=150")
    walked = walk(one, out=tmp_path)
    assert len(walked.stretches) == 2 and set(walked.whole.estimates) == {"mlp", "delta"}
    counts = [found.paths for found in walked.each]
    assert walked.whole.paths == sum(counts) and counts[0] == 150
    means = [found.estimates["delta"]["mean"].value for found in walked.each]
    assert walked.whole.estimates["delta"]["mean"].value == pytest.approx(np.average(means, weights=counts), rel=1e-5)
    assert len(list(by_stretch(walked))) == 2
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("weights/*")}
    again = walk(one, out=tmp_path)
    assert again.whole == walked.whole
    assert before == {file: file.stat().st_mtime_ns for file in tmp_path.rglob("weights/*")}


def test_features_are_switched_off_in_one_line(study, tmp_path):
    whole = study("groups={time=['time_left'],money=['log_moneyness']}")
    assert whole.policies["mlp"].features == ("log_moneyness", "time_left")
    assert study('off=["time_left"]').policies["mlp"].features == ("log_moneyness",)
    assert study("groups={time=['time_left']}", 'off=["time"]').policies["mlp"].features == ("log_moneyness",)
    for off, told in (("tim_left", "did you mean 'time_left'"), ("vol", "no feature that a policy reads")):
        with pytest.raises(ConfigError, match=told):
            study(f'off=["{off}"]')
    with pytest.raises(ConfigError, match="nothing is left"):
        study('off=["time_left", "log_moneyness"]')


def test_ablation_says_what_helped(study, tmp_path):
    one = study("groups={time=['time_left'],money=['log_moneyness']}", "training.updates=40", "training.paths=256")
    found = ablate(one, seeds=2, out=tmp_path)
    money, time = sorted(found.rows, key=lambda row: -row.value)
    assert (money.group, time.group) == ("money", "time")  # a hedge that does not see the spot is no hedge
    assert money.value > 0 and money.low <= money.value <= money.high and len(money.seeds) == 2
    again = ablate(one, ["money"], seeds=2, out=tmp_path)
    assert again.rows[0].seeds == money.seeds
    assert len(list(tmp_path.glob("*/*/manifest.json"))) == 6


def test_mistakes_in_an_ablation(study, tmp_path):
    one = study("groups={time=['time_left']}")
    cases = [
        (lambda: ablate(study(), out=tmp_path), "has no groups"),
        (lambda: ablate(one, ["tim"], out=tmp_path), "did you mean 'time'"),
        (lambda: ablate(one, policy="gru", out=tmp_path), "trains no policy 'gru'"),
        (lambda: ablate(one, seeds=1, out=tmp_path), "2 or more"),
    ]
    for ask, told in cases:
        with pytest.raises(ConfigError, match=told):
            ask()
