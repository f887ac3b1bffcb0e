"""Many tries: adjusted p-values by hand and by statsmodels' rule, tests by simulation and a plain bootstrap."""

import numpy as np
import pytest
from scipy import stats

from deephedge.core.errors import DataError, ParameterError
from deephedge.evaluation.multiple import benjamini_hochberg, survivors


def test_benjamini_hochberg_by_its_step_up_rule():
    p = dict(zip("abcdef", [0.001, 0.2, 0.03, 0.04, 0.012, 0.9], strict=True))
    adjusted = benjamini_hochberg(p)
    for size in np.linspace(0.005, 0.995, 100):
        ordered = sorted(p.values())
        count = max((k for k in range(1, 7) if ordered[k - 1] <= size * k / 6), default=0)
        assert {n for n in p if adjusted[n] <= size} == {n for n in p if count and p[n] <= ordered[count - 1]}
    assert benjamini_hochberg({}) == {}


def noise(seed, days, tries, scale=1.0):
    rng = np.random.default_rng(seed)
    return {f"t{n}": rng.normal(size=days) * scale for n in range(tries)} | {"base": rng.normal(size=days)}


def test_one_skilled_try_survives_everything_and_a_worse_one_nothing():
    losses = noise(0, 600, 6)
    losses["t2"] = losses["t2"] - 0.4
    losses["t4"] = losses["t4"] + 1.0
    found = survivors(losses, "base", resamples=300)
    assert found.stepwise == ("t2",) and found.confidence_set == ("t2",) and found.tried == 6
    assert found.reality_check < 0.01 and found.superior_ability < 0.01
    assert found.holm["t2"] < 0.01 and found.discovery["t2"] < 0.01 and found.p["t4"] > 0.99
    assert all(found.p[n] <= found.discovery[n] <= found.holm[n] for n in found.p)


def test_without_dependence_each_try_alone_is_a_t_test():
    losses = noise(1, 2000, 3)
    losses["t1"] -= 0.05
    found = survivors(losses, "base", resamples=600)
    for name in found.p:
        known = stats.ttest_rel(losses["base"], losses[name], alternative="greater")
        assert found.p[name] == pytest.approx(known.pvalue, abs=0.03)
        assert found.advantage[name] / found.error[name] == pytest.approx(known.statistic, abs=0.15)


def test_superior_ability_is_studentised_and_the_reality_check_is_not():
    """A wild try hides a small sure advantage from raw means; both p-values beside a plain bootstrap."""
    losses = noise(2, 400, 3)
    losses["sure"] = losses["base"] - 0.1 - 0.3 * losses["t0"]
    losses["wild"] = 30 * losses["t1"]
    del losses["t0"], losses["t1"], losses["t2"]
    found = survivors(losses, "base", resamples=1000)
    ahead = np.stack([losses["base"] - losses[name] for name in ("sure", "wild")])
    rng = np.random.default_rng(9)
    draws = np.stack([ahead[:, rng.integers(400, size=400)].mean(axis=1) for _ in range(4000)])
    best, error = ahead.mean(axis=1), draws.std(axis=0)
    raw = np.mean((draws - best).max(axis=1) > best.max())
    studentised = np.mean(((draws - best) / error).max(axis=1) > (best / error).max())
    assert found.reality_check == pytest.approx(raw, abs=0.04) and raw > 0.05
    assert found.superior_ability == pytest.approx(studentised, abs=0.02) and studentised < 0.01
    assert found.stepwise == ("sure",)


@pytest.mark.slow
def test_false_alarms_among_many_are_as_rare_as_promised():
    days, runs = 120, 150
    found = [survivors(noise(100 + n, days, 8), "base", size=0.1, resamples=200, seed=n) for n in range(runs)]
    error = (0.1 * 0.9 / runs) ** 0.5
    assert np.mean([bool(one.stepwise) for one in found]) < 0.1 + 3 * error
    assert np.mean([one.reality_check < 0.1 for one in found]) < 0.1 + 3 * error
    alone = np.mean([min(one.p.values()) < 0.1 for one in found])
    assert alone > 0.1 + 3 * error  # what each try alone would have claimed


def test_blocks_know_that_days_are_not_independent():
    rng = np.random.default_rng(5)
    shocks = rng.normal(size=(2, 1000))
    smooth = np.apply_along_axis(lambda x: np.convolve(x, np.ones(20) / 20, "full")[:1000], 1, shocks)
    losses = {"base": smooth[0], "other": smooth[1]}
    plain, blocked = survivors(losses, "base", resamples=400), survivors(losses, "base", window=20, resamples=400)
    assert blocked.block == 40 and plain.block == 1
    truth = np.sqrt(2 / 1000)  # of the mean of the difference of two moving averages of unit shocks
    assert blocked.error["other"] == pytest.approx(truth, rel=0.35) and plain.error["other"] < 0.4 * truth


def test_misuse_is_refused_in_one_sentence():
    losses = noise(6, 50, 2)
    with pytest.raises(ParameterError, match="no losses are called 'delta'"):
        survivors(losses, "delta")
    with pytest.raises(DataError, match="differ from 'base' by the same on all days"):
        survivors(losses | {"twin": losses["base"] + 0.1}, "base")
    with pytest.raises(DataError, match="same days"):
        survivors(losses | {"short": np.ones(3)}, "base")
    with pytest.raises(DataError, match=r"\['gap'\] or of 'base' are not finite"):
        survivors(losses | {"gap": np.full(50, np.nan)}, "base")
    with pytest.raises(DataError, match="at least one try"):
        survivors({"base": losses["base"]}, "base")
    with pytest.raises(ParameterError, match="size must be between 0 and 1"):
        survivors(losses, "base", size=5.0)
