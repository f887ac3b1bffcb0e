"""Tiny studies: a Black-Scholes world that trains in a second, and the shipped ones cut down to a policy or two."""

from pathlib import Path

import pytest

from deephedge import config
from deephedge.studies import RunFolder, Study, run

TINY = (Path(__file__).parent / "tiny.toml").read_text()


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Compiled programs of these tests, and of the processes they start, stay out of the user's cache."""
    patch = pytest.MonkeyPatch()
    patch.setenv("DEEPHEDGE_CACHE", str(tmp_path_factory.mktemp("compiled")))
    yield
    patch.undo()


@pytest.fixture(scope="session")
def tiny_file(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("studies") / "tiny.toml"
    file.write_text(TINY)
    return file


@pytest.fixture
def tiny(tiny_file) -> Study:
    return Study.load(tiny_file)


@pytest.fixture(scope="session")
def tiny_run(tiny_file, tmp_path_factory) -> tuple[Study, RunFolder]:
    """The tiny study, run to the end."""
    study = Study.load(tiny_file)
    return study, run(study, out=tmp_path_factory.mktemp("runs"))


def cut_down(name: str, policies: tuple[str, ...] = ("band",), baselines: tuple[str, ...] = ("delta",)) -> Study:
    """A shipped study with few policies and next to no work."""
    full = Study.load(name, ["training.updates=2", "training.paths=64", "training.validate_every=1", "test.paths=200",
                             "test.resamples=50"])  # fmt: skip
    table = config.override(full.config, [])
    table["policies"] = {key: table["policies"][key] for key in policies}
    del table["rivals"]
    table["baselines"] = {key: table["baselines"][key] for key in baselines}
    return Study(full.name, table, full.near)


@pytest.fixture(scope="session")
def real_run(tmp_path_factory) -> tuple[Study, RunFolder]:
    """The main study on real data, cut down, run to the end."""
    study = cut_down("spx_call")
    return study, run(study, out=tmp_path_factory.mktemp("runs"))
