"""What a run shows: agreement with history, the policy surface, tables on the screen."""

import io
import json

import numpy as np
import pytest
from rich.console import Console
from scipy.stats import norm

from deephedge.studies import evaluation as judge
from deephedge.studies import tables
from deephedge.studies.pricing import Quote
from deephedge.studies.reporting import LEVELS, REACH, contents, surface


def _printed(*renderables, width=200) -> str:
    text = io.StringIO()
    Console(width=width, file=text).print(*renderables)
    return text.getvalue()


def test_agreement_is_with_training_and_validation_years_only(real_run):
    study, place = real_run
    rows = {row["statistic"]: row for row in json.loads((place.path / "likeness.json").read_text())}
    assert all(set(row["real"]) <= {"train", "validation"} for row in rows.values())
    returns = np.diff(np.log(study.years("train").quote("SPX")))
    years = [returns[start : start + 252] for start in range(0, len(returns) - 251, 21)]
    wanted = np.mean([year.std() * 252**0.5 for year in years])
    assert rows["annual volatility"]["real"]["train"] == pytest.approx(wanted, rel=1e-4)
    assert "train" not in rows["spot-volatility correlation"]["real"]  # the VIX at hand begins in 2014
    assert rows["spot-volatility correlation"]["real"]["validation"] < -0.7


def test_the_market_is_scored_on_validation_years():
    from deephedge.studies import Study, score

    study = Study.load("spx_call")
    card = score(study, paths=64)
    assert card is not None and card.market == "FilteredHistorical" and card.window == 126
    assert card.days == len(study.years("validation")) - 1
    assert card.share > 0.5 and "implied vol, mean" in {row.fact for row in card.rows}


def test_the_surface_of_delta_is_the_normal_distribution_function(tiny):
    found = surface(tiny, tiny.baselines)
    left = found.time_left / 252
    assert found.positions["delta"].shape == (4, LEVELS) and found.spot[0] == pytest.approx(100 * (1 - REACH))
    moneyness = np.log(found.spot / 100)[None, :]
    total = 0.2 * np.sqrt(left)[:, None]
    assert np.allclose(found.positions["delta"], norm.cdf(moneyness / total + total / 2), atol=1e-4)


def test_a_liability_of_two_strikes_has_no_surface(tiny_file):
    from deephedge.studies import Study

    call = '{type="instruments.EuropeanCall",underlier="SPX",strike=%s,expiry="5/252"}'
    book = f'{{type="instruments.Book",contracts=[{call % 1.0},{call % 1.1}],units=[-1,1]}}'
    study = Study.load(tiny_file, [f"problem.liability={book}"])
    assert surface(study, study.baselines) is None


def test_the_report_says_what_the_run_found(real_run):
    study, place = real_run
    said = contents(study, place)
    assert said.learned == ("band",) and said.reference == "delta" and len(said.dates) == 733
    assert said.verdict == place.read_json("verdict.json")["text"]
    assert said.objective == "CVaR (level 0.95)"
    worst = int(np.argmin(said.wealth["delta"]))
    assert str(said.story.times[0]) == str(said.dates[worst]) and len(said.story.times) == 22
    assert said.story.spot[0] == pytest.approx(1.0)
    assert list(said.training["band"].updates) == [1, 2]


def test_the_table_leaves_columns_out_where_the_screen_is_narrow(tiny_run):
    study, place = tiny_run
    found = judge.comparison_of(place, judge.SIMULATED)
    wide, narrow = (
        _printed(tables.results(found, "Test", judge.unit(study), {}, ["mlp"], width)) for width in (160, 90)
    )
    assert "turnover" in wide and "turnover" not in narrow
    assert all(word in narrow for word in ("mlp", "delta", "CVaR", "vs delta", "chosen on validation"))


def test_prices_are_shown_with_their_errors():
    from deephedge.evaluation import Unit

    text = _printed(tables.quotes([Quote("ask", 0.0251, 0.0002, "mlp")], Unit("bp", 1e4), {"mlp": "MLP"}, 0.0231))
    assert "251.0" in text and "2.0" in text and "MLP" in text and "231.0" in text
