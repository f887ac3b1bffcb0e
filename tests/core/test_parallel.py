import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.core.parallel import gathered, layout, over_paths


@pytest.mark.parametrize("paths", [1, 2, 3, 255, 256, 257, 1000, 4099])
@pytest.mark.parametrize("chunk", [None, 1, 7, 10_000])
def test_the_layout_covers_all_paths_with_little_padding(paths, chunk):
    devices, chunks, size = layout(paths, chunk)
    assert devices * chunks * size >= paths
    assert size <= (chunk or 256)
    assert devices * chunks * size - paths < devices * chunks
    assert devices <= min(paths, jax.local_device_count())


@pytest.mark.parametrize("paths", [1, 2, 5, 64, 101])
@pytest.mark.parametrize("chunk", [3, 64])
def test_sums_and_rows_are_those_of_a_plain_loop(paths, chunk):
    values = jnp.sin(jnp.arange(paths, dtype=jnp.float32))

    def work(values, index, weight):
        return jnp.sum(weight * values[index]), values[index] * 2.0

    total, rows = gathered(jax.jit(lambda v: over_paths(work, v, paths, chunk))(values))
    np.testing.assert_allclose(total, np.sum(np.asarray(values, np.float64)), atol=1e-5)
    np.testing.assert_array_equal(rows, 2.0 * values)


def test_a_path_of_padding_counts_for_nothing():
    def work(common, index, weight):
        return jnp.sum(weight), index

    paths = 5
    total, rows = jax.jit(lambda: over_paths(work, (), paths, 2))()
    assert float(total) == paths
    assert rows.tolist() == list(range(paths))
