"""Regimes: what they are known by, and that their intervals know how few spells there were."""

import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge.core.errors import DataError
from deephedge.evaluation import metrics
from deephedge.evaluation.regimes import by_dates, by_regime, by_volatility


def ledger(wealth, weight=None):
    nothing = jnp.zeros((len(wealth), 1))
    wealth = jnp.asarray(wealth)
    return dh.Ledger(nothing[..., None], nothing[..., None], nothing, nothing, wealth, wealth, weight)


def test_each_regime_is_judged_as_if_its_paths_were_all():
    rng = np.random.default_rng(0)
    wealth, gap = rng.normal(size=300), rng.normal(0.2, 0.1, 300)
    labels = np.where(rng.random(300) < 0.3, "crisis", "calm")
    policies = {"delta": ledger(wealth), "deep": ledger(wealth + gap)}
    found = by_regime(policies, labels, resamples=2000)
    for name in ("calm", "crisis"):
        inside = labels == name
        own = metrics(ledger(wealth[inside]))
        for metric in ("mean", "cvar", "var", "worst"):
            assert found[name].estimates["delta"][metric].value == pytest.approx(own[metric], abs=1e-5)
        gain = found[name].differences["deep"]["mean"]
        assert gain.value == pytest.approx(gap[inside].mean(), abs=1e-5)
        assert gain.error == pytest.approx(gap[inside].std(ddof=1) / inside.sum() ** 0.5, rel=0.1)
        assert gain.significant


def test_few_spells_make_wide_intervals():
    """Ten spells of 20 windows that share their luck: the error is that of the spells, not that of 100 windows."""
    rng = np.random.default_rng(1)
    luck = np.repeat(rng.normal(size=40), 10)
    labels = np.repeat(np.arange(40) % 4 == 0, 10)
    names = np.where(labels, "crisis", "calm")
    found = by_regime({"delta": ledger(luck)}, names, window=10, resamples=1000)["crisis"]
    spells = luck[labels][::10]
    assert found.estimates["delta"]["mean"].error > 0.6 * spells.std(ddof=1) / 10**0.5
    assert by_regime({"delta": ledger(luck)}, names)["crisis"].estimates["delta"]["mean"].error < 0.2


def test_weights_of_the_market_are_kept():
    wealth, weight = np.arange(40.0), np.linspace(0.5, 1.5, 40)
    labels = np.repeat(["a", "b"], 20)
    found = by_regime({"delta": ledger(wealth, jnp.asarray(weight))}, labels, resamples=50)
    assert found["b"].estimates["delta"]["mean"].value == pytest.approx(np.average(wealth[20:], weights=weight[20:]))


def test_a_regime_is_known_at_the_start():
    vol = np.array([[0.1, 0.2, 0.3], [0.3, 0.1, 0.1]])

    def labels(vol):
        times = jnp.ones((2, 3))
        return by_volatility(dh.MarketPath(times, {"A.vol": jnp.asarray(vol)}, times), "A.vol", 0.2).tolist()

    later = vol.copy()
    later[:, 1:] = 9.0
    assert labels(vol) == labels(later) == ["calm", "crisis"]
    vol[0, 0] = np.nan
    with pytest.raises(DataError, match="not known at the start of 1 paths"):
        labels(vol)


def test_dates_and_misuse():
    days = np.arange("2020-01-01", "2020-01-11", dtype="datetime64[D]")
    named = by_dates(days, {"crash": ("2020-01-03", "2020-01-04"), "boom": (days[6], days[6])}, otherwise="rest")
    assert named.tolist() == ["rest"] * 2 + ["crash"] * 2 + ["rest"] * 2 + ["boom"] + ["rest"] * 3
    with pytest.raises(DataError, match="another regime both claim"):
        by_dates(days, {"a": ("2020-01-03", "2020-01-04"), "b": ("2020-01-04", "2020-01-05")})
    with pytest.raises(DataError, match=r"fewer than 10 paths say nothing: \{'b': 3\}"):
        by_regime({"delta": ledger(np.arange(23.0))}, np.repeat(["a", "b"], [20, 3]))
    with pytest.raises(DataError, match="one label a path"):
        by_regime({"delta": ledger(np.arange(23.0))}, np.repeat(["a"], 20))
