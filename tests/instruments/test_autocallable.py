import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge import MarketPath
from deephedge import instruments as i
from deephedge.core.errors import ParameterError, ProblemError
from deephedge.pricing import autocallable

TIMES = np.linspace(0.0, 1.25, 11)
DATES, EXPIRY, AT = (0.25, 0.45, 0.75), 1.0, (2, 4, 6, 8)  # the second lies between two points
LEVELS = {"call_level": 1.1, "coupon_level": 0.95, "barrier": 0.8, "strike": 1.0, "coupon": 3.0, "principal": 100.0}
SPOTS = np.exp(np.random.default_rng(4).normal(-0.01, 0.1, (200, 11)).cumsum(axis=1))


def make(spot):
    quotes = {"A": spot, "A.vol": jnp.full(11, 0.2), "rate": jnp.full(11, 0.03)}
    return MarketPath(jnp.asarray(TIMES), quotes, jnp.ones(11))


def walked(spot, memory, watch):
    """The term sheet, read aloud, point by point."""
    cash, alive, missed, knocked = np.zeros(11), np.ones(11), np.zeros(11), np.zeros(11)
    over, owed, touched = False, 0, False
    for k in range(11):
        if not over:
            touched |= watch == "points" and spot[k] < 0.8
            if k in AT:
                touched |= spot[k] < 0.8 and (watch == "dates" or (watch == "expiry" and k == AT[-1]))
                if spot[k] >= 0.95:
                    cash[k] += 3.0 * (1 + (owed if memory else 0))
                    owed = 0
                else:
                    owed += 1
                if spot[k] >= 1.1:
                    cash[k] += 100.0
                elif k == AT[-1]:
                    cash[k] += 100.0 * (spot[k] if touched and spot[k] < 1.0 else 1.0)
                over = spot[k] >= 1.1 or k == AT[-1]
        alive[k], missed[k], knocked[k] = not over, 0 if over else owed, touched
    return cash, alive, missed, knocked


@pytest.mark.parametrize("memory, watch", [(True, "expiry"), (False, "dates"), (True, "points")])
def test_cash_and_state_are_the_term_sheets(memory, watch):
    with jax.enable_x64(True):
        note = i.Autocallable("A", DATES, EXPIRY, **LEVELS, memory=memory, watch=watch)
        said = jax.jit(jax.vmap(lambda spot: (note.cashflows(make(spot)), note.state(make(spot)))))(jnp.asarray(SPOTS))
        cash, state = jax.tree.map(np.asarray, said)
    walks = [np.stack(each) for each in zip(*(walked(spot, memory, watch) for spot in SPOTS), strict=True)]
    np.testing.assert_allclose(cash, walks[0], atol=1e-11)
    np.testing.assert_array_equal(state["alive"], walks[1])
    np.testing.assert_array_equal(state["missed coupons"], walks[2])
    alive = walks[1] > 0
    np.testing.assert_array_equal(state["knocked in"][alive], walks[3][alive])
    assert len(np.unique(walks[2])) > 3 and 0.1 < walks[3][:, 8].mean() < 0.9  # all of it has happened


def test_the_price_adds_up_what_is_owed_and_what_is_lost():
    note = i.Autocallable("A", DATES, EXPIRY, **LEVELS, watch="dates", nodes=12)
    spot = jnp.array([1.0, 1.0, 0.75, 0.85, 0.9, 0.9, 1.0, 1.0, 0.9, 1.0, 1.0])
    price = eqx.filter_jit(note.price)(make(spot))
    left = jnp.array([0.0, 0.0, 0.125, 0.375])  # at 0.625 two coupons are owed and the barrier is touched
    parts = jax.jit(lambda: autocallable.legs(0.9, left, 0.2, 0.03, 0.0, 1.1, 0.95, 0.8, 1.0, 0.03, watched=True))()
    np.testing.assert_allclose(price[5], 100 * (parts.plain + parts.touched) + 6 * parts.missed, rtol=1e-5)
    assert not price[8:].any() and note.tradable(make(spot)).tolist() == [True] * 8 + [False] * 3


def test_bad_terms_and_a_price_that_there_is_not_are_refused():
    for change, says in (
        ({"coupon_level": 1.2}, "coupon_level must not lie above call_level"),
        ({"barrier": 1.05}, "barrier must not lie above strike"),
        ({"principal": 0.0}, "principal must be positive"),
        ({"coupon": -1.0}, "coupon must be 0 or more"),
        ({"watch": "always"}, "watch must be one of"),
    ):
        with pytest.raises(ParameterError, match=says):
            i.Autocallable("A", DATES, EXPIRY, **(LEVELS | change))
    with pytest.raises(ProblemError, match="watched at all points has no price"):
        i.Autocallable("A", DATES, EXPIRY, **LEVELS, watch="points").price(make(jnp.ones(11)))
