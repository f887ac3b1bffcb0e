"""Study files: TOML read, overridden, hashed and written; a table of it is a constructor call by public name."""

from deephedge.config.build import OPTAX, build, check, namespace
from deephedge.config.text import canonical, digest, dump, load, override, parse

__all__ = ["OPTAX", "build", "canonical", "check", "digest", "dump", "load", "namespace", "override", "parse"]
