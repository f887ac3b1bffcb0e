"""Walks and ablations: every window is tested once and never trained on; a useful feature is found to be one."""

import numpy as np
import pytest

from deephedge import config
from deephedge.core.errors import ArtefactError, ConfigError
from deephedge.evaluation import Unit
from deephedge.studies import Study, ablate, backtest, explained, open_run, train, tries, walk
from deephedge.studies.evaluation import backtest_ledgers
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_every_look_at_the_test_years_is_on_record_and_all_are_tested_together(study, tmp_path):
    runs = []
    for number, override in enumerate(("seed=1", "seed=2", "seed=1")):
        one = study(override)
        place = open_run(one, out=tmp_path)
        train(one, place)
        backtest(one, place)
        runs.append(place)
        assert place.manifest["tries"] == min(number + 1, 2)  # the same settings again are no further try
    looks = tries.tries(tmp_path)
    assert len(looks) == 3 and {one.test for one in looks} == {("2013-01-01", "2014-12-31")}
    (years,), (found,) = zip(*tries.tested(tmp_path).items(), strict=True)
    assert years == f"2013-01-01 to 2014-12-31 ({one.name})" and found.tried == 2
    assert tries.unit(tmp_path, years) == Unit(one.report.unit, one.report.factor)
    ledgers = [backtest_ledgers(run)[0] for run in runs[:2]]
    for run, each in zip(runs, ledgers, strict=False):
        gap = np.asarray(each["mlp"].wealth, float) - np.asarray(each["delta"].wealth, float)
        assert found.advantage[f"{run.path.name} mlp"] == pytest.approx(gap.mean(), rel=1e-5)
    assert tries.table(years, found, Unit()).row_count == 2
    with pytest.raises(ArtefactError, match="no record of tries"):
        tries.tested(tmp_path / "elsewhere")
    with open(tmp_path / tries.RECORD, "a") as out:
        out.write('{"looked": "2024')
    with pytest.raises(ArtefactError, match="line 4 is not a try"):
        tries.tries(tmp_path)


def test_wealth_is_explained_to_the_last_bit(study, tmp_path):
    one = study()
    place = open_run(one, out=tmp_path)
    train(one, place)
    backtest(one, place)
    found = explained.explain(one, place)
    for name, ledger in backtest_ledgers(place)[0].items():
        total = np.sum(list(found[name].total().values()), axis=0)
        np.testing.assert_allclose(total, np.asarray(ledger.wealth, float), atol=1e-6)
    before = {term: each[:, :-1].sum(axis=1) for term, each in found["delta"].terms.items()}
    assert np.std(before["unexplained"]) < 0.3 * np.std(before["gamma"])  # the last step meets the payoff's kink
    rows = place.read_frame(explained.STEPS)
    assert rows["policy"].unique().sort().to_list() == ["delta", "mlp"] and rows["step"].max() == 4
    assert explained.table(found, Unit(), {}).row_count == 2
