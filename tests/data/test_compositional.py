"""The grammar of opinions, its exact analysis, and the data set drawn from it."""

from __future__ import annotations

import hashlib
import random
import re
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB

from rnnlab.data.grammar import FRAMES, LABELS, LEXICON, Lexicon, compose, random_choose
from rnnlab.data.grammar_analysis import (
    WORD_CLASSES,
    bag_distribution,
    best_bag_of_words_accuracy,
    outcomes,
    parse,
)
from rnnlab.data.sources import compositional
from rnnlab.exceptions import UserError

TINY = Lexicon(
    positive=("good",),
    negative=("bad", "dull"),
    aspects=("acting", "music", "plot"),
    wholes=("film",),
    outer_negations=("i would {}not say that", "{}nobody thinks that"),
    near_negations=("{}not",),
    intensifiers=("truly",),
    degrees=("very",),
    tails=("for me",),
)


@pytest.fixture(scope="module")
def source():
    return compositional.open_source(compositional.Options())


@pytest.fixture(scope="module")
def splits(source):
    return {split: list(source.read(split)) for split in source.splits}


def digest(examples):
    lines = "".join(f"{example.label}\t{example.text}\n" for example in examples)
    return hashlib.sha256(lines.encode()).hexdigest()


def test_the_texts_of_a_seed_never_change(splits):
    assert {name: digest(examples[:200]) for name, examples in splits.items()} == {
        "train": "a945f9216894d632f1ea02bab35ce94aefc32ae659cf5d59eb340896a49f835a",
        "val": "66b2c03dc9d459a708c8a9b72e98db91422d3c6795637ff6a88860e0e402e946",
        "test": "73ec7486433ed20f665a79c8cf3bbf2b89b88113d9f90907ddb0463a2cea6505",
    }


def test_another_seed_gives_other_texts(splits):
    other = compositional.open_source(compositional.Options(seed=1))
    shared = {e.text for e in other.read("val")} & {e.text for e in splits["val"]}
    assert len(shared) < 100


def test_val_and_test_do_not_depend_on_the_size_of_train_or_on_the_order_of_reading(splits):
    small = compositional.open_source(compositional.Options(train_size=10))
    assert len(list(small.read("train"))) == 10
    for split in ("test", "val"):
        assert list(small.read(split)) == splits[split]


def test_sizes_and_labels_are_balanced(source, splits):
    assert {name: len(examples) for name, examples in splits.items()} == {
        "train": 8000,
        "val": 1000,
        "test": 1000,
    }
    for examples in splits.values():
        counts = Counter(example.label for example in examples)
        assert counts["negative"] == counts["positive"]
        assert set(counts) == set(source.labels)


def test_no_text_occurs_twice(splits):
    texts = [example.text for examples in splits.values() for example in examples]
    assert len(set(texts)) == len(texts)


def test_every_label_follows_from_the_text(splits):
    for examples in splits.values():
        for example in examples:
            assert parse(example.text).label == example.label


@pytest.mark.parametrize(("lowest", "highest"), [(0, 3), (4, 5), (6, 11)])
def test_parsing_gives_back_what_was_composed(lowest, highest):
    choose = random_choose(random.Random(7))
    for row in range(1000):
        opinion = compose(choose, LABELS[row % 2], lowest, highest)
        assert parse(opinion.text) == opinion


def test_parsing_refuses_other_texts():
    for text in ("", "the plot was good .", "the plot was good and the acting was dull", "fine"):
        with pytest.raises(ValueError, match=r"not a text|neither decides"):
            parse(text)


def test_test_is_deeper_than_train(splits):
    depths = {name: {parse(e.text).depth for e in examples} for name, examples in splits.items()}
    assert depths == {"train": {0, 1, 2, 3}, "val": {0, 1, 2, 3}, "test": {4, 5}}


def test_all_frames_occur(splits):
    frames = {name: {parse(e.text).frame for e in examples} for name, examples in splits.items()}
    assert frames["train"] == frames["val"] == set(FRAMES)
    assert frames["test"] == set(FRAMES) - {"lone"}


def test_whitespace_and_a_word_pattern_find_the_same_tokens(splits):
    for examples in splits.values():
        for example in examples:
            tokens = re.findall(r"\w+|[^\w\s]", example.text)
            assert " ".join(tokens) == example.text == example.text.lower()
            assert len(tokens) <= 45


def test_train_knows_every_word_of_val_and_test(splits):
    words = {
        name: {w for e in examples for w in e.text.split()} for name, examples in splits.items()
    }
    assert words["val"] | words["test"] <= words["train"]


@pytest.mark.parametrize(("lowest", "highest"), [(0, 1), (0, 2), (0, 3), (1, 4), (2, 3), (3, 4)])
def test_the_vocabulary_is_exactly_balanced(lowest, highest):
    expected_counts: Counter[tuple[str, str]] = Counter()
    for bag, by_label in bag_distribution(lowest, highest).items():
        for word, count in bag:
            for label, probability in by_label.items():
                expected_counts[word, label] += probability * count
    for word, _ in list(expected_counts):
        assert expected_counts[word, "negative"] == expected_counts[word, "positive"]


def test_outcomes_have_the_probabilities_of_their_choices():
    def make(choose):
        first = choose(("a", "b"), (2, 1))
        return first + (choose("xyx") if first == "a" else "")

    totals: Counter[str] = Counter()
    for probability, outcome in outcomes(make):
        totals[outcome] += probability
    assert totals == {"ax": Fraction(4, 9), "ay": Fraction(2, 9), "b": Fraction(1, 3)}


def test_the_best_bag_of_words_is_within_the_bound():
    assert best_bag_of_words_accuracy(0, 3) == Fraction(39, 62)
    assert best_bag_of_words_accuracy(4, 5) == Fraction(1, 2)


@pytest.mark.parametrize(("lowest", "highest"), [(0, 1), (1, 2), (0, 3)])
def test_word_classes_give_the_same_bound_as_all_texts(lowest, highest):
    lexicon = TINY
    if highest > 1:  # fewer texts
        lexicon = Lexicon(**{**vars(TINY), "negative": ("bad",), "degrees": (), "tails": ()})
    brute_force = best_bag_of_words_accuracy(lowest, highest, lexicon)
    assert brute_force == best_bag_of_words_accuracy(lowest, highest)


def bag_of_classes(text):
    """Words replaced by their classes; degrees and tails dropped, as `WORD_CLASSES` has it."""
    words = []
    for word in text.split():
        if word in LEXICON.intensifiers:
            words.insert(0, "INTENSIFIER")
        else:
            words.append(word)
    text = " ".join(words)
    for name in ("tails", "outer_negations", "near_negations", "degrees", "positive", "negative"):
        stand_in = "".join(getattr(WORD_CLASSES, name)).replace("{}", "")
        for phrase in getattr(LEXICON, name):
            text = re.sub(rf"\b{phrase.replace('{}', '')}\b", stand_in, text)
    text = re.sub(rf"the ({'|'.join(LEXICON.aspects)}) was", "the ASPECT was", text)
    text = re.sub(rf"the ({'|'.join(LEXICON.wholes)}) was", "the WHOLE was", text)
    return frozenset(Counter(text.split()).items())


def test_the_best_classifier_reaches_the_bound_on_drawn_texts():
    table = bag_distribution(0, 3)
    choose = random_choose(random.Random(3))
    num_right = 0.0
    for row in range(5000):
        opinion = compose(choose, LABELS[row % 2], 0, 3)
        by_label = table[bag_of_classes(opinion.text)]
        is_tie = by_label["negative"] == by_label["positive"]
        num_right += 0.5 if is_tie else by_label[opinion.label] == max(by_label.values())
    assert num_right / 5000 == pytest.approx(39 / 62, abs=0.015)


def test_the_words_of_a_text_tell_its_phrases():
    """Phrases are linearly independent as word counts: a bag tells how often each occurs."""
    phrases = [phrase.replace("{}", "") for group in vars(LEXICON).values() for phrase in group]
    phrases += ["although", "but", "and", ",", "the", "was"]
    counts = CountVectorizer(token_pattern=r"\S+").fit_transform(phrases).toarray()
    assert np.linalg.matrix_rank(counts) == len(phrases) == len(set(phrases))


def test_n_gram_classifiers_stay_below_their_bound(splits):
    vectorizer = CountVectorizer(ngram_range=(1, 3), binary=True, token_pattern=r"\S+")
    train = vectorizer.fit_transform(e.text for e in splits["train"])
    held_out = vectorizer.transform(e.text for e in splits["val"])
    train_labels = np.array([e.label == "positive" for e in splits["train"]])
    labels = np.array([e.label == "positive" for e in splits["val"]])
    bayes = MultinomialNB().fit(train, train_labels)
    assert bayes.score(held_out, labels) <= 0.85
    ratio = np.diff(bayes.feature_log_prob_, axis=0)  # Wang and Manning 2012, equation 1
    logistic = LogisticRegression(max_iter=1000, solver="liblinear")
    logistic.fit(train.multiply(ratio).tocsr(), train_labels)
    assert logistic.score(held_out.multiply(ratio).tocsr(), labels) <= 0.85


def test_options_must_make_test_deeper():
    with pytest.raises(ValidationError, match="must be greater than depth"):
        compositional.Options(depth=5)


@pytest.mark.parametrize("depth", range(1, 11))
def test_every_depth_can_be_drawn(depth):
    options = compositional.Options(
        train_size=50, val_size=50, test_size=50, depth=depth, test_depth=depth + 1
    )
    source = compositional.open_source(options)
    for split in source.splits:
        deep = split == "test"
        for example in source.read(split):
            assert (parse(example.text).depth > depth) == deep


def test_fingerprint_and_place(source):
    assert source.fingerprint == {
        "version": 1,
        "train_size": 8000,
        "val_size": 1000,
        "test_size": 1000,
        "depth": 3,
        "test_depth": 5,
        "seed": 0,
    }
    assert source.where("train", 11) == "compositional train, example 12"
    with pytest.raises(UserError, match="no split 'tset'; did you mean 'test'"):
        next(source.read("tset"))
