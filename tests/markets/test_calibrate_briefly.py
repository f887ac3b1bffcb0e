"""Every calibration in a fraction of a second: that it runs, and refuses in one sentence what it cannot use."""

import numpy as np
import pytest

from deephedge.core.errors import DataError, ParameterError
from deephedge.markets import JumpToDefault, fit_ratings
from deephedge.markets import calibration as c

STRIKE = np.array([85.0, 90, 95, 100, 105, 110])
SMILE = dict(strike=STRIKE, expiry=0.25, forward=100.0, vol=[0.28, 0.25, 0.22, 0.2, 0.19, 0.19])


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("calibrate", [c.calibrate_merton, c.calibrate_kou])
def test_jumps_follow_a_skew(calibrate):
    fit = calibrate(c.OptionQuotes(**SMILE), "SPX", starts=1)
    assert fit.market.name == "SPX" and fit.rmse < 1.0


@pytest.mark.parametrize(
    "calibrate", [c.calibrate_merton, c.calibrate_kou, c.calibrate_lifted_rough_heston, c.calibrate_regimes]
)
def test_too_few_quotes_are_refused(calibrate):
    with pytest.raises(ParameterError, match="parameters need as many quotes"):
        calibrate(c.OptionQuotes([95.0, 100, 105], 0.25, 100.0, vol=0.2))


def test_a_garch_model_counts_whole_steps_and_a_chain_has_two_states():
    with pytest.raises(DataError, match=r"whole numbers of steps .* were .63.5. steps"):
        c.calibrate_heston_nandi(c.OptionQuotes(**SMILE | {"expiry": 63.5 / 252}))
    with pytest.raises(ParameterError, match=r"regime must be 0 .calm. or 1"):
        c.calibrate_regimes(c.OptionQuotes(**SMILE), regime=2)


def test_one_history_one_curve_and_one_stock_that_may_default():
    rates = 0.03 + 0.01 * np.sin(np.arange(60.0))
    fit = c.calibrate_vasicek_history(np.arange(60) / 12, rates)
    assert 0.02 < fit.parameters["level"] < 0.04 and fit.rmse < 100.0
    years = np.array([1.0, 2.0, 5.0, 10.0])
    assert c.calibrate_vasicek((years, 0.04 - 0.01 / years), 0.01, starts=1).largest < 10.0
    stock = c.calibrate_jump_to_default(c.OptionQuotes(**SMILE), starts=1)
    assert isinstance(stock.market, JumpToDefault) and stock.rmse < 2.0


def test_ratings_that_nobody_had_are_named_and_spells_are_checked():
    with pytest.warns(UserWarning, match="no name was ever rated .1."):
        fit = fit_ratings([0, 0], [1.0, 2.0], [2, 0], states=3)
    np.testing.assert_allclose(fit.generator, [[-1 / 3, 0, 1 / 3], [0, 0, 0], [0, 0, 0]])
    with pytest.warns(UserWarning, match="no default was seen"):
        fit_ratings([0, 1], [1.0, 2.0], [1, 0], states=3)
    for wrong, sentence in (
        (([0, 1], [1.0], [0, 1]), "rows of one length"),
        (([0, 3], [1.0, 1.0], [0, 1]), "whole numbers from 0 to 2"),
        (([0, 1], [1.0, 0.0], [0, 1]), "years must be positive"),
        (([0, 2], [1.0, 1.0], [0, 2]), "no spell may start in default"),
    ):
        with pytest.raises(DataError, match=sentence):
            fit_ratings(*wrong, states=3)


def test_a_curve_that_a_positive_rate_cannot_meet_is_refused():
    with pytest.raises(DataError, match="positive forward rates"):
        c.calibrate_black_karasinski(c.RateOptions(((1, 2), (0.01, -0.01)), 1.0, 1.0, vol=0.006))
    with pytest.raises(ParameterError, match="hazards must be positive"):
        c.calibrate_lognormal_hazard("ACME", ((1, 2), (0.0, 0.1)))
