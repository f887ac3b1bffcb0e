"""Smiles: formulas against the library's own and complex steps, fits that find what made the quotes, no arbitrage."""

from datetime import timedelta

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from deephedge.core.errors import DataError
from deephedge.data.surfaces import Surface, chains, fitted, surfaces
from deephedge.data.surfaces.slices import admitted
from deephedge.data.surfaces.smile import between, slopes, variance
from deephedge.data.surfaces.ssvi import _Problem, _shape, _surface
from deephedge.pricing import ssvi
from oracles.chains import DAYS, FAIR, NOW, PSI, RHO, TAU, THETA, arbitrage, records, rows, smile, years

K = np.linspace(-1.5, 1.0, 41)


def test_the_smile_is_that_of_the_library():
    with jax.enable_x64(True):
        theirs = ssvi.total_variance(jnp.asarray(K), 0.04, -0.7, 5.0)
    np.testing.assert_allclose(variance(K, np.array(0.04), np.array(-0.7), np.array(0.2)), theirs, rtol=1e-13)


def test_slopes_by_complex_steps():
    at, h = (0.04, -0.7, 0.2), 1e-30j
    for i, slope in enumerate(slopes(K, *map(np.array, at))):
        moved = [x + h * (i == j) for j, x in enumerate(at)]
        np.testing.assert_allclose(slope, smile(K, *moved).imag / 1e-30, rtol=1e-12, atol=1e-15)


def test_the_jacobian_of_ssvi_by_finite_differences():
    (chain,) = chains(records())
    from deephedge.data.surfaces.build import out_of_the_money

    _, quotes = out_of_the_money(chain)
    problem = _Problem(quotes, np.unique(quotes.n, return_inverse=True)[1])
    u = np.append(np.diff(THETA, prepend=0.0), (-0.5, 0.6, 0.4))
    h = 1e-6 * np.abs(u)
    differences = [(problem.residuals(u + e) - problem.residuals(u - e)) / (2 * e.sum()) for e in np.diag(h)]
    scale = np.abs(differences).max(axis=1)
    np.testing.assert_allclose(problem.jacobian(u) / scale, np.array(differences).T / scale, atol=1e-6)


def test_ssvi_finds_the_surface_that_made_the_quotes():
    theta, rho, eta, gamma = _surface(np.append(np.diff(THETA, prepend=0.0), (-0.6, 0.7, 0.35)))
    nodes = (theta, np.full(5, rho), theta * _shape(theta, eta, gamma))
    (found,) = surfaces(records(rows(nodes=nodes, spread=1e-3)), smiles="ssvi")
    for name, true in zip(("theta", "rho", "psi"), nodes, strict=True):
        np.testing.assert_allclose(getattr(found, name), true, rtol=2e-5)
    assert found.rmse.max() < 1e-3 and (found.inside == 1.0).all() and (found.quotes > 30).all()
    assert max(arbitrage(found).values()) < FAIR


def test_slices_find_smiles_that_ssvi_cannot():
    rough, exact = (surfaces(records(rows(spread=1e-3)), smiles=smiles)[0] for smiles in ("ssvi", "slices"))
    for name, true in zip(("theta", "rho", "psi"), (THETA, RHO, PSI), strict=True):
        np.testing.assert_allclose(getattr(exact, name), true, rtol=2e-3)
    assert exact.rmse.max() < 0.01 < 0.1 < rough.rmse.max()
    np.testing.assert_allclose(exact.tau, [years((NOW + timedelta(days=d)).date()) for d in DAYS], rtol=1e-12)
    assert max(arbitrage(exact).values()) < FAIR and max(arbitrage(rough).values()) < FAIR


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 8))])
def test_quotes_full_of_arbitrage_give_surfaces_free_of_it(seed):
    """Volatilities at random between 10 and 40 %, expiry by expiry and strike by strike."""
    rng = np.random.default_rng(seed)
    days = (3, 17, 31, 45, 200, 400)
    theta = rng.uniform(0.1, 0.4, 6) ** 2 * np.array(days) / 365
    frame = rows(days=days, nodes=(theta, rng.uniform(-0.9, 0.9, 6), 0.2 * np.sqrt(theta)), count=15, width=2.5)
    noise = pl.Series(rng.uniform(0.7, 1.4, len(frame)))
    frame = frame.with_columns(bid=pl.col("bid") * noise, ask=pl.col("ask") * noise)
    (chain,) = chains(records(frame))
    for smiles in ("slices", "ssvi"):
        found = arbitrage(fitted(chain, smiles, rate=0.05))
        assert max(found.values()) < FAIR, (smiles, found)


def test_every_place_of_the_box_is_free_of_arbitrage():
    """Nodes at random and one after the other, as the fit takes them."""
    rng = np.random.default_rng(0)
    settles = np.datetime64("2024-03-01T21:00", "us") + np.arange(1, 7) * np.timedelta64(30, "D")
    for _ in range(8):
        nodes, before = [], None
        while len(nodes) < 6:
            u = np.array([rng.exponential(), rng.uniform(-0.9, 0.9), rng.uniform(0.01, 1.0)])
            node = admitted(u, 0.01, before)
            if node[2] * (1.0 + abs(node[1])) <= 4.0:  # the others are fitted anew with the rho before
                nodes, before = [*nodes, node], node
        theta, rho, psi = np.array(nodes).T
        made = Surface.of("X", NOW, settles, 100.0, theta=theta, rho=rho, psi=psi)
        assert max(arbitrage(made, times=40).values()) < FAIR


def test_between_nodes_lines_are_straight():
    theta, rho, _ = between(np.array([0.5, 1.0, 3.0]) * TAU[0], TAU, THETA, RHO, PSI)
    np.testing.assert_allclose(theta[:2] / THETA[0], [0.5, 1.0])
    np.testing.assert_allclose(rho[:2], RHO[0])
    beyond = between(TAU[-1:] + 1.0, TAU, THETA, RHO, PSI)
    pace = (THETA[-1] - THETA[-2]) / (TAU[-1] - TAU[-2])
    np.testing.assert_allclose(np.ravel(beyond), [THETA[-1] + pace, RHO[-1], PSI[-1]])


def test_the_future_and_other_days_do_not_matter():
    later = NOW.replace(day=4)
    alone, (first, second) = surfaces(records())[0], surfaces(records(rows(), rows(later, scale=4.0, spot=70.0)))
    assert first.as_dict() == alone.as_dict() and (second.theta > 3.0 * first.theta).all()


def test_too_few_quotes_are_told():
    with pytest.raises(
        DataError, match=r"no expiry has a forward by parity and five quotes; .* left out {'no bid': 410}"
    ):
        surfaces(records(rows(spread=0.02).with_columns(bid=pl.lit(0.0), ask=pl.lit(1.0))))
    with pytest.raises(DataError, match="smiles are slices or ssvi, was 'svi'"):
        surfaces(records(), smiles="svi")
    one = surfaces(records(rows(count=11, days=(28,), nodes=(THETA[1:2], RHO[1:2], PSI[1:2]))))
    assert len(one[0].tau) == 1 and one[0].rmse[0] < 0.1
