"""A run folder is whole or refused."""

import json
import os

import polars as pl
import pytest

from deephedge.core.errors import ArtefactError, OutputError
from deephedge.studies.rundir import RunFolder, fresh, latest, to_json

FACTS = {"digest": "0123456789abcdef", "study": "tiny"}


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    return RunFolder.create(tmp_path / "run", FACTS, "seed = 1\n")


def test_what_is_written_comes_back(folder):
    folder.write_json("numbers.json", {"a": float("nan"), "b": [1, 2.5]})
    folder.write_frame("ledgers/one.parquet", pl.DataFrame({"x": [1.0, 2.0]}))
    again = RunFolder.open(folder.path)
    assert again.read_json("numbers.json") == {"a": None, "b": [1, 2.5]}
    assert again.read_frame("ledgers/one.parquet")["x"].to_list() == [1.0, 2.0]
    assert again.read_text("config.toml") == "seed = 1\n"
    assert again.has("numbers.json") and not again.has("others.json")


@pytest.mark.parametrize("name", ["numbers.json", "config.toml", "ledgers/one.parquet"])
@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_a_changed_file_is_refused_by_name(folder, name, damage):
    folder.write_json("numbers.json", {"a": 1})
    folder.write_frame("ledgers/one.parquet", pl.DataFrame({"x": [1.0, 2.0]}))
    file = folder.path / name
    content = bytearray(file.read_bytes())
    if damage == "gone":
        file.unlink()
    else:
        content[len(content) // 2] ^= 1
        file.write_bytes(content if damage == "flip" else content[: len(content) // 2])
    with pytest.raises(ArtefactError, match=os.path.basename(name)):
        RunFolder.open(folder.path).checked(name)


def test_a_file_that_the_manifest_does_not_know_yet_counts_as_not_written(folder):
    """As after kill -9 between the file and the manifest."""
    (folder.path / "weights").mkdir()
    (folder.path / "weights" / "mlp.safetensors").write_bytes(b"whole, but not noted")
    assert not RunFolder.open(folder.path).has("weights/mlp.safetensors")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}', '"text"'])
def test_a_manifest_that_is_none_is_refused(folder, content):
    (folder.path / "manifest.json").write_text(content)
    with pytest.raises(ArtefactError, match="truncated or not ours"):
        RunFolder.open(folder.path)


def test_a_folder_of_another_format_or_none_is_refused(folder, tmp_path):
    manifest = json.loads((folder.path / "manifest.json").read_text())
    (folder.path / "manifest.json").write_text(json.dumps({**manifest, "format": 99}))
    with pytest.raises(ArtefactError, match="has format 99"):
        RunFolder.open(folder.path)
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "nowhere"):
        with pytest.raises(ArtefactError, match=str(path)):
            RunFolder.open(path)


def test_a_folder_that_is_there_is_not_taken(folder):
    with pytest.raises(OutputError, match="is there already"):
        RunFolder.create(folder.path, FACTS, "")


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    file = tmp_path / "file"
    file.write_text("not a folder")
    with pytest.raises(OutputError, match="cannot make the folder"):
        RunFolder.create(file / "run", FACTS, "")


def test_names_count_up(tmp_path):
    assert latest(tmp_path, "tiny", FACTS["digest"]) is None
    names = []
    for _ in range(3):
        path = fresh(tmp_path, "tiny", FACTS["digest"])
        path.mkdir()
        names.append(path.name)
    assert names == ["tiny-01234567", "tiny-01234567-2", "tiny-01234567-3"]
    assert latest(tmp_path, "tiny", FACTS["digest"]).name == names[-1]


def test_json_is_read_by_any_reader():
    import numpy as np

    text = to_json(
        {"a": np.float32(1.5), "b": np.int64(3), "c": float("inf"), "d": (1, None), "e": np.datetime64("2024-01-02")}
    )
    assert json.loads(text) == {"a": 1.5, "b": 3, "c": None, "d": [1, None], "e": "2024-01-02"}
