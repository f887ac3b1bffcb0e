import jax
import jax.numpy as jnp
import numpy as np
import QuantLib as ql

from deephedge.pricing import basket
from deephedge.pricing.bivariate import normal

NODES, WEIGHTS = np.polynomial.legendre.leggauss(400)
Z, DENSITY = 8 * NODES, 8 * WEIGHTS * np.exp(-32 * NODES**2) / np.sqrt(2 * np.pi)
ONE, TWO, LIKE = 0.3, 0.25, -0.3


def conditional(first, second, strike, weight):
    """Integral over the second normal of Black's price of the first given it: of S1 + weight S2 - K."""
    other = second * np.exp(TWO * Z - TWO**2 / 2)
    ahead = first * np.exp(LIKE * ONE * Z - (LIKE * ONE) ** 2 / 2)
    left = ONE * np.sqrt(1 - LIKE**2)
    owed = strike - weight * other
    total = [ql.blackFormula(ql.Option.Call, k, f, left) if k > 0 else f - k for k, f in zip(owed, ahead, strict=True)]
    return DENSITY @ np.array(total)


def test_the_bivariate_normal_and_its_slopes():
    rng = np.random.default_rng(3)
    h, k = rng.normal(0, 1.5, (2, 60))
    rho = np.tile([-1.0, -0.999, -0.9, -0.3, 0.0, 0.5, 0.95, 0.9999, 1.0, 0.2], 6)
    h[:4], k[2:6], k[20:30] = 0.0, 0.0, h[20:30]
    theirs = [ql.BivariateCumulativeNormalDistributionWe04DP(r)(a, b) for r, a, b in zip(rho, h, k, strict=True)]
    slopes = jax.jit(lambda *x: (normal(*x), *jax.grad(lambda *x: jnp.sum(normal(*x)), (0, 1, 2))(*x)))
    with jax.enable_x64(True):
        value, *found = slopes(h, k, rho)
        np.testing.assert_allclose(value, theirs, atol=3e-15)
        inside = (np.abs(rho) < 0.99)[None]
        moved = [[slopes(*(x + s * 1e-5 * (n == m) for m, x in enumerate((h, k, rho))))[0] for s in (1, -1)]
                 for n in range(3)]  # fmt: skip
        numbers = np.array([(up - down) / 2e-5 for up, down in moved])
        np.testing.assert_allclose(np.array(found) * inside, numbers * inside, atol=2e-8)
    single = slopes(*(x.astype(np.float32) for x in (h, k, rho)))
    np.testing.assert_allclose(single[0], theirs, atol=1e-6)
    assert all(np.isfinite(x).all() for x in single)


SIDES = np.array([[True], [False]])


@jax.jit
def several(first, second, strike, vols, like, tau):
    """Spread, worst, best and basket, calls and puts; the exchange."""
    both, matrix = jnp.stack([first, second], -1), jnp.eye(2) + like[..., None, None] * jnp.flip(jnp.eye(2), 0)
    terms = (first, second, strike, vols[0], vols[1], like, tau)
    options = [basket.spread(*terms, SIDES), basket.worst_of(*terms, SIDES), basket.best_of(*terms, SIDES)]
    sum_ = basket.basket(both, strike, jnp.stack(vols, -1), matrix, tau, SIDES)
    return jnp.stack([*options, sum_], 1), basket.exchange(*terms[:2], *terms[3:]), basket.kirk(*terms)


def test_prices_are_those_of_an_integral_and_keep_parity():
    first, second, strike = (x.ravel() for x in np.meshgrid([110.0, 70.0], [100.0, 60.0], [4.0, 150.0, 250.0]))
    with jax.enable_x64(True):
        full = np.ones_like(first)
        options, swap, kirk = (
            np.asarray(x) for x in several(first, second, strike, (ONE * full, TWO * full), LIKE * full, full)
        )
        smaller = first - swap
        ahead = np.stack([first - second, smaller, first + second - smaller, first + second])
        np.testing.assert_allclose(options[0] - options[1], ahead - strike, atol=1e-10)
        weights = {0: -1.0, 3: 1.0}
        exact = {n: np.array([conditional(*row, w) for row in zip(first, second, strike, strict=True)])
                 for n, w in weights.items()}  # fmt: skip
        # The figures of the documentation: the first is a lower bound.
        gap = exact[0] - options[0, 0]
        assert (gap > -1e-9).all() and gap.max() < 6e-3
        np.testing.assert_allclose(kirk, exact[0], atol=0.4)
        np.testing.assert_allclose(options[0, 3], exact[3], atol=5e-4 * 210)


def test_copies_are_one_price_with_its_gamma():
    def price(f):
        return basket.basket(
            f * jnp.array([0.6, 0.4]), jnp.array(105.0), jnp.array([0.3, 0.3]), jnp.ones((2, 2)), 2.0, True
        )

    with jax.enable_x64(True):
        value, slope = jax.jit(jax.vmap(jax.value_and_grad(price)))(jnp.array([99.99, 100.0, 100.01]))
        value, slope, curve = value[1], slope[1], (slope[2] - slope[0]) / 0.02
        their = ql.BlackCalculator(ql.PlainVanillaPayoff(ql.Option.Call, 105.0), 100.0, 0.3 * np.sqrt(2.0))
        expected = (their.value(), their.deltaForward(), their.gammaForward())
        np.testing.assert_allclose((value, slope, curve), expected, rtol=1e-7)


def test_values_and_slopes_are_finite_at_the_end_and_without_volatility():
    corners = np.meshgrid([50.0, 100.0], [50.0, 100.0], [0.0, 50.0, 100.0], [0.0, 1e-4, 0.2, 3.0], [-1.0, 0.3, 1.0],
                          [0.0, 1e-7, 1.0])  # fmt: skip
    first, second, strike, vol, like, tau = (x.ravel().astype(np.float32) for x in corners)

    slope = lambda *x: jax.jvp(several, x, jax.tree.map(jnp.ones_like, x))  # noqa: E731
    (options, *_), by = jax.jit(slope)(first, second, strike, (vol, vol), like, tau)
    assert np.isfinite(options).all() and all(np.isfinite(x).all() for x in by)
    ends = np.stack([first - second, np.minimum(first, second), np.maximum(first, second), first + second]) - strike
    over = tau == 0
    np.testing.assert_allclose(options[..., over], np.maximum([ends, -ends], 0)[..., over], atol=2e-5)
