"""Markets fitted to quotes, with an honest account of what the quotes determine."""

from deephedge.markets.calibration.commodity import calibrate_schwartz_smith
from deephedge.markets.calibration.credit import calibrate_cir_intensity
from deephedge.markets.calibration.engine import Parameter, least_squares
from deephedge.markets.calibration.fx_smile import FxSmile, fx_smile
from deephedge.markets.calibration.heston import calibrate_bates, calibrate_heston
from deephedge.markets.calibration.heston_nandi import calibrate_heston_nandi
from deephedge.markets.calibration.jumps import calibrate_kou, calibrate_merton
from deephedge.markets.calibration.kalman import calibrate_schwartz_smith_panel
from deephedge.markets.calibration.lifted import calibrate_lifted_rough_heston
from deephedge.markets.calibration.quotes import OptionQuotes
from deephedge.markets.calibration.rate_quotes import RateOptions
from deephedge.markets.calibration.rates import calibrate_cir, calibrate_hull_white, calibrate_hull_white_two_factor
from deephedge.markets.calibration.regimes import calibrate_regimes
from deephedge.markets.calibration.report import Calibration
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
    "calibrate_cir",
    "calibrate_cir_intensity",
    "calibrate_heston",
    "calibrate_heston_nandi",
    "calibrate_hull_white",
    "calibrate_hull_white_two_factor",
    "calibrate_kou",
    "calibrate_lifted_rough_heston",
    "calibrate_merton",
    "calibrate_regimes",
    "calibrate_rough_bergomi",
    "calibrate_sabr",
    "calibrate_schwartz_smith",
    "calibrate_schwartz_smith_panel",
    "calibrate_ssvi",
    "fx_smile",
    "least_squares",
]
