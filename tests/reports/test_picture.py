"""The picture for the front page."""

import dataclasses

import pytest

from deephedge.core.errors import OutputError, ProblemError
from deephedge.reports import picture


def test_is_a_png_of_a_fair_size(tmp_path, contents):
    path = picture(contents, tmp_path / "docs" / "result.png")
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG") and 20_000 < len(data) < 300_000
    width, height = (int.from_bytes(data[n : n + 4], "big") for n in (16, 20))
    assert (width, height) == (1600, 704)


def test_says_what_it_needs(tmp_path, contents):
    with pytest.raises(ProblemError, match="needs a comparison"):
        picture(dataclasses.replace(contents, wealth={}), tmp_path / "result.png")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="choose another place"):
        picture(contents, tmp_path / "file" / "result.png")
