"""Training, evaluation, backtest and prices of a study, and what they leave in the run folder."""

import hashlib
import json
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import polars as pl
import pytest
from safetensors import safe_open

from deephedge import evaluate, sample
from deephedge.core.errors import ArtefactError
from deephedge.hedging import rollout
from deephedge.pricing import black
from deephedge.studies import RunFolder, Screen, Study, open_run, price, report, run, train
from deephedge.studies import evaluation as judge
from deephedge.studies import training as steps
from deephedge.studies.ledgers import hedged, premiums, restored, summary
from deephedge.studies.ledgers import steps as each_step
from deephedge.studies.pricing import Opposite, without_premium


def _sums(place: RunFolder, *kinds: str) -> dict[str, str]:
    files = sorted(file for kind in kinds for file in place.path.glob(kind))
    assert files
    return {str(file.relative_to(place.path)): _sum(file) for file in files}


def _sum(file: Path) -> str:
    """sha256 of a file; of weights that of the content, for their header has no order."""
    if file.suffix == ".safetensors":
        with safe_open(file, framework="numpy") as opened:
            return opened.metadata()["sha256"]
    return hashlib.sha256(file.read_bytes()).hexdigest()


class _Stops:
    """Ctrl-C, pressed when the training has made ``after`` updates."""

    def __init__(self, after: int):
        self.after = after

    def __call__(self, title, risk, updates):
        from contextlib import contextmanager

        @contextmanager
        def bar():
            def told(now):
                if now.update >= self.after:
                    raise KeyboardInterrupt

            yield told

        return bar()


def test_a_run_holds_everything(tiny_run):
    study, place = tiny_run
    wanted = {
        "config.toml", "weights/mlp.safetensors", "weights/mlp.json", "ledgers/simulated.parquet", "simulated.json",
        "simulated.csv", "report.html",
    }  # fmt: skip
    assert wanted <= set(place.manifest["files"])
    assert all(place.checked(name) for name in place.manifest["files"])
    manifest = json.loads((place.path / "manifest.json").read_text())
    assert manifest["digest"] == study.digest and manifest["seed"] == 3
    assert {"jax", "numpy", "deephedge"} <= set(manifest["versions"])
    assert {"devices", "threads"} <= set(manifest["machine"])
    assert not list(place.path.glob("checkpoints/*"))
    assert "mlp kept update" in (place.path / "run.log").read_text()


def test_metrics_are_those_of_the_ledger(tiny_run):
    _, place = tiny_run
    ledger = place.read_frame("ledgers/simulated.parquet")
    found = judge.comparison_of(place, judge.SIMULATED)
    for name in ("mlp", "delta"):
        rows = ledger.filter(pl.col("policy") == name)
        wealth = rows["wealth"].to_numpy().astype(float)
        assert rows.height == 300
        parts = rows["liability"] + rows["gain"] - rows["cost"]
        assert np.allclose(parts.to_numpy(), wealth, atol=1e-6)
        assert found.estimates[name]["mean"].value == pytest.approx(wealth.mean(), abs=1e-7)
        worst = np.sort(wealth)[:15]  # 5 % of 300
        assert found.estimates[name]["cvar"].value == pytest.approx(-worst.mean(), rel=1e-5)
    table = pl.read_csv(place.path / "simulated.csv")
    assert set(table["policy"]) == {"mlp", "delta"}


def test_the_premium_is_the_black_scholes_price(tiny):
    paths = sample(tiny.market, tiny.problem.grid, 4, key=jax.random.key(0))
    wanted = float(black.price(1.0, 1.0, 0.2, 5 / 252, call=True))
    assert premiums(tiny.problem, paths) == pytest.approx(np.full(4, wanted), rel=1e-5)


@pytest.mark.parametrize("count", [1, 1023, 1024, 1025])
def test_batches_change_nothing(tiny, count):
    paths = sample(tiny.market, tiny.problem.grid, count, key=jax.random.key(0), method="random")
    delta = {"delta": tiny.baselines["delta"]}
    one, many = evaluate(tiny.problem, delta, paths)["delta"], hedged(tiny.problem, delta, paths)["delta"]
    assert one.wealth.shape == many.wealth.shape == (count,)
    assert np.allclose(one.wealth, many.wealth, atol=1e-6) and np.allclose(one.position, many.position, atol=1e-5)


def test_ledgers_come_back_from_parquet_bit_for_bit(tiny):
    paths = sample(tiny.market, tiny.problem.grid, 30, key=jax.random.key(0), method="random")
    two = eqx.tree_at(lambda p: p.instruments, tiny.problem, tiny.problem.instruments * 2)
    for problem in (tiny.problem, two):
        ledgers = hedged(problem, tiny.policies | tiny.baselines, paths) if problem is tiny.problem else hedged(
            problem, tiny.baselines, paths)  # fmt: skip
        again = restored(summary(ledgers, premiums(problem, paths)), each_step(ledgers))
        assert list(again) == list(ledgers)
        for name, ledger in ledgers.items():
            for field in ("position", "trade", "cost", "gain", "liability", "wealth"):
                assert np.array_equal(getattr(ledger, field), getattr(again[name], field)), field


def test_a_second_run_has_the_same_bits_in_another_folder(tiny_run, tiny_file):
    study, place = tiny_run
    again = run(Study.load(tiny_file), out=place.path.parent)
    assert again.path.name == f"{place.path.name}-2"
    kinds = ("weights/*", "ledgers/*", "*.csv", "config.toml")
    assert _sums(again, *kinds) == _sums(place, *kinds)
    other = train(Study.load(tiny_file, ["seed=4"]), open_run(Study.load(tiny_file, ["seed=4"]), out=place.path.parent))
    kept = steps.load_trained(study, place, "mlp")
    assert not np.array_equal(other["mlp"].policy.layers.weights[0], kept.policy.layers.weights[0])


def test_an_interrupted_training_goes_on_bit_for_bit(tiny_run, tiny_file, tmp_path):
    _, whole = tiny_run
    study, screen = Study.load(tiny_file), Screen.silent()
    screen.training = _Stops(after=3)
    with pytest.raises(KeyboardInterrupt):
        run(study, out=tmp_path, screen=screen)
    (place,) = tmp_path.iterdir()
    assert (place / "checkpoints" / "mlp.safetensors").is_file() and not (place / "weights").exists()
    went_on = run(Study.load(tiny_file), out=tmp_path, resume=True)
    assert went_on.path == place
    assert _sums(went_on, "weights/*", "ledgers/*") == _sums(whole, "weights/*", "ledgers/*")


def test_finished_policies_are_not_trained_again(tiny_run, monkeypatch):
    study, place = tiny_run
    monkeypatch.setattr(steps, "fit", lambda *a, **k: pytest.fail("trained again"))
    again = train(study, RunFolder.open(place.path), resume=True)
    assert again["mlp"].policy.scaler.measured
    assert len(again["mlp"].curve["loss"]) == 6 and again["mlp"].best_risk > 0


@pytest.mark.parametrize("confirmed", [True, False])
def test_a_leak_alarm_is_asked_again_on_fresh_paths(tiny_file, tmp_path, monkeypatch, capsys, confirmed):
    from rich.console import Console

    from deephedge.training.checks import Check

    loud = Check("trading earns nothing", 0.1, 0.01, False)
    study, trained = Study.load(tiny_file, ["training.updates=1"]), steps.fit
    monkeypatch.setattr(steps, "fit", lambda *a, **k: eqx.tree_at(lambda f: f.checks, trained(*a, **k), (loud,)))
    second = loud if confirmed else Check("trading earns nothing", 0.001, 0.01, True)
    monkeypatch.setattr(steps, "leak_checks", lambda *a, **k: (second,))
    screen = Screen(None, Console(stderr=True, width=200))
    kept = train(study, open_run(study, out=tmp_path, screen=screen), screen=screen)
    said = capsys.readouterr().err
    assert ("leak alarm, twice" in said) is confirmed and ("taken as chance" in said) is not confirmed
    assert len(kept["mlp"].curve["checks"]) == 2


def test_weights_of_another_configuration_or_damaged_ones_are_refused(tiny_run, tiny_file):
    _, place = tiny_run
    other = Study.load(tiny_file, ["seed=4"])
    with pytest.raises(ArtefactError, match="belongs to another configuration"):
        steps.load_all(other, place)
    with pytest.raises(ArtefactError, match="belongs to another configuration"):
        open_run(other, folder=place.path, resume=True)


def test_a_checkpoint_of_another_configuration_is_refused(tiny_file, tmp_path):
    screen = Screen.silent()
    screen.training = _Stops(after=3)
    folders = []
    for change in ("seed=5", "seed=6"):
        with pytest.raises(KeyboardInterrupt):
            run(Study.load(tiny_file, [change]), out=tmp_path / change, screen=screen)
        folders += [next((tmp_path / change).iterdir())]
    foreign, own = (folder / "checkpoints" / "mlp.safetensors" for folder in folders)
    own.write_bytes(foreign.read_bytes())
    with pytest.raises(ArtefactError, match=r"mlp: .*belongs to another configuration"):
        run(Study.load(tiny_file, ["seed=6"]), out=tmp_path / "seed=6", resume=True)
    own.write_bytes(foreign.read_bytes()[:200])
    with pytest.raises(ArtefactError, match="truncated"):
        run(Study.load(tiny_file, ["seed=6"]), out=tmp_path / "seed=6", resume=True)


def test_prices_stand_on_both_sides_and_hedging_narrows_them(tiny_run):
    study, place = tiny_run
    ask, bid = price(study, RunFolder.open(place.path))
    fair = float(black.price(1.0, 1.0, 0.2, 5 / 252, call=True))
    assert (ask.side, bid.side) == ("ask", "bid")
    assert ask.price > fair > bid.price
    assert 0 < ask.error < 0.1 * ask.price and 0 < bid.error < 0.1 * ask.price
    assert RunFolder.open(place.path).read_json("price.json")[0]["price"] == ask.price


def test_the_opposite_deal_hedged_by_the_mirror_image_is_the_mirror_image(tiny):
    """Costs apart, wealth changes its sign."""
    free = eqx.tree_at(lambda p: p.cost.rate, tiny.problem, jax.numpy.zeros(()))
    path = jax.tree.map(lambda x: x[0], sample(tiny.market, free.grid, 1, key=jax.random.key(1)))
    policy = tiny.policies["mlp"]
    ours = rollout(without_premium(free, 1.0), policy, path)
    theirs = rollout(without_premium(free, -1.0), Opposite(policy, policy.features), path)
    assert np.array_equal(ours.position, -theirs.position)
    assert float(ours.wealth) == pytest.approx(-float(theirs.wealth), abs=1e-7)


def test_the_report_is_the_same_text_each_time(tiny_run):
    study, place = tiny_run
    texts = {report(study, RunFolder.open(place.path)).read_bytes() for _ in range(2)}
    assert len(texts) == 1
