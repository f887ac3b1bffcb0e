import jax
import jax.numpy as jnp
import pytest

from deephedge import MarketPath
from deephedge.core.errors import UnknownQuote


@pytest.fixture
def path():
    times = jnp.arange(4.0)
    return MarketPath(times, {"SPX": 1.0 + times, "SPX.vol": jnp.full(4, 0.2)}, jnp.exp(0.1 * times))


def test_an_unknown_quote_is_named_with_the_nearest_known(path):
    with pytest.raises(UnknownQuote, match=r"no quote 'SPX.vl': did you mean 'SPX.vol'\?"):
        path.quote("SPX.vl")
    with pytest.raises(UnknownQuote, match=r"known: SPX, SPX.vol"):
        path.quote("temperature")


def test_until_keeps_what_was_known(path):
    seen = path.until(1)
    assert seen.times.tolist() == [0.0, 1.0]
    assert seen.quote("SPX").tolist() == [1.0, 2.0]
    assert seen.numeraire.shape == (2,)
    assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), path.until(3), path))


def test_until_cuts_the_time_axis_of_a_batch(path):
    batch = jax.tree.map(lambda x: jnp.stack([x, x]), path)
    assert batch.until(2).quote("SPX").shape == (2, 3)
