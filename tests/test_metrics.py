"""Figures of merit against scikit-learn, with classes that are absent or never predicted."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    log_loss,
    precision_recall_fscore_support,
)

from rnnlab.metrics import classification_metrics


@st.composite
def predictions(draw: Any) -> tuple[Any, Any, int]:
    """Labels and probabilities that float32 holds exactly; some classes may never occur."""
    num_classes = draw(st.integers(2, 6))
    examples = draw(st.integers(1, 40))
    random = np.random.default_rng(draw(st.integers(0, 2**20)))
    occurring = random.permutation(num_classes)[: draw(st.integers(1, num_classes))]
    labels = random.choice(occurring, examples).astype(np.int64)
    favoured = np.ones(num_classes)
    favoured[draw(st.integers(0, num_classes - 1))] = draw(st.sampled_from([1, 50]))
    shares = np.stack([random.dirichlet(favoured) for _ in range(examples)])
    counts = np.stack([random.multinomial(1024 - num_classes, row) for row in shares]) + 1
    return labels, (counts / 1024).astype(np.float32), num_classes


def names(num_classes: int) -> tuple[str, ...]:
    return tuple("abcdefgh"[:num_classes])


@settings(max_examples=60, deadline=None)
@given(predictions())
def test_all_figures_equal_scikit_learns(case):
    labels, probabilities, num_classes = case
    every = list(range(num_classes))
    predicted = probabilities.argmax(axis=1)
    found = classification_metrics(labels, probabilities, names(num_classes))
    assert found.examples == len(labels)
    assert found.accuracy == pytest.approx(accuracy_score(labels, predicted), rel=1e-12)
    assert found.confusion == confusion_matrix(labels, predicted, labels=every).tolist()
    macro = f1_score(labels, predicted, labels=every, average="macro", zero_division=0)
    assert found.macro_f1 == pytest.approx(macro, rel=1e-12)
    loss = log_loss(labels, probabilities.astype(np.float64), labels=every)
    assert found.loss == pytest.approx(loss, rel=1e-12)
    expected = precision_recall_fscore_support(labels, predicted, labels=every, zero_division=0)
    for index, row in enumerate(found.per_class):
        assert row["label"] == names(num_classes)[index]
        for key, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
            assert row[key] == pytest.approx(values[index], rel=1e-12), (index, key)


@settings(max_examples=20, deadline=None)
@given(predictions(), st.randoms(use_true_random=False))
def test_the_order_of_examples_changes_nothing(case, random):
    labels, probabilities, num_classes = case
    order = list(range(len(labels)))
    random.shuffle(order)
    found = classification_metrics(labels, probabilities, names(num_classes))
    again = classification_metrics(labels[order], probabilities[order], names(num_classes))
    assert again.confusion == found.confusion
    assert again.per_class == found.per_class
    assert again.loss == pytest.approx(found.loss, rel=1e-12)


def test_by_hand():
    labels = np.array([0, 0, 1, 2])
    probabilities = np.array(
        [[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.25, 0.5, 0.25], [0.5, 0.25, 0.25]], np.float32
    )
    found = classification_metrics(labels, probabilities, ("no", "yes", "maybe"))
    assert found.confusion == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]
    assert found.accuracy == 0.5
    assert found.loss == pytest.approx(np.log([2, 4, 2, 4]).mean(), rel=1e-12)
    assert [row["precision"] for row in found.per_class] == [0.5, 0.5, 0]
    assert [row["recall"] for row in found.per_class] == [0.5, 1, 0]
    assert found.macro_f1 == pytest.approx((1 / 2 + 2 / 3 + 0) / 3, rel=1e-12)
    assert json.loads(json.dumps(found.to_dict())) == found.to_dict()


def test_a_class_that_neither_occurs_nor_is_predicted_counts_zero():
    found = classification_metrics(np.array([0]), np.array([[0.75, 0.25]], np.float32), ("a", "b"))
    assert found.accuracy == 1
    assert found.macro_f1 == 0.5
    absent = {"label": "b", "precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0}
    assert found.per_class[1] == absent


def test_a_probability_of_zero_costs_much_but_not_everything():
    found = classification_metrics(np.array([1, 0]), np.array([[1, 0]] * 2, np.float32), ("a", "b"))
    assert found.loss == pytest.approx(-np.log(2.0**-126) / 2, rel=1e-12)


def test_no_examples_are_refused():
    with pytest.raises(ValueError, match="no examples"):
        classification_metrics(np.zeros(0, np.int64), np.zeros((0, 2), np.float32), ("a", "b"))
