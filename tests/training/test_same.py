"""Optimisers made by the same calls are one optimiser; anything that differs, or cannot be compared, is not."""

import jax.numpy as jnp
import optax
import pytest

from deephedge.training.same import Optimiser

SCHEDULE = dict(init_value=1e-2, decay_steps=100)
MAKERS = {
    "adam": lambda: optax.adam(1e-3),
    "chain": lambda: optax.chain(optax.clip_by_global_norm(1.0), optax.adam(optax.cosine_decay_schedule(**SCHEDULE))),
    "array": lambda: optax.sgd(jnp.asarray(0.1)),
    "weight decay": lambda: optax.adamw(1e-3, weight_decay=1e-4),
    "injected": lambda: optax.inject_hyperparams(optax.adam)(learning_rate=1e-3),
}


@pytest.mark.parametrize("name", MAKERS)
def test_made_twice_alike_it_works_and_is_never_equal_to_another(name):
    one, two = Optimiser(MAKERS[name]()), Optimiser(MAKERS[name]())
    if name != "injected":
        assert one == two and hash(one) == hash(two)
    others = [Optimiser(make()) for other, make in MAKERS.items() if other != name]
    assert all(one != other for other in others)
    state = one.init({"w": jnp.ones(2)})
    assert one.update({"w": jnp.ones(2)}, state, {"w": jnp.ones(2)})[0]["w"].shape == (2,)


@pytest.mark.parametrize(
    "other",
    [
        optax.adam(2e-3),
        optax.adam(1e-3, b1=0.8),
        optax.adam(lambda step: 1e-3 / (1 + step)),
        optax.adam(optax.cosine_decay_schedule(1e-3, 10)),
        optax.amsgrad(1e-3),
    ],
)
def test_another_number_makes_another_optimiser(other):
    assert Optimiser(optax.adam(1e-3)) != Optimiser(other)


def test_schedules_are_compared_by_their_numbers():
    make = lambda steps: Optimiser(optax.adam(optax.cosine_decay_schedule(1e-3, steps)))  # noqa: E731
    assert make(10) == make(10) and make(10) != make(11)


def test_what_has_no_value_is_only_itself():
    class Knob:
        def __init__(self):
            self.rate = 0.1

    def make(knob):
        return optax.stateless(lambda updates, params: updates if knob.rate else params)

    one, two = Knob(), Knob()
    assert Optimiser(make(one)) == Optimiser(make(one))
    assert Optimiser(make(one)) != Optimiser(make(two))


def test_a_name_without_a_value_yet_is_no_error():
    def make(known):
        if known:
            rate = 0.1
        return optax.stateless(lambda updates, params: updates if rate else params)

    assert Optimiser(make(False)) != Optimiser(make(True))
    assert Optimiser(make(True)) == Optimiser(make(True))
