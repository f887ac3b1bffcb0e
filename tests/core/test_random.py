import jax

from deephedge.core.random import named_key


def test_a_name_always_gives_the_same_key_and_no_other_name_does():
    key = jax.random.key(7)
    names = ["train", "test", "validation", "policy", "policy.1", ""]
    drawn = [tuple(jax.random.key_data(named_key(key, name)).tolist()) for name in names]
    assert drawn == [tuple(jax.random.key_data(named_key(key, name)).tolist()) for name in names]
    assert len(set(drawn)) == len(names)
    assert tuple(jax.random.key_data(named_key(jax.random.key(8), "train")).tolist()) not in drawn
