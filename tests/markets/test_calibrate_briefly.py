"""Every calibration in a fraction of a second: that it runs, and refuses in one sentence what it cannot use."""

import numpy as np
import pytest

from deephedge.core.errors import DataError, ParameterError
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
