"""Keys by name, so that adding a table to a study never reshuffles the others."""

import zlib

import jax
from jaxtyping import PRNGKeyArray


def named_key(key: PRNGKeyArray, name: str) -> PRNGKeyArray:
    """The key that belongs to ``name``: ``fold_in(key, crc32(name))``.

    >>> import jax
    >>> k = jax.random.key(0)
    >>> bool(jax.random.key_data(named_key(k, "train"))[0] == jax.random.key_data(named_key(k, "test"))[0])
    False
    """
    return jax.random.fold_in(key, zlib.crc32(name.encode()))
