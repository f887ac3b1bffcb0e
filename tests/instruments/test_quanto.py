import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge import instruments as i
from deephedge.core.errors import ParameterError, UnknownQuote
from deephedge.pricing import black

TIMES = np.array([0.0, 0.25, 0.5, 1.0])
SPOT, VOL, FX_VOL = np.array([1.0, 1.25, 1.5, 1.125]), np.array([0.2, 0.25, 0.3, 0.2]), 0.12
HOME, ABROAD, YIELD, LIKE = 0.05, 0.02, 0.01, -0.5


def make(**more):
    flat = {"EURUSD.vol": FX_VOL, "EURUSD.dividend": ABROAD, "DAX.dividend": YIELD, "rate": HOME} | more
    quotes = {"DAX": SPOT, "DAX.vol": VOL} | {name: np.full(4, value) for name, value in flat.items()}
    return dh.MarketPath(jnp.asarray(TIMES), jax.tree.map(jnp.asarray, quotes), jnp.ones(4))


@pytest.mark.parametrize("quoted", [None, 0.3])
def test_the_forward_of_the_home_measure(quoted):
    like = LIKE if quoted is None else quoted
    with jax.enable_x64(True):
        path = make(**({} if quoted is None else {"EURUSD.DAX.correlation": quoted}))
        forward = i.QuantoForward("DAX", "EURUSD", 1.1, 0.5, fixed=2.0, correlation=LIKE)
        option = i.QuantoOption("DAX", "EURUSD", 1.1, 0.5, False, fixed=2.0, correlation=LIKE)
        left = 0.5 - TIMES[:2]
        ahead = SPOT[:2] * np.exp((ABROAD - YIELD - like * VOL[:2] * FX_VOL) * left)
        now = 2.0 * np.exp(-HOME * left)
        np.testing.assert_allclose(eqx.filter_jit(forward.price)(path), [*(now * (ahead - 1.1)), 0, 0], rtol=1e-13)
        put = now * black.price(ahead, 1.1, VOL[:2], left, call=False)
        np.testing.assert_allclose(eqx.filter_jit(option.price)(path), [*put, 0, 0], rtol=1e-13)
        np.testing.assert_allclose(forward.cashflows(path), [0, 0, 0.8, 0], rtol=1e-13)
        assert not option.cashflows(path).any()


def test_bad_terms_and_a_missing_correlation_are_refused():
    for build, says in (
        (lambda: i.QuantoForward("DAX", "DAX", 1.0, 1.0), "pair must be a rate of exchange"),
        (lambda: i.QuantoOption("DAX", "EURUSD", -1.0, 1.0), "strike must be 0 or more"),
        (lambda: i.QuantoOption("DAX", "EURUSD", 1.0, 1.0, fixed=0.0), "fixed must be a positive"),
        (lambda: i.QuantoOption("DAX", "EURUSD", 1.0, 1.0, correlation=1.5), "correlation must be between"),
    ):
        with pytest.raises(ParameterError, match=says):
            build()
    with pytest.raises(UnknownQuote, match=r"DAX\.EURUSD\.correlation"):
        i.QuantoForward("DAX", "EURUSD", 1.0, 1.0).price(make())
