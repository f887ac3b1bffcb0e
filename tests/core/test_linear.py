"""Small systems against LAPACK, one by one and many at once, with their derivatives."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from deephedge.core import linear
from deephedge.core.errors import ProblemError


def systems(count, size, seed=0):
    rng = np.random.default_rng(seed)
    roots = rng.normal(size=(count, size, size))
    return roots @ roots.swapaxes(1, 2) + 0.1 * np.eye(size), rng.normal(size=(count, size))


@pytest.mark.parametrize("size", [1, 2, 5, 17])
def test_solutions_and_factors_are_those_of_lapack(size):
    matrices, rights = systems(20, size)
    with jax.enable_x64(True):
        solved = jax.jit(jax.vmap(linear.solve))(jnp.asarray(matrices), jnp.asarray(rights))
        factors = jax.jit(jax.vmap(linear.cholesky))(jnp.asarray(matrices))
    np.testing.assert_allclose(solved, np.linalg.solve(matrices, rights[..., None])[..., 0], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(factors, np.linalg.cholesky(matrices), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("badness", [1e2, 1e5])
def test_in_float32_it_is_as_near_as_lapack(badness):
    rng = np.random.default_rng(1)
    axes = np.linalg.qr(rng.normal(size=(50, 6, 6)))[0]
    matrices = axes * np.geomspace(1.0, 1.0 / badness, 6) @ axes.swapaxes(1, 2)
    rights = rng.normal(size=(50, 6))
    exact = np.linalg.solve(matrices, rights[..., None])[..., 0]
    ours = jax.vmap(linear.solve)(jnp.asarray(matrices, jnp.float32), jnp.asarray(rights, jnp.float32))
    lapack = np.linalg.solve(matrices.astype(np.float32), rights.astype(np.float32)[..., None])[..., 0]
    error, allowed = (np.linalg.norm(x - exact) / np.linalg.norm(exact) for x in (np.asarray(ours), lapack))
    assert error < 4 * allowed + 1e-6


def test_derivatives_are_right_in_both_directions():
    matrices, rights = systems(1, 4)
    with jax.enable_x64(True):
        even = lambda a: 0.5 * jnp.asarray(a + a.T)  # noqa: E731
        known = jnp.asarray(matrices[0]), jnp.asarray(rights[0])
        check_grads(lambda a, b: linear.solve(even(a), jnp.asarray(b)), known, order=2, modes=("fwd", "rev"))
        check_grads(lambda a: linear.cholesky(even(a)), known[:1], order=1, modes=("rev",))


def degenerate(size):
    """Beside ordinary matrices: all values alike, none, one direction only, far apart already, and very small."""
    matrices = systems(20, size)[0]
    matrices[:5] = [np.eye(size), np.zeros((size, size)), np.ones((size, size)), np.diag(np.arange(size, 0, -1)),
                    1e-25 * matrices[4]]  # fmt: skip
    return matrices


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("size", [1, 2, 3, 8, 17])
def test_spectra_are_those_of_lapack_and_axes_stay_at_right_angles(size, double):
    matrices = degenerate(size)
    with jax.enable_x64(double):
        found = jax.jit(jax.vmap(linear.spectrum))(jnp.asarray(matrices))
        allowed = 50 * size * float(jnp.finfo(found[0].dtype).eps)
    values, axes = (np.asarray(x, float) for x in found)
    scale = np.abs(matrices).max((1, 2))[:, None] + 1e-300
    assert (np.abs(values - np.linalg.eigvalsh(matrices)) / scale).max() < allowed
    back = axes * values[:, None] @ axes.swapaxes(1, 2)
    assert (np.abs(back - matrices) / scale[..., None]).max() < allowed
    assert np.abs(axes.swapaxes(1, 2) @ axes - np.eye(size)).max() < allowed


@pytest.mark.parametrize("players", [2, 3, 8, 17])
def test_in_a_round_robin_everyone_meets_everyone_once(players):
    rounds = linear._round_robin(players)
    who = np.arange(players)
    assert (rounds[:, who][np.arange(len(rounds))[:, None], rounds] == who).all()  # a partner's partner is oneself
    met = {(min(pair), max(pair)) for partners in rounds for pair in zip(who, partners, strict=True) if np.ptp(pair)}
    assert len(met) == players * (players - 1) // 2
    assert len(rounds) == players - 1 + players % 2


def test_too_many_unknowns_are_said():
    with pytest.raises(ProblemError, match="at most 64 unknowns are solved for on each path, were 65"):
        linear.solve(jnp.eye(65), jnp.ones(65))


def test_no_program_of_a_path_calls_lapack():
    """Where every thread runs a program and all of them ask for helpers, they wait for each other for ever."""
    code = (
        "import jax, jax.numpy as jnp, deephedge as dh\n"
        "from deephedge.core import linear\n"
        "batch = jnp.broadcast_to(jnp.eye(3), (64, 3, 3))\n"
        "text = jax.jit(jax.vmap(linear.solve)).lower(batch, jnp.ones((64, 3))).as_text()\n"
        "text += jax.jit(jax.vmap(linear.cholesky)).lower(batch).as_text()\n"
        "risk = dh.frictions.sets.Ellipsoid.of\n"
        "text += jax.jit(jax.vmap(risk)).lower(batch, jnp.ones((64, 3)), jnp.ones(64)).as_text()\n"
        "table = {'buckets': jnp.ones((64, 3, 2))}\n"
        "text += jax.jit(jax.vmap(dh.policies.BucketHedge().encode)).lower(table).as_text()\n"
        "print('lapack' in text, 'custom_call' in text)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-2] == "False"
