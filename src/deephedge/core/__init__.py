"""Time, paths, types, keys, errors: what everything else is written in."""
