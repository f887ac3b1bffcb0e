"""Features switched off in one line: ``off = ["tone"]``, or a group of them by its name."""

from collections.abc import Mapping
from typing import Any

from deephedge.core.errors import ConfigError, nearest, require

READ = ("features", "windows")  # what a policy's table calls the features it is shown


def without(config: Mapping[str, Any]) -> dict[str, Any]:
    """``config`` with the features in ``off`` taken from the list of every policy that reads them.

    A name is a feature's or that of a group in ``groups``. Raises ``ConfigError`` for one that no policy reads, and
    where nothing is left for a policy to read.

    >>> table = {"off": ["news"], "groups": {"news": ["tone"]}, "policies": {"mlp": {"features": ["vol", "tone"]}}}
    >>> without(table)["policies"]
    {'mlp': {'features': ['vol']}}
    """
    off, groups = config.get("off", []), config.get("groups", {})
    if not off:
        return dict(config)
    read = {name for table in config["policies"].values() for key in READ for name in table.get(key, ())}
    hidden = set()
    for name in off:
        members = groups.get(name, [name])
        known = [*groups, *sorted(read)]
        told = f"off: {name!r} is no feature that a policy reads, and no group: {nearest(str(name), known)}"
        require(name in groups or name in read, told, ConfigError)
        hidden |= set(members)
    policies = {name: _hiding(name, table, hidden) for name, table in config["policies"].items()}
    return {**config, "policies": policies}


def _hiding(name: str, table: Mapping[str, Any], hidden: set[str]) -> dict[str, Any]:
    kept = {key: [one for one in table[key] if one not in hidden] for key in READ if key in table}
    told = f"off: nothing is left for {name} to read; leave it one feature"
    require(not kept or any(kept.values()), told, ConfigError)
    return {**table, **kept}
