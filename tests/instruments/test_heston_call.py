import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql

from deephedge import MarketPath
from deephedge import instruments as i
from deephedge.core.errors import ParameterError

MODEL = {"mean_reversion": 1.5, "long_variance": 0.05, "vol_of_vol": 0.6, "correlation": -0.6}


def quantlib(spot, variance, strike, days, rate, dividend):
    today = ql.Date(2, 1, 2024)
    ql.Settings.instance().evaluationDate = today
    flat = [ql.YieldTermStructureHandle(ql.FlatForward(today, x, ql.Actual365Fixed())) for x in (rate, dividend)]
    model = (MODEL["mean_reversion"], MODEL["long_variance"], MODEL["vol_of_vol"], MODEL["correlation"])
    process = ql.HestonProcess(flat[0], flat[1], ql.QuoteHandle(ql.SimpleQuote(spot)), variance, *model)
    option = ql.EuropeanOption(ql.PlainVanillaPayoff(ql.Option.Call, strike), ql.EuropeanExercise(today + days))
    option.setPricingEngine(ql.AnalyticHestonEngine(ql.HestonModel(process), 1e-10, 10_000))
    return option.NPV()


def test_prices_along_a_path_are_those_of_quantlib():
    spot, variance = np.array([100.0, 96.0, 108.0, 101.0]), np.array([0.05, 0.12, 0.03, 0.06])
    times = np.array([0.0, 100.0, 300.0, 365.0]) / 365
    with jax.enable_x64(True):
        quotes = {"A": spot, "A.variance": variance, "rate": np.full(4, 0.04), "A.dividend": np.full(4, 0.01)}
        path = MarketPath(jnp.asarray(times), {k: jnp.asarray(v) for k, v in quotes.items()}, jnp.ones(4))
        call = i.HestonCall("A", 102.0, 1.0, **MODEL)
        price, cash = np.asarray(eqx.filter_jit(call.price)(path)), np.asarray(call.cashflows(path))
    theirs = [
        quantlib(s, v, 102.0, 365 - d, 0.04, 0.01) for s, v, d in zip(spot, variance, (0, 100, 300), strict=False)
    ]
    np.testing.assert_allclose(price[:3], theirs, atol=1e-6)
    assert price[3] == 0 and not cash.any()


def test_values_and_gradients_are_finite():
    call = i.HestonCall("A", 100.0, 1.0, **MODEL)

    def price(quotes):
        return call.price(MarketPath(jnp.array([0.0, 0.9999, 1.0]), quotes, jnp.ones(3)))

    corners = np.array([(s, v) for s in (1.0, 100.0, 5000.0) for v in (0.0, 1e-12, 0.04, 25.0)], np.float32)
    quotes = {name: jnp.repeat(corners[:, n, None], 3, axis=1) for n, name in enumerate(("A", "A.variance"))}
    values, rows = jax.jit(jax.vmap(lambda q: (price(q), jax.jacfwd(price)(q))))(quotes)
    assert jnp.isfinite(values).all()
    assert all(jnp.isfinite(row).all() for row in rows.values())


@pytest.mark.parametrize("name, value", [("mean_reversion", 0.0), ("vol_of_vol", -1.0), ("correlation", 1.5)])
def test_parameters_are_checked(name, value):
    with pytest.raises(ParameterError, match=name):
        i.HestonCall("A", 100.0, 1.0, **(MODEL | {name: value}))
