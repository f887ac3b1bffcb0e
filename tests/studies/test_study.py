"""What a study file may say, and what is made of it."""

import numpy as np
import pytest

from deephedge import config
from deephedge.core.errors import ConfigError, DataError, GridError, MissingFeature, ParameterError, UnknownQuote
from deephedge.studies import Study
from deephedge.studies.library import find_data, find_study, known_studies

HISTORY = 'data={train=["1999-01-04","2013-12-31"]}'


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.updats=3", r"training.updats: unknown key, did you mean 'updates'\?"),
        ("trainin={}", "trainin: unknown key of a study, did you mean 'training'"),
        ("problem.cost.rat=1", r"problem.cost.rat: unknown key, did you mean 'rate'\?"),
        ("objective.type=objectives.CVAR", "objective.type: unknown name 'objectives.CVAR', did you mean"),
        ("training.optimiser.type=optax.adm", "training.optimiser.type: unknown name"),
        ("training.optimiser.type=os.system", "training.optimiser.type: unknown name"),
        ("policies.mlp.type=markets.BlackScholes", "policies.mlp"),
        ("training.updates=0", "training: updates must be a whole number from 1, was 0"),
        ('training.updates="many"', "training.updates: expected a whole number"),
        ("test.reference=delt", "no policy or baseline is called 'delt', did you mean 'delta'"),
        ("test.level=1.5", "level must lie between 0 and 1"),
        ("training.validation=history", "names no validation years"),
        ("seed=-1", "seed must be a whole number"),
        ("title=3", "title: expected text, was 3"),
        ("policies={}", r"\[policies\] is empty"),
        ('baselines={mlp={type="policies.NoHedge"}}', r"\['mlp'\] are both policies and baselines"),
        ('data={train=["2014-01-01","2013-01-01"]}', "train must run from an earlier to a later day"),
        (
            'data={train=["1999-01-01","2013-12-31"],test=["2013-06-01","2014-12-31"]}',
            "test must begin after train ends",
        ),
    ],
)
def test_a_wrong_key_is_refused_in_one_sentence_before_anything_is_made(tiny_file, override, message):
    with pytest.raises(ConfigError, match=message) as refused:
        Study.load(tiny_file, [override])
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("section", ["market", "problem", "objective", "policies", "training"])
def test_a_study_needs_its_tables(tiny, section):
    table = {key: value for key, value in tiny.config.items() if key != section}
    with pytest.raises(ConfigError, match=rf"no \[{section}\]"):
        Study("tiny", table)


def test_a_strike_below_zero_and_a_missing_feature_are_refused_before_training(tiny_file):
    with pytest.raises(ParameterError, match="strike"):
        Study.load(tiny_file, ["problem.liability.contract.strike=-1"]).check_features()
    with pytest.raises(MissingFeature, match=r"mlp needs the feature 'volume', .* did you mean 'vol'"):
        Study.load(tiny_file, ['policies.mlp.features=["volume"]']).check_features()


def test_a_quote_that_the_market_lacks_is_refused_before_training(tiny_file):
    with pytest.raises(UnknownQuote, match=r"no quote 'SPX.vl': did you mean 'SPX.vol'"):
        Study.load(tiny_file, ["problem.features.2.quote=SPX.vl"]).check_shapes()


def test_a_grid_that_does_not_increase_is_refused(tiny_file):
    with pytest.raises(GridError, match="strictly increasing"):
        Study.load(tiny_file, ['problem.grid={type="TimeGrid",times=[0,0.1,0.1]}']).check_shapes()


def test_the_digest_follows_the_settings_and_nothing_else(tiny_file, tmp_path):
    shuffled = tmp_path / "tiny.toml"
    shuffled.write_text("seed = 3\n" + tiny_file.read_text().replace("seed = 3\n", "") + "\n# a comment\n")
    first = Study.load(tiny_file)
    assert Study.load(shuffled).digest == first.digest
    assert Study.load(tiny_file, ["seed=4"]).digest != first.digest
    assert Study.load(tiny_file, ["test.level=0.95"]).digest == first.digest  # the default, said


def test_the_resolved_config_makes_the_same_study(tiny):
    import tomllib

    again = Study(tiny.name, tomllib.loads(config.dump(tiny.config)))
    assert again.digest == tiny.digest
    assert again.config == tiny.config


def test_a_schedule_decays_over_all_updates_unless_it_says_otherwise(tiny_file):
    schedule = (
        'training.optimiser={type="optax.adam",learning_rate={type="optax.cosine_decay_schedule",init_value=0.1}}'
    )
    study = Study.load(tiny_file, [schedule, "training.updates=40"])
    assert study.config["training"]["optimiser"]["learning_rate"]["decay_steps"] == 40


def test_keys_belong_to_names(tiny_file):
    """Another table reshuffles nothing; another seed everything."""
    more = 'baselines.another={type="policies.NoHedge"}'
    weights = [
        np.asarray(Study.load(tiny_file, changes).policies["mlp"].layers.weights[0])
        for changes in ([], [more], ["seed=4"])
    ]
    assert np.array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])


def test_a_study_without_history_says_so(tiny):
    with pytest.raises(ConfigError, match="has no \\[data\\]"):
        _ = tiny.history
    with pytest.raises(ConfigError, match="no test years"):
        tiny.years("test")


@pytest.mark.parametrize("name", known_studies())
def test_every_shipped_study_is_whole(name):
    """Also where its data are not."""
    study = Study.load(name)
    offered = set(study.problem.feature_names)
    for policy in study.config["policies"].values():
        assert {*policy.get("features", ()), *policy.get("windows", ())} <= offered
    assert study.title and study.config["summary"]


def test_the_demo_is_found_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("spx_call", "spx_call.toml", "studies/spx_call.toml"):
        assert find_study(name).stem == "spx_call"
    with pytest.raises(ConfigError, match="did you mean 'spx_call'"):
        find_study("spx_cal")
    with pytest.raises(ConfigError, match=r"there is no study file elsewhere/spx_call\.toml"):
        find_study("elsewhere/spx_call.toml")


def test_data_are_looked_for_beside_the_study_and_in_the_environment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "home" / "A_equity").mkdir(parents=True)
    (tmp_path / "repository" / "studies").mkdir(parents=True)
    (tmp_path / "shared").mkdir()
    monkeypatch.delenv("DEEPHEDGE_DATA", raising=False)
    with pytest.raises(ConfigError, match=r"no data at ../data/A_equity; .*--data"):
        find_data("../data/A_equity")
    assert find_data("../shared", [tmp_path / "repository" / "studies"]).endswith("shared")
    monkeypatch.setenv("DEEPHEDGE_DATA", str(tmp_path / "home"))
    assert find_data("../data/A_equity") == str(tmp_path / "home" / "A_equity")
    (tmp_path / "home" / "C_fx").mkdir()
    (tmp_path / "home" / "C_fx" / "rates.csv").write_text("Date,USD\n")
    assert find_data("C_fx/rates.csv") == str(tmp_path / "home" / "C_fx" / "rates.csv")
    with pytest.raises(ConfigError, match=r"no data at C_fx/others\.csv"):
        find_data("C_fx/others.csv")


def _history(file, days=700, gap=None, blank=None):
    """A price and a volatility of our own making, in CSV."""
    rng = np.random.default_rng(1)
    dates = np.arange(np.datetime64("2000-01-03"), np.datetime64("2010-01-01"))
    dates = dates[np.is_busday(dates)][:days]
    price = 100 * np.exp(np.cumsum(0.01 * rng.normal(size=days)))
    vol = 0.16 * np.exp(0.1 * rng.normal(size=days))
    rows = [f"{d},{p:.4f},{v:.4f}" for d, p, v in zip(dates, price, vol, strict=True)]
    if gap is not None:
        del rows[gap : gap + 10]
    if blank is not None:
        rows[blank] = f"{dates[blank]},,{vol[blank]:.4f}"
    file.write_text("date,close,vix\n" + "\n".join(rows) + "\n")
    return file


@pytest.mark.parametrize(
    ("damage", "message"),
    [({"gap": 100}, "a gap from 2000-05-19 to 2000-06-05"), ({"blank": 50}, "no price on 2000-03-13")],
)
def test_gaps_and_blanks_are_refused_with_their_dates(tiny_file, tmp_path, damage, message):
    file = _history(tmp_path / "own.csv", **damage)
    study = Study.load(tiny_file, [f'data={{source="{file}",train=["2000-01-03","2001-12-31"]}}'])
    with pytest.raises(DataError, match=message):
        _ = study.history


def test_data_option_takes_the_place_of_the_source(tiny_file, tmp_path):
    file = _history(tmp_path / "own.csv")
    study = Study.load(tiny_file, [HISTORY], data=str(file))
    assert len(study.history) == 700
    with pytest.raises(ConfigError, match="--data has no place"):
        Study.load(tiny_file, data=str(file))


def test_what_is_fitted_never_sees_a_day_after_the_training_years(tiny_file, tmp_path):
    file, other = _history(tmp_path / "own.csv"), tmp_path / "other.csv"
    lines = file.read_text().splitlines()
    changed = [line if line[:4] in ("date", "2000", "2001") else f"{line.split(',')[0]},55,0.9" for line in lines]
    other.write_text("\n".join(changed) + "\n")
    years = 'train=["2000-01-03","2001-12-31"]'
    for kind in ("FilteredHistorical", "BlackScholes", "Heston", "BlockBootstrap"):
        fitted = [
            Study.load(tiny_file, [f'data={{source="{path}",{years}}}', f'market={{type="fitted.{kind}"}}']).market
            for path in (file, other)
        ]
        leaves = [[np.asarray(x) for x in _leaves(market)] for market in fitted]
        assert all(np.array_equal(a, b) for a, b in zip(*leaves, strict=True)), kind


def _leaves(tree):
    import jax

    return jax.tree.leaves(tree)


def test_fitted_black_scholes_has_the_volatility_of_the_training_years(tiny_file, tmp_path):
    file = _history(tmp_path / "own.csv")
    changes = [f'data={{source="{file}",train=["2000-01-03","2001-12-31"]}}', 'market={type="fitted.BlackScholes"}']
    study = Study.load(tiny_file, changes)
    prices = [float(line.split(",")[1]) for line in file.read_text().splitlines()[1:] if line[:4] in ("2000", "2001")]
    assert float(study.market.vol[0]) == pytest.approx(np.diff(np.log(prices)).std() * 252**0.5, rel=1e-5)


def test_fitted_whalley_wilmott_is_the_best_of_its_grid(tiny_file):
    """A band of any other tried width has no less risk on the paths that it was chosen on."""
    import jax

    from deephedge import evaluate, sample
    from deephedge.policies import WhalleyWilmott

    study = Study.load(tiny_file, ['baselines.ww={type="fitted.WhalleyWilmott",cost=1e-3,aversions=[1,100,10000]}'])
    chosen = study.baselines["ww"]
    paths = sample(study.market, study.problem.grid, 8192, key=jax.random.key(77), method="random")
    tried = {str(a): WhalleyWilmott(cost=1e-3, risk_aversion=a) for a in (1.0, 100.0, 10000.0)}
    risks = {a: float(study.objective(led.wealth)) for a, led in evaluate(study.problem, tried, paths).items()}
    assert float(chosen.risk_aversion) == float(min(risks, key=risks.get))


def test_a_study_of_a_tilted_market_prices_and_chooses_with_the_weights(tiny_file):
    """The weights of the test paths reach the price, and equal weights would give another one."""
    import jax.numpy as jnp

    from deephedge.evaluation.metrics import risk
    from deephedge.markets import CashDensity, Tilted
    from deephedge.policies import NoHedge
    from deephedge.studies import pricing

    study = Study.load(tiny_file)
    steps = study.problem.grid.steps
    vars(study)["market"] = Tilted(study.market, CashDensity(jnp.full(steps, 3.0), 0.0, (study.underlier,)))
    problem = pricing.without_premium(study.problem, 1.0)
    found = pricing._quote(study, problem, NoHedge(), "ask", "none")
    ledger = pricing.hedged(problem, {"none": NoHedge()}, pricing._paths(study))["none"]
    assert found.price == pytest.approx(risk(study.objective, ledger.wealth, ledger.weight), rel=1e-5)
    assert found.price > 1.01 * risk(study.objective, ledger.wealth)  # calls cost more where the stock rises
