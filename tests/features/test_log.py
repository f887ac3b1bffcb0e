import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge import features as f
from deephedge.core.errors import ParameterError


def test_a_logarithm_takes_vectors_and_stays_finite_at_zero():
    quotes = {"A": jnp.array([1.0, 2.0, 4.0]), "A.vol": jnp.array([0.0, 0.2, 0.4])}
    path = dh.MarketPath(jnp.array([0.0, 0.5, 1.0]), quotes, jnp.ones(3))
    window = f.Log(f.Window(f.Quote("A", "a"), 2), name="w")(path)
    np.testing.assert_allclose(window, np.log([[1, 1], [1, 2], [2, 4]]), atol=1e-6)
    assert f.Log(f.Quote("A.vol", "vol")).name == "log_vol"
    np.testing.assert_allclose(f.Log(f.Quote("A.vol", "vol"), floor=0.1)(path), np.log([0.1, 0.2, 0.4]), atol=1e-6)
    with pytest.raises(ParameterError, match="floor of a logarithm must be positive, was 0"):
        f.Log(f.Quote("A", "a"), floor=0.0)
