"""Options on calendar spreads: two futures of a commodity, in the model that moves them, by quadrature."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

import deephedge as dh
from deephedge import instruments as i
from deephedge.core.errors import ParameterError
from deephedge.markets import Schwartz, SchwartzSmith

KAPPA, SHORT, LONG, RHO, RATE = 1.5, 0.35, 0.2, 0.1, 0.05
NEAR, FAR = "CL.future.0.5", "CL.future.1"
VOLS = {"vols": (f"{FAR}.until.0.5.vol", f"{NEAR}.vol")}
CURVE = [(0.5, 60.0), (1.0, 61.0)]
GRID = dh.TimeGrid([0.0, 0.2, 0.5])
TWO = SchwartzSmith(
    "CL", 60.0, KAPPA, SHORT, LONG, RHO, rate=RATE, expiries=(0.5, 1), curve=CURVE, spreads=[("0.5", "1")]
)


@pytest.fixture(scope="module")
def path() -> dh.MarketPath:
    return jax.jit(lambda z: TWO.path(GRID, z))(jnp.array([[0.7, -0.4], [0.1, 0.3]]))


def moments(now: float) -> tuple[float, float, float]:
    """Total volatilities of far and near until the near one expires, and their correlation, by quadrature."""

    def rate_of(one: float, other: float) -> float:
        def at(t: float) -> float:
            a, b = SHORT * np.exp(-KAPPA * (one - t)), SHORT * np.exp(-KAPPA * (other - t))
            return a * b + RHO * LONG * (a + b) + LONG**2

        return quad(at, now, 0.5)[0]

    far, near, both = rate_of(1.0, 1.0), rate_of(0.5, 0.5), rate_of(1.0, 0.5)
    return np.sqrt(far), np.sqrt(near), both / np.sqrt(far * near)


def exact(far: float, near: float, strike: float, now: float, call: bool) -> float:
    """Black's price given the near future, integrated over it."""
    a, b, rho = moments(now)
    rest, sign = a * np.sqrt(1.0 - rho**2), 1.0 if call else -1.0

    def given(z: float) -> float:
        forward = far * np.exp(rho * a * z - 0.5 * (rho * a) ** 2)
        owed = strike + near * np.exp(b * z - 0.5 * b * b)
        d = np.log(forward / owed) / rest + 0.5 * rest
        return sign * (forward * norm.cdf(sign * d) - owed * norm.cdf(sign * (d - rest))) * norm.pdf(z)

    return np.exp(-RATE * (0.5 - now)) * quad(given, -9.0, 9.0, epsabs=1e-12, limit=300)[0]


def test_quotes_are_the_moments_to_the_expiry_of_the_near_future(path):
    for n, now in enumerate((0.0, 0.2)):
        far, near, like = moments(now)
        left = np.sqrt(0.5 - now)
        np.testing.assert_allclose(path.quotes[VOLS["vols"][0]][n], far / left, rtol=2e-6)
        np.testing.assert_allclose(path.quotes[f"{NEAR}.vol"][n], near / left, rtol=2e-6)
        np.testing.assert_allclose(path.quotes[f"{NEAR}.{FAR}.correlation"][n], like, rtol=2e-6)


@pytest.mark.parametrize("call", [True, False])
@pytest.mark.parametrize("strike", [0.0, 1.0, 4.0])
def test_an_option_on_a_calendar_spread_is_an_integral(path, strike, call):
    """Exact without a strike (Margrabe); with one, a lower bound of a spread that moves little."""
    spread = i.SpreadOption(FAR, NEAR, strike, expiry=0.5, call=call, **VOLS)
    ours = np.asarray(jax.jit(lambda path: spread.price(path))(path), float)
    marks = [np.asarray(path.quotes[name], float) for name in (FAR, NEAR)]
    for n, now in enumerate((0.0, 0.2)):
        expected = exact(marks[0][n], marks[1][n], strike, now, call)
        np.testing.assert_allclose(ours[n], expected, atol=2e-5 if strike == 0.0 else 1e-3)


def test_with_one_factor_all_futures_move_together():
    market = Schwartz("CL", 60.0, KAPPA, 50.0, 0.4, expiries=(0.5, 1), spreads=[("0.5", "1")])
    quotes = jax.jit(lambda z: market.path(GRID, z))(jnp.zeros((2, 1))).quotes
    np.testing.assert_allclose(quotes[f"{NEAR}.{FAR}.correlation"], 1.0, rtol=1e-6)
    np.testing.assert_allclose(quotes[VOLS["vols"][0]], quotes[f"{NEAR}.vol"] * np.exp(-0.5 * KAPPA), rtol=1e-6)


@pytest.mark.parametrize(
    ("wrong", "words"), [([("0.5", "2")], "pairs .near, far. of the expiries"), ([("1", "0.5")], "expires first")]
)
def test_spreads_of_other_contracts_are_refused(wrong, words):
    with pytest.raises(ParameterError, match=words):
        Schwartz("CL", 60.0, KAPPA, 50.0, 0.4, expiries=(0.5, 1), spreads=wrong)
