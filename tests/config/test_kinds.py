import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Optional, Union

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import Array, Float

from deephedge.config.kinds import Misfit, convert, words

Scalar = Float[Array, ""]
Row = Float[Array, " asset"]
NUMERIC = Union[jax.Array, np.ndarray, np.number, bool, int, float, complex]  # noqa: UP007 - as array libraries write it


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (1, float, 1.0),
        (0.5, Scalar, 0.5),
        ("30/365", float, 30 / 365),
        ("-1.5 / 2", Scalar, -0.75),
        ("30/365", str, "30/365"),
        ("30/365", float | str, "30/365"),
        (["1/2", 1], Row, (0.5, 1)),
        ([[1, 0.5], [0.5, 1]], Float[Array, "asset asset"], ((1, 0.5), (0.5, 1))),
        (0.2, Row, 0.2),
        (3, int, 3),
        (True, bool, True),
        ("SPX", str | tuple[str, ...], "SPX"),
        (["A", "B"], str | tuple[str, ...], ("A", "B")),
        (["a", "b"], list[str], ["a", "b"]),
        (["a"], Sequence[str], ("a",)),
        (["a", 1], tuple[str, int], ("a", 1)),
        ({"a": 1}, Mapping[str, float], {"a": 1.0}),
        ("call", Literal["call", "put"], "call"),
        (None, Optional[int], None),  # noqa: UP045
        (1e-3, NUMERIC, 1e-3),
        ([1, "a"], Any, [1, "a"]),
        ([1, "a"], inspect.Parameter.empty, [1, "a"]),
        ("x", "ForwardReference", "x"),
    ],
)
def test_what_fits_becomes_what_is_wanted(value, kind, expected):
    result = convert(value, kind)
    assert result == expected and type(result) is type(expected)


@pytest.mark.parametrize(
    ("value", "kind", "wanted"),
    [
        ("high", float, "a number"),
        (True, float, "a number"),
        (float("nan"), Scalar, "a number"),
        ("1/0", float, "a number"),
        ("1/2/3", float, "a number"),
        ("__import__('os')/1", float, "a number"),
        ([0.1, 0.2], Scalar, "a number"),
        (["a"], Row, "a number or a list of numbers"),
        ({"a": 1}, Row, "a number or a list of numbers"),
        (1.0, int, "a whole number"),
        (True, int, "a whole number"),
        ("30/365", int, "a whole number"),
        (1, bool, "true or false"),
        (1, str, "text"),
        ("vol", tuple[str, ...], r"a list (text each)"),
        (["a", 1], list[str], r"a list (text each)"),
        (["a"], tuple[str, str], "a list of 2"),
        ("box", Literal["call", "put"], "'call' or 'put'"),
        ("x", int | None, "a whole number"),
        (True, NUMERIC, "a number or a list of numbers"),
        (3, Callable[[int], int], "a table that makes a function"),
        (3, dict[str, int], "a table without type"),
        ({"a": "x"}, dict[str, int], "a table without type"),
        (3, type(inspect), "a table that makes module"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(value, kind, wanted):
    with pytest.raises(Misfit):
        convert(value, kind)
    assert wanted in words(kind)


@settings(deadline=None)
@given(st.integers(-(10**6), 10**6), st.integers(1, 10**6))
def test_fractions_are_division(a, b):
    assert convert(f"{a}/{b}", float) == a / b


@settings(deadline=None)
@given(st.text())
def test_no_other_text_is_a_number(text):
    try:
        assert isinstance(convert(text, float), float) and text.count("/") == 1
    except Misfit:
        pass
