"""Markets fitted to quotes, with an honest account of what the quotes determine."""

from deephedge.markets.calibration.engine import Parameter, least_squares
from deephedge.markets.calibration.fx_smile import FxSmile, fx_smile
from deephedge.markets.calibration.heston import calibrate_bates, calibrate_heston
from deephedge.markets.calibration.quotes import OptionQuotes
from deephedge.markets.calibration.report import Calibration
from deephedge.markets.calibration.sabr import calibrate_sabr
from deephedge.markets.calibration.ssvi import calibrate_ssvi

__all__ = [
    "Calibration",
    "FxSmile",
    "OptionQuotes",
    "Parameter",
    "calibrate_bates",
    "calibrate_heston",
    "calibrate_sabr",
    "calibrate_ssvi",
    "fx_smile",
    "least_squares",
]
