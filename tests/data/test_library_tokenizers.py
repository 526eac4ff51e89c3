"""The tokenizers of NLTK and spaCy give what the libraries give when they are called directly."""

from __future__ import annotations

import pytest

from rnnlab.data.tokenizers import spacy as spacy_tokenizer
from rnnlab.data.tokenizers import treebank
from rnnlab.registry import TOKENIZERS

TEXTS = [
    "Mr. Smith's film cost $3.50 (or 4,000 euros) in 1999; I CAN'T say \"wow\" -- can you?",
    "It was good. It wasn't great... e.g. this: http://example.com/a?b=1 :-) U.S.A. rock'n'roll",
    "  Odd   spaces\there \u2003 and «quotes» “too” ‘yes’ 9/10 well-made 10am $1.5bn don't",
    "😀 café naïve 日本語。 cafe\u0301",
    "Two lines.\nThe second, without an end",
]


def built(name: str, **options):
    module = TOKENIZERS.load(name)
    return module.build(module.Options(**options))


@pytest.fixture
def nltk_words():
    pytest.importorskip("nltk")
    from nltk.tokenize.destructive import NLTKWordTokenizer
    from nltk.tokenize.punkt import PunktSentenceTokenizer

    def words(text: str) -> list[str]:
        sentences = PunktSentenceTokenizer().tokenize(text)
        return [word for one in sentences for word in NLTKWordTokenizer().tokenize(one)]

    return words


@pytest.mark.parametrize("text", TEXTS)
def test_treebank_is_nltk_line_by_line(nltk_words, text):
    expected = [word for line in text.split("\n") for word in nltk_words(line)]
    assert built("treebank", lowercase=False)(text) == expected
    assert built("treebank")(text) == [word.lower() for word in expected]


def test_treebank_knows_the_conventions_of_the_treebank(nltk_words):
    text = '"I can\'t," he said. He left<br /><BR>it at that'
    assert built("treebank")(text) == [
        *("``", "i", "ca", "n't", ",", "''", "he", "said", ".", "he", "left", "it", "at", "that")
    ]
    assert "br" in built("treebank", html_breaks=False)(text)


def test_treebank_needs_no_downloaded_data(nltk_words, monkeypatch):
    import nltk

    monkeypatch.setattr(nltk.data, "path", [])
    assert built("treebank")("It works. Really.") == ["it", "works", ".", "really", "."]


@pytest.fixture
def spacy():
    return pytest.importorskip("spacy")


@pytest.mark.parametrize("text", TEXTS)
def test_spacy_is_its_blank_english_without_white_space(spacy, text):
    doc = spacy.blank("en")(text)
    expected = [token.text for token in doc if not token.text.isspace()]
    assert built("spacy", lowercase=False)(text) == expected
    assert built("spacy")(text) == [token.lower() for token in expected]


def test_spacy_reads_breaks_as_space_if_told(spacy):
    assert built("spacy")("good.<br /><br>Bad") == ["good", ".", "bad"]
    assert "br" in " ".join(built("spacy", html_breaks=False)("good.<br /><br>Bad"))


def test_spacy_forgets_words_and_goes_on_as_before(spacy, monkeypatch):
    monkeypatch.setattr(spacy_tokenizer, "_STRINGS", 2_000)
    made = []
    blank = spacy.blank
    monkeypatch.setattr(spacy, "blank", lambda name: made.append(blank(name)) or made[-1])
    tokenize = built("spacy")
    texts = [" ".join(f"word{n}x{i}." for i in range(100)) for n in range(30)]
    assert [len(tokenize(text)) for text in texts] == [200] * 30
    assert len(made) > 2
    assert max(len(english.vocab.strings) for english in made) < 2_000 + 500
    assert tokenize(TEXTS[0]) == built("spacy")(TEXTS[0])


def test_spacy_reads_long_runs_in_pieces(spacy):
    tokenize = built("spacy", lowercase=False)
    assert tokenize("x" * 256) == ["x" * 256]
    assert tokenize("x" * 300 + " y") == ["x" * 256, "x" * 44, "y"]
    assert tokenize("(" * 3000) == ["("] * 3000


def test_unknown_options_are_refused():
    for module in (treebank, spacy_tokenizer, TOKENIZERS.load("subwords")):
        with pytest.raises(ValueError, match="did you mean 'lowercase'"):
            module.Options(lowercased=True)
