import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge import MarketPath, features
from deephedge import instruments as i
from deephedge.core.errors import ParameterError
from deephedge.pricing import black, cliquet

# The first date lies between two points, so does the third.
TIMES = np.array([0.0, 0.125, 0.25, 0.375, 0.5, 0.75, 1.0, 1.25])
SPOT = np.array([1.0, 1.25, 1.5, 1.125, 1.25, 1.375, 1.0, 2.0])
DATES, EXPIRY, FIXED_AT = (0.125, 0.2, 0.5), 0.9, (1, 2, 4, 6)
RATE, YIELD, VOL = 0.04, 0.01, 0.3


def make(times=TIMES, spot=SPOT):
    flat = {"A.vol": VOL, "rate": RATE, "A.dividend": YIELD}
    quotes = {"A": jnp.asarray(spot)} | {name: jnp.full(len(times), value) for name, value in flat.items()}
    return MarketPath(jnp.asarray(times), quotes, jnp.ones(len(times)))


option = jax.jit(black.price, static_argnames="call")

CLIQUETS = {
    "free": {},
    "floor": {"floor": -0.05},
    "cap": {"cap": 0.15, "notional": 10.0},
    "both": {"floor": -0.1, "cap": 0.15, "least": 0.02, "most": 0.25},
    "least": {"floor": -0.1, "cap": 0.15, "least": 0.1},
}


def returns(floor=-1.0, cap=np.inf, **_):
    fixed = SPOT[list(FIXED_AT)]
    return np.clip(fixed[1:] / fixed[:-1] - 1, floor, cap)


@pytest.mark.parametrize("name", CLIQUETS)
def test_a_cliquet_pays_its_capped_returns_and_remembers_them(name):
    terms = CLIQUETS[name]
    with jax.enable_x64(True):
        contract, path = i.Cliquet("A", DATES, EXPIRY, **terms), make()
        cash, state = contract.cashflows(path), contract.state(path)
    kept = returns(**terms)
    total = np.clip(kept.sum(), terms.get("least", -np.inf), terms.get("most", np.inf)) * terms.get("notional", 1.0)
    np.testing.assert_allclose(cash, np.where(np.arange(8) == 6, total, 0.0), atol=1e-14)
    np.testing.assert_allclose(state["accrued"], np.cumsum([0, 0, kept[0], 0, kept[1], 0, kept[2], 0]), atol=1e-14)
    np.testing.assert_allclose(state["fixing"], [1.0, 1.25, 1.5, 1.5, 1.25, 1.25, 1.0, 1.0])


def test_prices_are_what_the_formulas_say_of_what_is_left():
    with jax.enable_x64(True):
        path = make()
        forward_start = i.ForwardStart("A", 1.1, start=0.5, expiry=EXPIRY, call=False)
        start = np.asarray(eqx.filter_jit(forward_start.price)(path))
        free, bound = (
            np.asarray(eqx.filter_jit(i.Cliquet("A", DATES, EXPIRY, **CLIQUETS[name]).price)(path))
            for name in ("floor", "both")
        )
        grow, left = RATE - YIELD, EXPIRY - TIMES
        # Rubinstein before the start, Black after it, on the spot that was there.
        strip = option(np.exp(grow * 0.4), 1.1, VOL, 0.4, call=False)
        before = [SPOT[k] * np.exp(grow * (0.5 - TIMES[k]) - RATE * left[k]) * strip for k in range(4)]
        after = [
            np.exp(-RATE * left[k]) * option(SPOT[k] * np.exp(grow * left[k]), 1.1 * SPOT[4], VOL, left[k], call=False)
            for k in (4, 5)
        ]
        np.testing.assert_allclose(start, [*before, *after, 0, 0], rtol=1e-12)
        # At 0.375: one period known, one half run, one to come.
        so_far, lefts = np.array([1.5 / 1.25, 1.125 / 1.5, 1.0]), np.array([0.0, 0.125, 0.4])
        ahead = so_far * np.exp(grow * lefts), VOL
        apart = float(jax.jit(cliquet.capped_return)(*ahead, -0.05, None, lefts).sum())
        together = float(jax.jit(cliquet.cliquet)(*ahead, -0.1, 0.15, 0.02, 0.25, lefts))
        np.testing.assert_allclose(
            [free[3], bound[3]], np.exp(-RATE * left[3]) * np.array([apart, together]), rtol=1e-12
        )
    assert not free[6:].any() and not bound[6:].any()


def test_a_path_that_begins_late_fixes_at_its_first_point_and_one_past_the_end_pays_nothing():
    late, past = make(TIMES[3:], SPOT[3:]), make(TIMES[7:], SPOT[7:])
    contract = i.ForwardStart("A", 1.0, start=0.25, expiry=EXPIRY, call=False)
    said = eqx.filter_jit(lambda path: (contract.state(path)["strike"], contract.cashflows(path)))
    assert [x.tolist() for x in said(late)] == [[1.125] * 5, [0, 0, 0, 0.125, 0]]
    assert said(past)[1].tolist() == [0]


def test_prices_have_finite_derivatives_along_the_path():
    contract = i.Cliquet("A", DATES, EXPIRY, **CLIQUETS["both"])

    def total(spot):
        return contract.price(make().with_quotes({"A": spot})).sum()

    slopes = jax.jit(jax.grad(total))(jnp.asarray(SPOT))
    assert np.isfinite(slopes).all() and slopes[3] != 0


def test_a_delta_on_the_date_of_a_fixing_is_that_of_the_option_it_makes():
    """And before it, that of so many units of the spot."""
    contract = i.ForwardStart("A", 1.1, start=0.5, expiry=EXPIRY)
    delta, price = eqx.filter_jit(lambda path: (features.Delta(contract)(path), contract.price(path)))(make())
    left, ahead = EXPIRY - 0.5, SPOT[4] * np.exp((RATE - YIELD) * (EXPIRY - 0.5))
    spot_delta = jax.jit(black.spot_delta)(SPOT[4], ahead, 1.1 * SPOT[4], VOL, left, discount=np.exp(-RATE * left))
    np.testing.assert_allclose(delta[4], spot_delta, rtol=1e-5)
    np.testing.assert_allclose(delta[3], price[3] / SPOT[3], rtol=1e-5)


@pytest.mark.parametrize(
    "build, says",
    [
        (lambda: i.ForwardStart("A", -1.0, 0.5, 1.0), "strike must be 0 or more"),
        (lambda: i.ForwardStart("A", 1.0, 1.0, 1.0), "dates must rise"),
        (lambda: i.Cliquet("A", (0.5, 0.25), 1.0), "dates must rise"),
        (lambda: i.Cliquet("A", (), 1.0), "dates must be a row"),
        (lambda: i.Cliquet("A", (0.0,), 1.0, floor=0.1, cap=0.0), "floor and cap must rise"),
        (lambda: i.Cliquet("A", (0.0,), 1.0, floor=-1.5), "floor must be -1 or more"),
        (lambda: i.Cliquet("A", (0.0,), 1.0, cap=np.inf), "floor and cap must be finite"),
        (lambda: i.Cliquet("A", (0.0,), 1.0, cap=0.1, least=0.0), "needs a floor and a cap"),
    ],
)
def test_bad_terms_are_refused(build, says):
    with pytest.raises(ParameterError, match=says):
        build()
