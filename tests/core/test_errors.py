import inspect

import pytest

from deephedge.core import errors


def test_every_error_is_a_deephedge_error_and_a_value_error():
    found = [c for _, c in inspect.getmembers(errors, inspect.isclass) if c.__module__ == errors.__name__]
    assert len(found) >= 10
    assert all(issubclass(c, errors.DeephedgeError) and issubclass(c, ValueError) for c in found)


def test_the_tree_drawn_in_the_module_is_the_tree():
    drawn = {line.split("-- ")[1].split()[0] for line in errors.__doc__.splitlines() if "-- " in line}
    found = {n for n, c in inspect.getmembers(errors, inspect.isclass) if c.__module__ == errors.__name__}
    assert drawn | {"DeephedgeError"} == found


def test_the_nearest_name_is_offered_or_all_of_them():
    assert errors.nearest("spot", ["spt", "vol"]) == "did you mean 'spt'?"
    assert errors.nearest("zzz", ["b", "a"]) == "known: a, b"
    assert errors.nearest("zzz", []) == "known: none"


def test_require_raises_the_error_asked_for():
    errors.require(True, "not said")
    with pytest.raises(errors.ParameterError, match="said"):
        errors.require(False, "said")
    with pytest.raises(errors.GridError, match="said"):
        errors.require(False, "said", errors.GridError)
