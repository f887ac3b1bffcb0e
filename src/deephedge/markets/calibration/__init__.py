"""Markets fitted to quotes, with an honest account of what the quotes determine."""

from deephedge.markets.calibration.black_karasinski import calibrate_black_karasinski
from deephedge.markets.calibration.commodity import calibrate_schwartz_smith
from deephedge.markets.calibration.credit import calibrate_cir_intensity
from deephedge.markets.calibration.default import calibrate_jump_to_default, calibrate_lognormal_hazard
from deephedge.markets.calibration.engine import Parameter, least_squares
from deephedge.markets.calibration.fx_smile import FxSmile, fx_smile
from deephedge.markets.calibration.heston import calibrate_bates, calibrate_heston
from deephedge.markets.calibration.heston_nandi import calibrate_heston_nandi
from deephedge.markets.calibration.jumps import calibrate_kou, calibrate_merton
from deephedge.markets.calibration.kalman import calibrate_schwartz_panel, calibrate_schwartz_smith_panel
from deephedge.markets.calibration.lifted import calibrate_lifted_rough_heston
from deephedge.markets.calibration.likelihood import maximum_likelihood
from deephedge.markets.calibration.power import calibrate_mean_reverting_jumps
from deephedge.markets.calibration.quotes import OptionQuotes
from deephedge.markets.calibration.rate_quotes import RateOptions
from deephedge.markets.calibration.rates import (
    calibrate_cir,
    calibrate_hull_white,
    calibrate_hull_white_two_factor,
    calibrate_vasicek,
)
from deephedge.markets.calibration.regimes import calibrate_regimes
from deephedge.markets.calibration.report import Calibration
from deephedge.markets.calibration.reverting import calibrate_normal_reversion_history, calibrate_vasicek_history
from deephedge.markets.calibration.rough import calibrate_rough_bergomi
from deephedge.markets.calibration.sabr import calibrate_sabr
from deephedge.markets.calibration.ssvi import calibrate_ssvi

__all__ = [
    "Calibration",
    "FxSmile",
    "OptionQuotes",
    "Parameter",
    "RateOptions",
    "calibrate_bates",
    "calibrate_black_karasinski",
    "calibrate_cir",
    "calibrate_cir_intensity",
    "calibrate_heston",
    "calibrate_heston_nandi",
    "calibrate_hull_white",
    "calibrate_hull_white_two_factor",
    "calibrate_jump_to_default",
    "calibrate_kou",
    "calibrate_lifted_rough_heston",
    "calibrate_lognormal_hazard",
    "calibrate_mean_reverting_jumps",
    "calibrate_merton",
    "calibrate_normal_reversion_history",
    "calibrate_regimes",
    "calibrate_rough_bergomi",
    "calibrate_sabr",
    "calibrate_schwartz_panel",
    "calibrate_schwartz_smith",
    "calibrate_schwartz_smith_panel",
    "calibrate_ssvi",
    "calibrate_vasicek",
    "calibrate_vasicek_history",
    "fx_smile",
    "least_squares",
    "maximum_likelihood",
]
