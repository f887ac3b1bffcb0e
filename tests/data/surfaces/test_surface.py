"""A surface: what it interpolates, prices, says in a few numbers, and that it survives JSON."""

import json

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import ndtr

from deephedge.core.errors import DataError
from deephedge.data.surfaces import Surface, daily, delta_vols, factors
from oracles.chains import NOW, PSI, RATE, RHO, SPOT, TAU, THETA, YIELD, black, smile

SETTLES = np.datetime64("2024-03-01T21:00", "us") + (TAU * 365 * 86400e6).astype("timedelta64[us]")
FORWARD, DISCOUNT = SPOT * np.exp((RATE - YIELD) * TAU), np.exp(-RATE * TAU)


def made(**changes) -> Surface:
    rows = {"forward": FORWARD, "discount": DISCOUNT, "theta": THETA, "rho": RHO, "psi": PSI} | changes
    return Surface.of("X", NOW, SETTLES, SPOT, **rows)


def test_at_its_nodes_and_between_them():
    surface, k = made(), np.linspace(-0.3, 0.3, 7)
    np.testing.assert_allclose(surface.tau, TAU, rtol=1e-12)
    np.testing.assert_allclose(surface.yields, YIELD, rtol=1e-12)
    vols = surface.vol(SETTLES[:, None], k)
    w = smile(k, *(row[:, None] for row in (THETA, RHO, PSI)))
    np.testing.assert_allclose(vols, np.sqrt(w / TAU[:, None]), rtol=1e-12)
    half = SETTLES[1] + (SETTLES[2] - SETTLES[1]) // 2
    node = (THETA[1:3].mean(), (RHO * PSI)[1:3].mean() / PSI[1:3].mean(), PSI[1:3].mean())
    np.testing.assert_allclose(surface.vol(half, k), np.sqrt(smile(k, *node) / TAU[1:3].mean()), rtol=1e-10)
    for when in (half, SETTLES[-1] + np.timedelta64(100, "D")):
        years = float(surface.years(np.array(when)))
        np.testing.assert_allclose(
            surface.forward_at(np.array(when)), SPOT * np.exp((RATE - YIELD) * years), rtol=1e-12
        )
        np.testing.assert_allclose(surface.discount_at(when), np.exp(-RATE * years), rtol=1e-12)


def test_moments_are_read_in_any_form_and_the_past_has_no_volatility():
    surface = made()
    at = ("2024-03-29 21:00", "2024-03-29T22:00+01:00", np.datetime64("2024-03-29T21:00"))
    assert len({float(surface.vol(when, 0.1)) for when in at}) == 1
    past = np.array(["2024-03-01T21:00", "2024-02-01"], "datetime64[us]")
    assert np.isnan(surface.vol(past, 0.0)).all() and np.isnan(surface.price(past, SPOT)).all()


def test_prices_are_black_and_keep_parity():
    surface, strike = made(), np.array([[70.0], [100.0], [130.0]])
    call, put = surface.price(SETTLES, strike), surface.price(SETTLES, strike, False)
    total = np.sqrt(smile(np.log(strike / FORWARD), THETA, RHO, PSI))
    np.testing.assert_allclose(call, DISCOUNT * black(FORWARD, strike, total, True), atol=1e-12)
    np.testing.assert_allclose(call - put, DISCOUNT * (FORWARD - strike), atol=1e-12)
    assert float(surface.price(SETTLES[0], 100.0)) > 0.0


def test_json_brings_the_same_surface_back():
    surface = made(rmse=np.pi, quotes=17, dropped={"no bid": 3}, notes=("as is",), known_time="2024-03-02")
    again = Surface.from_dict(json.loads(json.dumps(surface.as_dict())))
    assert again.as_dict() == surface.as_dict() and again.event_time == surface.event_time
    for name in ("theta", "forward", "settles"):
        np.testing.assert_array_equal(getattr(again, name), getattr(surface, name))
    assert repr(again) == "Surface(X at 2024-03-01 21:00: 5 expiries, 3.14 vol points)"
    with pytest.raises(ValueError, match="read-only"):
        again.theta[0] = 1.0


def test_delta_buckets_by_a_root_finder():
    surface, deltas = made(), (0.1, 0.25, 0.5, 0.75, 0.9)
    found = delta_vols(surface, TAU[[0, 2, 4]], deltas)
    for row, i in enumerate((0, 2, 4)):

        def delta(k: float, i=i) -> float:
            total = np.sqrt(smile(k, THETA[i], RHO[i], PSI[i]))
            return float(ndtr(-k / total + total / 2))

        roots = [brentq(lambda k, d=d: delta(k) - d, -2.0, 2.0, xtol=1e-14) for d in deltas]
        vols = np.sqrt(smile(np.array(roots), THETA[i], RHO[i], PSI[i]) / TAU[i])
        np.testing.assert_allclose(found[row], vols, rtol=1e-10)
    assert (np.diff(found, axis=1) > 0).all()  # deep calls of the put side: a skew as of shares
    assert np.isnan(delta_vols(surface, [0.5, 2.0])).tolist() == [[False] * 5, [True] * 5]
    with pytest.raises(DataError, match="between 0 and 1"):
        delta_vols(surface, [0.5], [25.0])


def test_factors():
    found = factors(made(), {"near": float(TAU[1]), "far": float(TAU[3]), "beyond": 3.0})
    level = np.sqrt(THETA / TAU)
    wings = delta_vols(made(), TAU[[1]], (0.75, 0.25))[0]
    assert found["level.near"] == pytest.approx(level[1], rel=1e-9)
    assert found["term.far"] == pytest.approx(level[3] - level[1], rel=1e-9)
    assert found["skew.near"] == pytest.approx(wings[0] - wings[1]) and found["skew.near"] > 0.01
    assert np.isnan([found[f"{name}.beyond"] for name in ("level", "skew", "term")]).all()


def test_a_history_of_the_last_surface_of_each_day():
    def at(hour: str, scale: float) -> Surface:
        return Surface.of("X", hour, SETTLES, SPOT * scale, theta=scale * THETA)

    history = daily([at("2024-03-01 21:00", 1.0), at("2024-02-29 15:00", 9.0), at("2024-02-29 21:00", 4.0)])
    assert history.names[:4] == ("X", "X.vol", "X.skew", "X.term") and len(set(history.names)) == len(history.names)
    assert history.quote("X").tolist() == [400.0, 100.0] and str(history.dates[0]) == "2024-02-29"
    last = factors(at("2024-03-01 21:00", 1.0))
    assert history.quote("X.vol")[1] == last["level.1m"] and history.quote("X.level.3m")[1] == last["level.3m"]
    with pytest.raises(DataError, match="of one underlier, was given none"):
        daily([])
    with pytest.raises(DataError, match="at least two days"):
        daily([at("2024-03-01 21:00", 1.0)])


def test_what_is_refused():
    for wrong, message in (
        ({"theta": -THETA}, "must be above 0"), ({"rho": 1.0}, "below 1"), ({"rho": np.nan}, "below 1"),
        ({"thta": THETA}, "did you mean 'theta'"), ({"psi": PSI[:2]}, "psi has 2 numbers for 5 expiries"),
    ):  # fmt: skip
        with pytest.raises(DataError, match=message):
            made(**wrong)
    with pytest.raises(DataError, match="needs theta"):
        Surface.of("X", NOW, SETTLES, SPOT)
    with pytest.raises(DataError, match="expiries must increase from now"):
        Surface.of("X", NOW, SETTLES[::-1], SPOT, theta=THETA)
    with pytest.raises(DataError, match="has no expiry"):
        Surface.of("X", NOW, [], SPOT, theta=[])
