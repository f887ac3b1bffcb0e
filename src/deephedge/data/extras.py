"""Libraries that only some sources need."""

from importlib import import_module
from types import ModuleType

from deephedge.core.errors import DataError


def extra(module: str, package: str) -> ModuleType:
    """The module, or ``DataError`` that says how to install its package.

    >>> extra("json", "json").loads("1")
    1
    """
    try:
        return import_module(module)
    except ImportError as error:
        said = f"the package {package} is needed here and is not installed: pip install deephedge[sources]"
        raise DataError(said) from error
