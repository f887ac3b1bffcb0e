"""Words: they must say what the numbers say, and no more."""

import numpy as np
import pytest

from deephedge.core.errors import ParameterError
from deephedge.evaluation import Comparison, Estimate, Unit, verdict
from deephedge.evaluation.verdict import bracket, inside, label, meaning, number


def comparison(**gaps):
    """A comparison in which each policy's CVaR differs from delta's by (value, half width, p)."""
    base = {"mean": Estimate(0.0, -0.1, 0.1, 0.05), "cvar": Estimate(1.0, 0.8, 1.2, 0.1)}
    estimates = {"delta": base}
    differences = {}
    for name, (value, half, p) in gaps.items():
        cvar = Estimate(value, value - half, value + half, half / 2, p)
        differences[name] = {"mean": Estimate(0.01, -0.02, 0.04, 0.01, 0.5), "cvar": cvar}
        estimates[name] = {**base, "cvar": Estimate(1.0 + value, 0.0, 2.0, 0.1)}
    return Comparison("delta", estimates, differences, 754, 42, 2000, 0, 0.95, 0.95, 21)


def test_better():
    found = verdict(comparison(band=(-0.2, 0.1, 0.001)), ["band"], unit=Unit("bp", 100.0), labels={"band": "the band"})
    first = found.text.splitlines()[0]
    assert first.startswith("The band lowers CVaR 95\xa0% from 100 (delta) to 80 bp: by 20.0 [10.0, 30.0]")
    assert "significantly better (p = 0.0010)" in first
    assert found.outcomes == {"band": "better"} and found.named("better") == ["band"]


def test_worse():
    found = verdict(comparison(band=(0.2, 0.1, 1e-6)), ["band"])
    assert "raises CVaR" in found.text and "significantly worse (p < 0.001)" in found.text
    assert found.outcomes == {"band": "worse"}


def test_undecided_claims_nothing():
    found = verdict(comparison(band=(-0.05, 0.1, 0.3)), ["band"])
    assert "cannot tell this from no difference" in found.text
    assert "significantly better" not in found.text
    assert found.outcomes == {"band": "undecided"}


def test_many_comparisons_take_a_lone_success_back():
    gaps = {"band": (-0.2, 0.15, 0.02), "mlp": (-0.1, 0.2, 0.4), "gru": (-0.4, 0.1, 1e-5), "cnn": (0.3, 0.1, 1e-4)}
    found = verdict(comparison(**gaps), list(gaps), labels={"gru": "GRU", "cnn": "CNN", "mlp": "MLP"})
    assert found.p["band"] == pytest.approx(0.04)  # third of four: twice its p
    assert "Holm's correction for 4 policies" in found.text
    gaps["band"] = (-0.2, 0.15, 0.03)
    found = verdict(comparison(**gaps), list(gaps), labels={"gru": "GRU", "cnn": "CNN", "mlp": "MLP"})
    assert found.outcomes["band"] == "undecided"
    assert "leaves out zero, but with several policies compared that may be chance" in found.text
    assert "better: GRU; worse: CNN; not distinguishable: MLP." in found.text


def test_other_measures_and_rough_tails_are_told():
    text = verdict(comparison(band=(-0.2, 0.1, 0.001)), ["band"]).text
    assert "band is not distinguishable in mean wealth." in text
    assert "754 overlapping windows, and no more than 36 that do not overlap" in text
    assert "about 2 of those" in text and "too narrow" in text


def test_unknown_policy_is_named():
    with pytest.raises(ParameterError, match=r"'bnd'.*did you mean 'band'"):
        verdict(comparison(band=(0.0, 0.1, 1.0)), ["bnd"])
    with pytest.raises(ParameterError, match="at least one candidate"):
        verdict(comparison(band=(0.0, 0.1, 1.0)), [])


@pytest.mark.parametrize(
    "value, text",
    [(0.0, "0"), (1.0, "1.00"), (-12.345, "−12.3"), (123456.0, "123,000"), (1e-7, "0.000000100"), (np.inf, "–")],
)
def test_number(value, text):
    assert number(value) == text


def test_bracket_keeps_the_same_decimals():
    assert bracket(Estimate(9.5, -1.234, 20.2, 1.0)) == "9.5 [−1.2, 20.2]"
    assert bracket(Estimate(9.5, np.nan, np.nan, np.nan)) == "9.50"


def test_labels():
    assert label("cvar", 0.975) == "CVaR 97.5\xa0%"
    assert "worst 2.5\xa0%" in meaning("cvar", 0.975)
    assert [inside(one) for one in ("Mean cost", "VaR 95 %", "CVaR 95 %")] == ["mean cost", "VaR 95 %", "CVaR 95 %"]
