"""Options used on dates, on a share that goes ex: integrals by scipy, the affine form, when a holder calls."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

import deephedge as dh
from deephedge import instruments as i
from deephedge.core.errors import ParameterError
from deephedge.pricing import dividends

SPOT, STRIKE, VOL, RATE, YIELD = 100.0, 95.0, 0.3, 0.05, 0.02
CASH, SHARES = [(0.3, 4.0), (0.5, 3.0), (1.4, 6.0)], [(0.5, 0.02), (0.8, 0.05)]
GROWTH = RATE - YIELD


def left_of_a_share(start: float, end: float) -> float:
    return float(np.prod([1.0 - share for t, share in SHARES if start < t <= end]))


def to_come(now: float) -> float:
    return sum(a * np.exp(-GROWTH * (t - now)) / left_of_a_share(now, t) for t, a in CASH if t > now)


def european(spot: float, start: float, end: float, call: bool) -> float:
    """S_T - K is what is random less a strike without the cash still to come."""
    ahead = (spot - to_come(start)) * left_of_a_share(start, end) * np.exp(GROWTH * (end - start))
    strike, s = STRIKE - to_come(end), VOL * np.sqrt(end - start)
    d, sign = np.log(ahead / strike) / s + s / 2, 1.0 if call else -1.0
    return np.exp(-RATE * (end - start)) * sign * (ahead * norm.cdf(sign * d) - strike * norm.cdf(sign * (d - s)))


def used_once(start: float, date: float, end: float, call: bool) -> float:
    """The better of using and waiting at the one date before the end, integrated over the spot there."""
    random = (SPOT - to_come(start)) * left_of_a_share(start, date) * np.exp(GROWTH * (date - start))
    sign, s = 1.0 if call else -1.0, VOL * np.sqrt(date - start)

    def then(z: float) -> float:
        spot = random * np.exp(s * z - s * s / 2) + to_come(date)
        return max(sign * (spot - STRIKE), european(spot, date, end, call)) * norm.pdf(z)

    return np.exp(-RATE * (date - start)) * quad(then, -8.0, 8.0, epsabs=1e-10, limit=200)[0]


@jax.jit
def price(dates: jax.Array, call: jax.Array, now: jax.Array, spot: jax.Array) -> jax.Array:
    cash, shares = (jnp.asarray(x) for x in (CASH, SHARES))
    return dividends.price(spot, STRIKE, VOL, dates, RATE, YIELD, cash, shares, call, now)


@pytest.mark.parametrize("call", [True, False])
@pytest.mark.parametrize("date", [0.299, 0.3, 0.499, 0.5, 0.9])
def test_with_one_date_before_the_end_it_is_an_integral(date, call):
    with jax.enable_x64(True):
        ours = price(np.array([date, 1.0]), call, 0.0, SPOT)
        np.testing.assert_allclose(ours, used_once(0.0, date, 1.0, call), rtol=5e-6)
        np.testing.assert_allclose(price(np.array([date, 1.0]), call, date, SPOT), european(SPOT, date, 1.0, call))


@pytest.mark.parametrize("call", [True, False])
def test_dates_that_are_over_do_not_count(call):
    """Also where another date follows at once, and where none is left."""
    with jax.enable_x64(True):
        dates = np.array([0.1, 0.2, 0.499, 1.0])
        for now in (0.2, 0.3, 0.498):
            expected = used_once(now, 0.499, 1.0, call)
            np.testing.assert_allclose(price(dates, call, now, SPOT), expected, rtol=5e-6)
        assert float(price(dates, call, 1.0, SPOT)) == 0.0


def test_more_dates_are_worth_more_and_none_too_many():
    with jax.enable_x64(True):
        put = [float(price(np.arange(1, n + 1) / n, False, 0.0, SPOT)) for n in (1, 4, 16, 64)]
    assert (np.diff(put) > 0.0).all() and put[3] - put[2] < put[2] - put[1]


def test_its_delta_is_its_derivative():
    with jax.enable_x64(True):
        dates = np.array([0.299, 0.499, 0.799, 1.0])
        ours = jax.grad(price, 3)(dates, True, 0.0, SPOT)
        up, down = (float(price(dates, True, 0.0, SPOT + h)) for h in (0.01, -0.01))
    np.testing.assert_allclose(ours, (up - down) / 0.02, rtol=1e-5)


def test_a_call_is_used_before_the_share_goes_ex():
    """In the market that pays what the contract knows, and nowhere where there is nothing to be had."""
    inner = dh.markets.BlackScholes("A", vol=0.1, spot=100.0, rate=0.02)
    grid, rows = dh.TimeGrid([0.0, 0.25, 0.499, 0.5, 1.0]), [(0.5, 8.0)]
    paths = dh.sample(dh.markets.Dividends(inner, "A", rows), grid, 256, key=jax.random.key(3))
    call = i.Bermudan("A", 90.0, (0.499, 1.0), cash=rows)
    cash, price = map(np.asarray, jax.jit(jax.vmap(lambda path: (call.cashflows(path), call.price(path))))(paths))
    spot = np.asarray(paths.quotes["A"])
    level = spot[cash[:, 2] > 0, 2].min()
    assert 90.0 < level < 105.0 and (cash[spot[:, 2] >= level, 2] > 0).all() and not cash[:, [0, 1, 3]].any()
    np.testing.assert_allclose(cash[:, 2], np.where(spot[:, 2] >= level, spot[:, 2] - 90.0, 0.0), rtol=1e-5)
    assert not price[cash[:, 2] > 0, 2:].any() and (price[:, :2] > 0).all()
    with pytest.raises(ParameterError, match="hold a Bermudan"):
        i.American("A", 90.0, 1.0).price(jax.tree.map(lambda x: x[0], paths))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"dates": (0.5, 0.5)}, "increasing"),
        ({"dates": (0.5, 0.501, 1.0)}, "an eighth of the average"),
        ({"cash": [(0.5, -1.0)]}, "cash must be 0 or more"),
        ({"proportional": [(0.5, 1.0)]}, "proportional"),
        ({"strike": -1.0}, "strike"),
    ],
)
def test_terms_outside_their_domain_are_refused(wrong, words):
    with pytest.raises(ParameterError, match=words):
        i.Bermudan(**({"underlier": "A", "strike": 1.0, "dates": (0.5, 1.0)} | wrong))
