"""The history of a study: any set of series, from files or from the store, by what was known each day."""

from pathlib import Path

import numpy as np
import pytest

from deephedge import config
from deephedge.core.errors import ConfigError, DataError
from deephedge.data import Origin, Records
from deephedge.data.store import Store
from deephedge.studies import Study

DATA = """
[data]
files = ["eur.csv", { path = "gdp.csv", layout = "series", called = "gdp", lag_days = 30, unit = "percent" }]
quotes = { EURUSD = "EURUSD", growth = "gdp" }
train = ["2020-01-02", "2021-06-30"]
validation = ["2021-07-01", "2021-12-31"]
transforms = [
    { type = "transforms.Ratio", under = "EURUSD", name = "USDEUR" },
    { type = "transforms.EwmaVol", underlier = "USDEUR", name = "USDEUR.vol" },
    { type = "transforms.ZScore", quote = "growth", name = "surprise" },
]
rebase = ["USDEUR"]
"""
MARKET = """
[market]
type = "fitted.Panel"
kinds = { USDEUR = "price", "USDEUR.vol" = "log", surprise = "level" }
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("series")
    days = np.arange("2020-01-01", "2022-01-01", dtype="datetime64[D]")
    days = days[np.is_busday(days)]
    moves = np.random.default_rng(0).standard_normal((2, len(days))) * [[0.006], [0.3]]
    eur, rows = 1.1 * np.exp(np.cumsum(moves[0])), []
    for day, value in zip(days, eur, strict=True):
        rows.append(f"{day},{value:.6f}")
    (place / "eur.csv").write_text("date,EURUSD\n" + "\n".join(rows) + "\n")
    months = np.arange("2019-06", "2022-01", dtype="datetime64[M]").astype("datetime64[D]")
    growth = np.random.default_rng(1).standard_normal(len(months))
    gdp = [f"{month},{value:.3f}" for month, value in zip(months, growth, strict=True)]
    (place / "gdp.csv").write_text("date,GDP\n" + "\n".join(gdp) + "\n")
    return place


@pytest.fixture
def study(folder, monkeypatch, tiny_file):
    def made(text: str = DATA, market: str = MARKET) -> Study:
        monkeypatch.chdir(folder)
        table = (
            config.parse(tiny_file.read_text(), "tiny") | config.parse(text, "data") | config.parse(market, "market")
        )
        table = config.override(table, ["problem.liability.contract.underlier=USDEUR", "test.reference=delta"])
        table["problem"]["instruments"] = [{"type": "instruments.Spot", "underlier": "USDEUR"}]
        features = [{"type": "features.LogMoneyness", "underlier": "USDEUR", "strike": 1.0}]
        features += [{"type": "features.TimeLeft", "expiry": "5/252"}]
        table["problem"]["features"] = [*features, {"type": "features.Quote", "quote": "surprise", "name": "vol"}]
        return Study("two", table, [folder])

    return made


def test_a_day_holds_what_was_known_at_its_close(study):
    history = study().history
    assert history.names == ("EURUSD", "growth", "USDEUR", "USDEUR.vol", "surprise")
    np.testing.assert_allclose(history.quote("USDEUR"), 1 / history.quote("EURUSD"), rtol=1e-12)
    # the figure of 1 April, which comes out 30 days later, stands from the close of 1 May to the one before 31 May
    figures = dict(line.split(",") for line in Path("gdp.csv").read_text().split()[1:])
    spell = history.between("2020-05-01", "2020-05-29").quote("growth")
    np.testing.assert_allclose(spell, float(figures["2020-04-01"]) / 100)
    assert history.between("2020-04-29", "2020-04-30").quote("growth")[-1] != spell[0]


def test_transforms_know_the_training_years_only(study):
    found = study()
    train = found.years("train")
    assert train.quote("surprise").mean() == pytest.approx(0, abs=1e-9)
    assert train.quote("surprise").std() == pytest.approx(1, rel=1e-2)
    assert abs(found.years("validation").quote("surprise").mean()) > 1e-3
    assert "fitted on 2020-01-02 to 2021-06-30" in found.history.provenance.repairs[-1]


def test_it_runs_from_files_to_policies(study):
    found = study()
    found.check_features()
    found.check_shapes()
    paths, starts = found.windows("validation")
    assert np.all(np.asarray(paths.quotes["USDEUR"][:, 0]) == 1.0) and len(starts) > 100
    assert not np.all(np.asarray(paths.quotes["EURUSD"][:, 0]) == 1.0)
    assert set(found.market.names) == {"USDEUR", "USDEUR.vol", "surprise"} and found.underlier == "USDEUR"


def test_a_file_that_a_transform_reads_is_found_as_data_are(study, tmp_path, monkeypatch):
    (tmp_path / "calendars").mkdir()
    ends = np.arange("2020-01", "2022-03", dtype="datetime64[M]").astype("datetime64[D]") + 19
    rows = [f"E,{end},{str(end)[:4]},F" for end in ends]
    (tmp_path / "calendars" / "ends.csv").write_text(
        "\n".join(["tick.prefix,Last.Trade,Year,Month.Letter", *rows]) + "\n"
    )
    monkeypatch.setenv("DEEPHEDGE_DATA", str(tmp_path))
    roll = '{ type = "transforms.FuturesRoll", near = "EURUSD", far = "EURUSD", name = "R", prefix = "E",'
    roll += ' expiries = "calendars/ends.csv" },'
    history = study(DATA.replace("transforms = [", f"transforms = [\n    {roll}")).history
    np.testing.assert_allclose(history.quote("R"), history.quote("EURUSD") / history.quote("EURUSD")[0], rtol=1e-12)
    assert history.quote("R.rolls").sum() == 24


def test_a_window_of_history_is_a_market(study):
    found = study(market='[market]\ntype = "fitted.Replay"\n')
    found.check_shapes()
    assert float(found.market.history.quotes["growth"][3]) == pytest.approx(found.years("train").quote("growth")[3])


@pytest.mark.parametrize("market", [MARKET, '[market]\ntype = "fitted.BlockBootstrap"\n'])
def test_a_market_that_draws_days_cannot_divide_one_quote_by_another(study, market):
    divided = DATA.replace('rebase = ["USDEUR"]', 'rebase = { EURUSD = "USDEUR", USDEUR = "USDEUR" }')
    replayed = study(divided, '[market]\ntype = "fitted.Replay"\n').market
    assert dict(replayed.rebase) == {"EURUSD": "USDEUR", "USDEUR": "USDEUR"}
    with pytest.raises(ConfigError, match=r"rebase divides EURUSD by another quote, and only fitted.Replay can start"):
        _ = study(divided, market).market


def test_the_store_serves_a_study_and_is_named(study, tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPHEDGE_STORE", str(tmp_path))
    whole = study()
    frame = {"event_time": whole.history.dates.astype("datetime64[us]") + np.timedelta64(12, "h")}
    rows = frame | {"known_time": frame["event_time"], "name": ["eur"] * len(whole.history)}
    records = Records.of("values", rows | {"value": whole.history.quote("EURUSD")}, origin=Origin("kept"))
    snapshot = Store(tmp_path).add("eur", [records])
    text = DATA.replace("files = ", "# ").replace("[data]", f'[data]\nsource = "store:eur@{snapshot.id}"')
    text = text.replace('EURUSD = "EURUSD", growth = "gdp"', 'EURUSD = "eur", growth = "eur"')
    found = study(text)
    np.testing.assert_array_equal(found.history.quote("EURUSD"), whole.history.quote("EURUSD"))
    assert f"snapshot eur@{snapshot.id} of the store" in found.history.provenance.repairs


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('growth = "gdp"', 'growth = "gdq"', "growth is to be 'gdq', which no file has: did you mean 'gdp'"),
        ('layout = "series"', 'layout = "serie"', "did you mean 'series'"),
        ('layout = "series", ', "", "name it"),
        ('path = "gdp.csv", ', "", "each needs a path"),
        ("lag_days", "lagdays", "did you mean 'lag_days'"),
        ('"eur.csv"', '"usd.csv"', "no data at usd.csv"),
        ("transforms.ZScore", "transforms.Zscore", "did you mean 'transforms.ZScore'"),
        ('quote = "growth"', 'quote = "grow"', "did you mean 'growth'"),
    ],
)
def test_mistakes_are_one_sentence(study, old, new, told):
    with pytest.raises((ConfigError, DataError), match=told):
        _ = study(DATA.replace(old, new)).history
