import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.core.types import as_float, concrete, number


class Thing(eqx.Module):
    size: jax.Array = number()
    twice: jax.Array = number(default=2.0)


def test_numbers_are_arrays_of_the_default_float_type():
    assert Thing(1).size.dtype == jnp.float32
    assert as_float([1, 2]).dtype == jnp.float32
    with jax.enable_x64(True):
        assert Thing(1).size.dtype == jnp.float64
        assert as_float(0.1) == 0.1
    assert Thing(1).twice.dtype == jnp.float32


def test_a_new_number_is_no_new_program():
    compiled = []

    @eqx.filter_jit
    def area(thing):
        compiled.append(1)
        return thing.size * thing.twice

    assert float(area(Thing(3.0))) == 6.0
    assert float(area(Thing(4.0, 5.0))) == 20.0
    assert len(compiled) == 1


def test_concrete_judges_known_values_only():
    assert concrete(jnp.array([1.0, 2.0]), lambda x: x > 0)
    assert not concrete(jnp.array([1.0, -2.0]), lambda x: x > 0)
    assert not concrete(jnp.array(np.nan), np.isfinite)
    assert jax.jit(lambda x: jnp.array(concrete(x, lambda v: v > 0)))(-1.0)
