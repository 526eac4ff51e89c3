"""The true probability of a text of the grammar, against brute force over a whole language."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from fractions import Fraction

import pytest

from rnnlab.data.grammar import LABELS, Lexicon, compose, random_choose
from rnnlab.data.grammar_analysis import outcomes
from rnnlab.data.grammar_entropy import TextDistribution
from rnnlab.data.sources import KnownSource, grammar

TINY = Lexicon(
    positive=("good", "fine"),
    negative=("bad",),
    aspects=("plot", "score", "cast"),
    wholes=("film",),
    outer_negations=("i {}doubt that", "{}nobody thinks that"),
    near_negations=("{}by no means",),
    intensifiers=("truly", "clearly"),
    degrees=("very",),
    tails=("for me", "on the whole"),
)


@pytest.fixture(scope="module")
def table() -> dict[str, Fraction]:
    """P of every text of depth 0 or 1 over a tiny lexicon."""
    found: dict[str, Fraction] = defaultdict(Fraction)
    for label in LABELS:
        for probability, opinion in outcomes(
            lambda choose, label=label: compose(choose, label, 0, 1, TINY)
        ):
            found[opinion.text] += probability / 2
    assert sum(found.values()) == 1
    return dict(found)


def test_every_text_has_its_probability(table):
    distribution = TextDistribution(0, 1, TINY)
    for text, probability in table.items():
        assert distribution.nats(text) == pytest.approx(-math.log(probability), rel=1e-12)


def test_entropy_and_length_are_expectations(table):
    distribution = TextDistribution(0, 1, TINY)
    entropy = -sum(float(p) * math.log(p) for p in table.values())
    words = sum(float(p) * len(text.split()) for text, p in table.items())
    assert distribution.entropy == pytest.approx(entropy, rel=1e-12)
    assert distribution.mean_words == pytest.approx(words, rel=1e-12)


@pytest.mark.parametrize("text", ["the plot was", "the plot was superb", "", "good"])
def test_a_text_outside_the_language_is_refused(text):
    with pytest.raises(ValueError, match="not a text of the grammar"):
        TextDistribution(0, 1, TINY).nats(text)


def test_the_whole_lexicon_agrees_with_samples():
    distribution = TextDistribution(0, 3)
    choose = random_choose(random.Random(5))
    texts = [compose(choose, choose(LABELS), 0, 3).text for _ in range(4000)]
    nats = [distribution.nats(text) for text in texts]
    mean = sum(nats) / len(nats)
    error = math.sqrt(sum((value - mean) ** 2 for value in nats)) / len(nats)
    assert error < 0.2
    assert abs(mean - distribution.entropy) < 4 * error
    words = sum(len(text.split()) for text in texts) / len(texts)
    assert words == pytest.approx(distribution.mean_words, rel=0.02)


def test_splits_differ_and_do_not_depend_on_each_other():
    options = grammar.Options(train_size=50, val_size=20, test_size=20)
    source = grammar.open_source(options)
    assert isinstance(source, KnownSource)
    read = {split: [example.text for example in source.read(split)] for split in source.splits}
    assert [len(texts) for texts in read.values()] == [50, 20, 20]
    assert read["val"] != read["test"]
    longer = grammar.open_source(options.model_copy(update={"train_size": 60}))
    assert [example.text for example in longer.read("train")][:50] == read["train"]
    assert [example.text for example in longer.read("test")] == read["test"]
    tokens = sum(len(text.split()) + 1 for text in read["test"])
    assert source.true_nats("test") / tokens == pytest.approx(source.true_loss, rel=0.15)
