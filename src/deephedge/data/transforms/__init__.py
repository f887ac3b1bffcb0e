"""Transforms of quotes: units, trends, volatilities, factors, signals; fitted on training days, and nothing else."""

from deephedge.data.transforms.base import (
    AbstractFormula,
    AbstractTransform,
    Days,
    Fitted,
    transformed,
)
from deephedge.data.transforms.calendar import DaysToEvent, DaysToExpiry, EventFlag, monthly_expiries
from deephedge.data.transforms.components import Components
from deephedge.data.transforms.ewma import Ewma, EwmaVol
from deephedge.data.transforms.fractional import FractionalDifference
from deephedge.data.transforms.futures_life import FuturesLife
from deephedge.data.transforms.futures_roll import FuturesRoll
from deephedge.data.transforms.garch import GarchForecast
from deephedge.data.transforms.hodrick_prescott import HodrickPrescott
from deephedge.data.transforms.imbalance import BookImbalance
from deephedge.data.transforms.local_level import LocalLevel
from deephedge.data.transforms.par_bond import ParBond
from deephedge.data.transforms.premium import VariancePremium
from deephedge.data.transforms.ratio import Ratio
from deephedge.data.transforms.realised import CloseVol, GarmanKlass, IntradayVol, Parkinson, YangZhang
from deephedge.data.transforms.regime import PerRegime, Regime
from deephedge.data.transforms.scale import AbstractScaler, NormalScore, Robust, ZScore
from deephedge.data.transforms.signals import Carry, Momentum, RateCarry
from deephedge.data.transforms.signature import PathSignature
from deephedge.data.transforms.surface import SurfaceFactors
from deephedge.data.transforms.trend import Difference, LinearDetrend
from deephedge.data.transforms.wavelet import HaarDenoise

__all__ = [
    "AbstractFormula",
    "AbstractScaler",
    "AbstractTransform",
    "BookImbalance",
    "Carry",
    "CloseVol",
    "Components",
    "Days",
    "DaysToEvent",
    "DaysToExpiry",
    "Difference",
    "EventFlag",
    "Ewma",
    "EwmaVol",
    "Fitted",
    "FractionalDifference",
    "FuturesLife",
    "FuturesRoll",
    "GarchForecast",
    "GarmanKlass",
    "HaarDenoise",
    "HodrickPrescott",
    "IntradayVol",
    "LinearDetrend",
    "LocalLevel",
    "Momentum",
    "NormalScore",
    "ParBond",
    "Parkinson",
    "PathSignature",
    "PerRegime",
    "RateCarry",
    "Ratio",
    "Regime",
    "Robust",
    "SurfaceFactors",
    "VariancePremium",
    "YangZhang",
    "ZScore",
    "monthly_expiries",
    "transformed",
]
