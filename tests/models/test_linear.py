"""The fitted models: counts, features and weights against scikit-learn and direct computation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sklearn.linear_model
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

from rnnlab.data.ragged import Ragged
from rnnlab.exceptions import UserError
from rnnlab.models.kinds import majority, nb, tfidf
from rnnlab.models.linear import LinearModel, weigh
from rnnlab.models.ngrams import NgramTerms, find_terms

VOCABULARY = 6
KINDS = {"tfidf": tfidf, "nb": nb}

Texts = list[list[int]]
text_lists = st.lists(st.lists(st.integers(0, VOCABULARY - 1), max_size=8), min_size=1, max_size=6)


def ragged(texts: Texts) -> Ragged:
    flat = np.array([token for text in texts for token in text], np.int32)
    return Ragged.from_lengths(flat, np.array([len(text) for text in texts], np.int64))


def ngrams(text: list[int], first: int, last: int) -> list[str]:
    """All n-grams of a text, written as scikit-learn writes them."""
    return [
        " ".join(map(str, text[start : start + size]))
        for size in range(first, last + 1)
        for start in range(len(text) - size + 1)
    ]


def names(terms: NgramTerms) -> list[str]:
    """The columns of a count matrix as token numbers."""
    found = []
    for size, keys in enumerate(terms.keys, terms.first):
        for key in keys.tolist():
            powers = range(size - 1, -1, -1)
            found.append(" ".join(str(key // terms.base**power % terms.base) for power in powers))
    return found


def vectorizer(first: int, last: int, min_texts: int = 1) -> CountVectorizer:
    return CountVectorizer(
        tokenizer=str.split,
        token_pattern=None,
        lowercase=False,
        ngram_range=(first, last),
        min_df=min_texts,
    )


def as_strings(texts: Texts) -> list[str]:
    return [" ".join(map(str, text)) for text in texts]


def sample(num_classes: int = 2, size: int = 60, seed: int = 0) -> tuple[Texts, Any]:
    """Texts whose label shows in their first tokens, with noise."""
    random = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(num_classes), random.integers(0, num_classes, size)])
    texts = [
        [int(label), *random.integers(0, VOCABULARY, random.integers(1, 9)).tolist()]
        for label in labels
    ]
    return texts, labels


def fit(kind: str, texts: Texts, labels: Any, **settings: Any) -> LinearModel:
    class_weights = settings.pop("class_weights", None)
    module = KINDS[kind]
    return module.fit(
        module.Options(**settings),
        ragged(texts),
        labels,
        vocabulary_size=VOCABULARY,
        num_classes=int(labels.max()) + 1,
        class_weights=class_weights,
    )


@pytest.fixture
def fitted(monkeypatch) -> list[tuple[Any, Any, Any, Any]]:
    """What each logistic regression was fitted on: (model, features, labels, weights)."""
    calls: list[tuple[Any, Any, Any, Any]] = []

    class Recorder(sklearn.linear_model.LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            calls.append((self, X.copy(), y, sample_weight))
            return super().fit(X, y, sample_weight)

    monkeypatch.setattr(sklearn.linear_model, "LogisticRegression", Recorder)
    return calls


@settings(max_examples=120, deadline=None)
@given(
    train=text_lists,
    other=text_lists,
    first=st.integers(1, 2),
    more=st.integers(0, 2),
    min_texts=st.integers(1, 3),
)
def test_counts_equal_scikit_learns(train, other, first, more, min_texts):
    last = first + more
    limits: Any = {"base": VOCABULARY, "first": first, "last": last, "min_texts": min_texts}
    reference = vectorizer(first, last, min_texts)
    assume(len(train) >= min_texts)
    try:
        expected = reference.fit_transform(as_strings(train))
    except ValueError:  # no term is left
        with pytest.raises(UserError, match="min_texts"):
            find_terms(ragged(train), **limits)
        return
    terms = find_terms(ragged(train), **limits)
    columns = names(terms)
    assert len(columns) == len(terms)
    assert sorted(columns) == sorted(reference.vocabulary_)
    order = [reference.vocabulary_[name] for name in columns]
    found = terms.count(ragged(train))
    assert found.dtype == np.float32
    assert found.shape == (len(train), len(terms))
    np.testing.assert_array_equal(found.toarray(), expected.toarray()[:, order])
    found = terms.count(ragged(other)).toarray()
    np.testing.assert_array_equal(found, reference.transform(as_strings(other)).toarray()[:, order])


def test_ngrams_never_reach_into_the_next_text():
    terms = find_terms(ragged([[0, 1], [], [2], [3, 4, 5]]), base=6, first=2, last=3, min_texts=1)
    assert names(terms) == ["0 1", "3 4", "4 5", "3 4 5"]


def test_ngrams_over_too_large_a_vocabulary_are_refused():
    find_terms(ragged([[1, 2, 3]]), base=2**20, first=1, last=3, min_texts=1)
    with pytest.raises(UserError, match=r"data\.vocabulary\.max_size"):
        find_terms(ragged([[1, 2, 3]]), base=2**21, first=1, last=3, min_texts=1)


def test_keys_of_a_large_vocabulary_do_not_run_over():
    base = 2**21 - 1
    texts = [[base - 1] * 3, [base - 2, base - 1, 0]]
    terms = find_terms(ragged(texts), base=base, first=3, last=3, min_texts=1)
    assert sorted(names(terms)) == sorted(as_strings(texts))


@settings(max_examples=60, deadline=None)
@given(train=text_lists, other=text_lists, max_ngram=st.integers(1, 3))
def test_tfidf_features_equal_scikit_learns(train, other, max_ngram):
    assume(any(train))
    train = [*train, [0], [1]]
    labels = np.arange(len(train)) % 2
    model = fit("tfidf", train, labels, max_ngram=max_ngram, min_texts=1)
    counter, transformer = vectorizer(1, max_ngram), TfidfTransformer(sublinear_tf=True)
    expected = transformer.fit_transform(counter.fit_transform(as_strings(train)))
    order = [counter.vocabulary_[name] for name in names(model.terms)]
    found = model.features(ragged(train))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.toarray(), expected.toarray()[:, order], rtol=0, atol=1e-6)
    expected = transformer.transform(counter.transform(as_strings(other)))
    found = model.features(ragged(other)).toarray()
    np.testing.assert_allclose(found, expected.toarray()[:, order], rtol=0, atol=1e-6)


@pytest.mark.parametrize("num_classes", [2, 4])
def test_tfidf_probabilities_are_those_of_the_fitted_regression(num_classes, fitted):
    texts, labels = sample(num_classes)
    weights = np.linspace(0.5, 2, num_classes, dtype=np.float32)
    model = fit("tfidf", texts, labels, C=3.0, class_weights=weights)
    ((regression, features, targets, example_weights),) = fitted
    assert regression.C == 3.0
    np.testing.assert_array_equal(targets, labels)
    np.testing.assert_array_equal(example_weights, weights[labels])
    others = ragged(sample(num_classes, seed=1)[0])
    expected = regression.predict_proba(model.features(others))
    np.testing.assert_allclose(model.probabilities(others), expected, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(features.toarray(), model.features(ragged(texts)).toarray())


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("num_classes", [2, 3])
def test_nb_log_count_ratios_equal_a_direct_count(num_classes, weighted, fitted):
    texts, labels = sample(num_classes, size=25)
    alpha, max_ngram = 0.7, 2
    class_weights = np.linspace(0.5, 2, num_classes, dtype=np.float32) if weighted else None
    model = fit(
        "nb",
        texts,
        labels,
        alpha=alpha,
        max_ngram=max_ngram,
        C=2.0,
        class_weights=class_weights,
    )
    columns = names(model.terms)
    present = [set(ngrams(text, 1, max_ngram)) for text in texts]
    positives = [1] if num_classes == 2 else list(range(num_classes))
    assert len(fitted) == len(positives) == len(model.coefficients)
    for output, positive in enumerate(positives):
        regression, features, targets, example_weights = fitted[output]
        inside = dict.fromkeys(columns, alpha)
        outside = dict.fromkeys(columns, alpha)
        for label, found in zip(labels, present, strict=True):
            for name in found:
                (inside if label == positive else outside)[name] += 1
        totals = sum(inside.values()), sum(outside.values())
        ratios = np.array(
            [np.log((inside[n] / totals[0]) / (outside[n] / totals[1])) for n in columns]
        )
        expected = np.array([[name in found for name in columns] for found in present]) * ratios
        np.testing.assert_allclose(features.toarray(), expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(targets, labels == positive)
        if weighted:
            np.testing.assert_array_equal(example_weights, class_weights[labels])
        else:
            assert example_weights is None
        assert regression.C == 2.0
        folded = regression.coef_[0] * ratios
        np.testing.assert_allclose(model.coefficients[output], folded, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(model.intercepts[output], regression.intercept_[0], rtol=1e-6)


@pytest.mark.parametrize("num_classes", [2, 3])
def test_nb_probabilities_are_those_of_its_regressions(num_classes, fitted):
    texts, labels = sample(num_classes)
    model = fit("nb", texts, labels)
    found = model.probabilities(ragged(texts))
    yes = np.stack([r.predict_proba(features)[:, 1] for r, features, _, _ in fitted], axis=1)
    expected = np.hstack([1 - yes, yes]) if num_classes == 2 else yes / yes.sum(1, keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("num_classes", [2, 3, 5])
@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_sum_to_one_and_beat_guessing(kind, num_classes):
    texts, labels = sample(num_classes, size=100)
    found = fit(kind, texts, labels).probabilities(ragged(texts))
    assert found.dtype == np.float32
    assert found.shape == (len(texts), num_classes)
    assert float(found.min()) >= 0
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=0, atol=1e-6)
    assert (found.argmax(axis=1) == labels).mean() > 0.7


@pytest.mark.parametrize("num_classes", [2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_round_trip_through_arrays_is_exact(kind, num_classes):
    texts, labels = sample(num_classes)
    model = fit(kind, texts, labels, max_ngram=3, min_texts=1)
    stored = {key: np.array(value) for key, value in model.arrays().items()}
    assert all(value.dtype != object for value in stored.values())
    others = ragged([*sample(num_classes, seed=2)[0], []])
    for rebuilt in (LinearModel.from_arrays(stored), KINDS[kind].load(stored)):
        np.testing.assert_array_equal(rebuilt.probabilities(others), model.probabilities(others))
        assert len(rebuilt.terms) == len(model.terms)


def test_round_trip_when_no_long_ngram_is_known():
    terms = find_terms(ragged([[0], [1, 2], [2]]), base=3, first=1, last=4, min_texts=2)
    assert [len(keys) for keys in terms.keys] == [1, 0, 0, 0]
    again = NgramTerms.from_arrays(terms.arrays())
    assert names(again) == names(terms) == ["2"]
    np.testing.assert_array_equal(again.count(ragged([[2, 2, 1], []])).toarray(), [[2], [0]])


@pytest.mark.parametrize("num_classes", [2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_texts_without_any_known_ngram_get_the_intercepts_alone(kind, num_classes):
    texts, labels = sample(num_classes)
    texts = [[token % 5 for token in text] for text in texts]
    model = fit(kind, texts, labels)
    strangers = ragged([[], [5], [5, 5, 5]])
    assert model.features(strangers).nnz == 0
    found = model.probabilities(strangers)
    scores = model.intercepts.astype(np.float64)
    yes = 1 / (1 + np.exp(-scores))
    if num_classes == 2:
        expected = np.array([1 - yes[0], yes[0]])
    elif kind == "nb":
        expected = yes / yes.sum()
    else:
        expected = np.exp(scores) / np.exp(scores).sum()
    np.testing.assert_allclose(found, np.tile(expected, (3, 1)), rtol=0, atol=1e-6)
    assert model.probabilities(ragged([])).shape == (0, num_classes)


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_scores_the_same_alone_and_among_others(kind):
    texts, labels = sample(3)
    model = fit(kind, texts, labels)
    together = model.probabilities(ragged(texts))
    alone = np.concatenate([model.probabilities(ragged([text])) for text in texts])
    np.testing.assert_allclose(alone, together, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ["tfidf", "nb"])
def test_fitting_twice_gives_the_same_model(kind):
    texts, labels = sample(2, size=150)
    first, second = (fit(kind, texts, labels) for _ in range(2))
    np.testing.assert_array_equal(first.coefficients, second.coefficients)
    np.testing.assert_array_equal(first.intercepts, second.intercepts)


def test_weigh_turns_counts_into_presence_or_logarithms():
    counts = csr_matrix(np.array([[2, 0, 1], [0, 0, 0]], np.float32))
    presence = weigh(counts, None, sublinear=False).toarray()
    np.testing.assert_array_equal(presence, [[1, 0, 1], [0, 0, 0]])
    logs = weigh(counts, None, sublinear=True).toarray()
    np.testing.assert_allclose(logs, [[1 + np.log(2), 0, 1], [0, 0, 0]], rtol=1e-6)
    scaled = weigh(counts, np.array([3, 1, 4], np.float32), sublinear=False).toarray()
    np.testing.assert_allclose(scaled, [[0.6, 0, 0.8], [0, 0, 0]], rtol=1e-6)
    np.testing.assert_array_equal(counts.data, [2, 1])


def test_majority_gives_the_shares_of_training_whatever_the_text():
    labels = np.array([0, 2, 2, 2, 0, 2, 2, 2])
    model = majority.fit(
        majority.Options(),
        ragged([[0]] * 8),
        labels,
        vocabulary_size=VOCABULARY,
        num_classes=4,
        class_weights=np.array([9, 9, 1, 9], np.float32),
    )
    found = model.probabilities(ragged([[], [1, 2], [5]]))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.tile(np.array([0.25, 0, 0.75, 0]), (3, 1)))
    again = majority.load(model.arrays())
    np.testing.assert_array_equal(again.probabilities(ragged([[3]])), found[:1])
