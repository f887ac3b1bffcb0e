"""Law: a transform is fitted on training days alone, and what it says at a day is not changed by what comes later."""

import json
from dataclasses import dataclass

import numpy as np
import pytest

from deephedge.core.errors import DataError
from deephedge.data import History
from deephedge.data import transforms as t

DAYS, TRAIN, LATE, GAP = 700, slice(30, 480), 60, 500
CURVE = ("us.2y", "us.5y", "us.10y")
SURFACE = ("SPX.iv.90.1m", "SPX.iv.100.1m", "SPX.iv.90.3m", "SPX.iv.100.3m")
EVENTS = ("2020-06-10", "2021-03-17", "2022-01-26", "2022-07-27")
MONTHLY = tuple(str(day) for day in np.arange("2019-12", "2022-12", dtype="datetime64[M]").astype("datetime64[D]") + 19)
MEMBERS = {
    "BookImbalance": t.BookImbalance("SPX"),
    "Carry": t.Carry("CL1", "CL2", years=1 / 12),
    "CloseVol": t.CloseVol("SPX"),
    "Components": t.Components(CURVE, "us", count=2),
    "DaysToEvent": t.DaysToEvent(EVENTS, "fomc.days"),
    "DaysToExpiry": t.DaysToExpiry(),
    "Difference": t.Difference("SPX.vol", lag=2),
    "EventFlag": t.EventFlag(EVENTS, "CL.roll", before=5),
    "Ewma": t.Ewma("SPX.vol"),
    "EwmaVol": t.EwmaVol("SPX"),
    "EwmaVol of a level": t.EwmaVol("SPX", normal=True),
    "FractionalDifference": t.FractionalDifference("SPX", cut=1e-3),
    "FractionalDifference, order given": t.FractionalDifference("SPX.vol", order=0.4, cut=1e-3, log=False),
    "FuturesLife": t.FuturesLife("CL.life", expiries=MONTHLY, lag_days=8),
    "FuturesRoll": t.FuturesRoll("CL1", "CL2", "CL", expiries=MONTHLY, lag_days=8),
    "GarchForecast": t.GarchForecast("SPX"),
    "GarmanKlass": t.GarmanKlass("SPX"),
    "HaarDenoise": t.HaarDenoise("SPX.vol"),
    "HodrickPrescott": t.HodrickPrescott("SPX", log=True),
    "IntradayVol": t.IntradayVol("SPX.variance"),
    "LinearDetrend": t.LinearDetrend("SPX", log=True),
    "LocalLevel": t.LocalLevel("SPX.vol"),
    "Momentum": t.Momentum("SPX", lookbacks=(5, 63)),
    "NormalScore": t.NormalScore("SPX.vol"),
    "ParBond": t.ParBond("us.5y", 5.0, "UST", spread="spread", funding="us.2y"),
    "Parkinson": t.Parkinson("SPX"),
    "PathSignature": t.PathSignature("SPX", "SPX.vol", window=5, level=3),
    "PerRegime": t.PerRegime(t.ZScore("SPX.vol"), "label"),
    "RateCarry": t.RateCarry("us.10y", "us.2y"),
    "Ratio": t.Ratio("CL1", "CL", over="CL2"),
    "Regime": t.Regime("SPX.vol"),
    "Robust": t.Robust("SPX.vol"),
    "SurfaceFactors": t.SurfaceFactors(SURFACE, (-0.1, 0.0, -0.1, 0.0), (1 / 12, 1 / 12, 0.25, 0.25), "SPX"),
    "VariancePremium": t.VariancePremium("SPX.vol", "SPX.iv.100.1m"),
    "YangZhang": t.YangZhang("SPX"),
    "ZScore": t.ZScore("SPX.vol"),
}
LEARNERS = [name for name, member in MEMBERS.items() if not isinstance(member, t.AbstractFormula)]
# A line through a constant is one, and an order that is given needs no test.
INDIFFERENT = ("LinearDetrend", "FractionalDifference, order given")


def quotes(seed: int) -> dict[str, np.ndarray]:
    """A market of many quotes; all of them random."""
    rng = np.random.default_rng(seed)
    vol = 0.2 * np.exp(0.1 * np.cumsum(rng.normal(size=DAYS)) / np.sqrt(np.arange(1, DAYS + 1)))
    returns = vol / 16 * rng.normal(size=DAYS)
    price = 4000 * np.exp(np.cumsum(returns))
    first = price * np.exp(-0.5 * returns + 0.002 * rng.normal(size=DAYS))
    away = np.exp(rng.uniform(0.0, 0.01, (2, DAYS)))
    made = {"SPX": price, "SPX.open": first, "SPX.vol": vol, "SPX.variance": (vol / 16) ** 2 * rng.gamma(5, 0.2, DAYS)}
    made |= {"SPX.high": np.maximum(price, first) * away[0], "SPX.low": np.minimum(price, first) / away[1]}
    made |= {f"SPX.{side}_size": rng.uniform(1, 9, DAYS) for side in ("bid", "ask")}
    made |= {name: 60 * np.exp(0.01 * np.cumsum(rng.normal(size=DAYS))) for name in ("CL1", "CL2")}
    made |= {name: 0.03 + 1e-3 * np.cumsum(rng.normal(size=DAYS)) for name in CURVE}
    made |= {name: vol + 0.02 * rng.normal(size=DAYS) for name in SURFACE}
    made["spread"] = 0.02 + 5e-4 * np.abs(np.cumsum(rng.normal(size=DAYS)))
    return made | {"label": rng.integers(0, 3, DAYS).astype(float)}


def history_of(values: dict[str, np.ndarray]) -> History:
    return History.of(np.busday_offset("2020-01-01", np.arange(DAYS), roll="forward"), values, source="made up")


FIRST, SECOND = quotes(1), quotes(2)
HISTORY = history_of(FIRST)


def spliced(day: int) -> History:
    """The first market up to and including ``day``, the second after it."""
    return history_of({name: np.r_[FIRST[name][: day + 1], SECOND[name][day + 1 :]] for name in FIRST})


def training(history: History) -> History:
    return history.between(HISTORY.dates[TRAIN][0], HISTORY.dates[TRAIN][-1])


@pytest.fixture(scope="module")
def fitted():
    return {name: member.fit(training(HISTORY)) for name, member in MEMBERS.items()}


def check(fitted: t.Fitted, days=(480, DAYS - 2)):
    """Bit for bit the same up to the day, whatever follows it, be it nothing."""
    whole = fitted(HISTORY)
    for day in days:
        cut = HISTORY.between(None, HISTORY.dates[day])
        for others in (fitted(spliced(day)), fitted(cut)):
            for name in whole:
                np.testing.assert_array_equal(others[name][: day + 1], whole[name][: day + 1])


@pytest.mark.parametrize("name", MEMBERS)
def test_it_is_adapted(name, fitted):
    check(fitted[name])


@pytest.mark.parametrize("name", MEMBERS)
def test_it_gives_one_number_a_day_and_most_are_known(name, fitted):
    for values in fitted[name](HISTORY).values():
        assert values.dtype == np.float64 and values.shape == (DAYS,)
        known = np.isfinite(values)
        assert not np.isinf(values).any() and known.mean() > 0.4
        assert not np.any(np.diff(known.astype(int)) < 0) or name in ("DaysToEvent", "Momentum")


@pytest.mark.parametrize("name", LEARNERS)
def test_it_learns_on_the_training_days_alone(name, fitted):
    outside = np.ones(DAYS, bool)
    outside[TRAIN] = False
    other = history_of({name: np.where(outside, SECOND[name], FIRST[name]) for name in FIRST})
    assert MEMBERS[name].fit(training(other)).constants == fitted[name].constants
    inside = history_of({name: np.where(outside, FIRST[name], SECOND[name]) for name in FIRST})
    given = "order given" in name
    assert given or MEMBERS[name].fit(training(inside)).constants != fitted[name].constants or name.startswith("Frac")


@pytest.mark.parametrize("name", MEMBERS)
def test_its_constants_are_plain_and_survive_a_file(name, fitted):
    again = t.Fitted(MEMBERS[name], json.loads(json.dumps(fitted[name].constants)))
    assert again.constants == fitted[name].constants
    whole = fitted[name](HISTORY)
    for key, values in again(HISTORY).items():
        np.testing.assert_array_equal(values, whole[key])


@pytest.mark.parametrize("name", [name for name, member in MEMBERS.items() if member.inputs])
def test_a_quote_that_starts_late_or_has_a_gap_is_as_if_those_days_were_not(name, fitted):
    missing = np.zeros(DAYS, bool)
    missing[:LATE] = missing[GAP] = True
    holes = history_of({key: np.where(missing, np.nan, value) for key, value in FIRST.items()})
    without = History.of(HISTORY.dates[~missing], {k: v[~missing] for k, v in FIRST.items()}, source="without")
    for made, constants in ((MEMBERS[name].fit(training(holes)), True), (fitted[name], False)):
        assert not constants or made.constants == MEMBERS[name].fit(training(without)).constants
        expected = made(without)
        for key, values in made(holes).items():
            assert np.isnan(values[missing]).all()
            np.testing.assert_array_equal(values[~missing], expected[key])


@pytest.mark.parametrize("name", [name for name, member in MEMBERS.items() if member.inputs])
def test_a_quote_that_is_nowhere_known_gives_nothing_and_an_unknown_name_is_refused(name, fitted):
    nothing = history_of({key: np.full(DAYS, np.nan) for key in FIRST})
    assert all(np.isnan(values).all() for values in fitted[name](nothing).values())
    bare = History.of(HISTORY.dates, {"SPY": FIRST["SPX"]}, source="only SPY")
    for ask in (MEMBERS[name].fit, fitted[name]):
        with pytest.raises(DataError, match="only SPY has no quote"):
            ask(bare)


@pytest.mark.parametrize("name", [name for name in LEARNERS if "order given" not in name])
def test_too_few_training_days_are_refused(name):
    with pytest.raises(DataError, match=r"fitting needs .* training days or more with a value, there are"):
        MEMBERS[name].fit(HISTORY.between(HISTORY.dates[0], HISTORY.dates[9]))


@pytest.mark.parametrize("name", [name for name in LEARNERS if name not in INDIFFERENT])
def test_a_quote_that_stands_still_is_refused(name):
    still = history_of({key: np.full(DAYS, 0.3) for key in FIRST})
    with pytest.raises(DataError, match="stands still"):
        MEMBERS[name].fit(training(still))


def test_a_chain_is_adapted_too():
    chain = [t.GarchForecast("SPX"), t.VariancePremium("SPX.vol", "SPX.garch21"), t.ZScore("SPX.vol.premium")]
    train = tuple(str(day) for day in HISTORY.dates[TRAIN][[0, -1]])
    whole, changed = (t.transformed(history, chain, train) for history in (HISTORY, spliced(480)))
    for name in whole.names:
        np.testing.assert_array_equal(changed.quote(name)[:481], whole.quote(name)[:481])
        assert np.any(changed.quote(name)[481:] != whole.quote(name)[481:])


def test_every_public_transform_is_here():
    public = {getattr(t, name) for name in t.__all__ if not name.startswith("Abstract")}
    final = {kind for kind in public if isinstance(kind, type) and issubclass(kind, t.AbstractTransform)}
    assert final == {type(member) for member in MEMBERS.values()}


@dataclass(frozen=True)
class Centred(t.AbstractTransform):
    """What the laws must catch: a scaler that measures what it is applied to, or a mean around each day."""

    around: bool

    @property
    def inputs(self):
        return ("SPX.vol",)

    def learn(self, days):
        return {}

    def apply(self, days, constants):
        values = days.values[0]
        mean = np.convolve(values, np.ones(3) / 3, "same") if self.around else values.mean()
        return {"SPX.vol.z": values - mean}


@pytest.mark.parametrize("around", [True, False])
def test_a_transform_that_looks_ahead_is_caught(around):
    with pytest.raises(AssertionError):
        check(Centred(around).fit(training(HISTORY)))
