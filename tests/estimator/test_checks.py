"""scikit-learn's own checks of an estimator.

They make matrices, and skip an estimator of texts. So they run on a subclass that writes each row
of a matrix as a text ("f0=3 f1=-2"); everything else is TextClassifier's. None is expected to fail.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.exceptions import SkipTestWarning
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks
from sklearn.utils.validation import check_is_fitted, validate_data

from rnnlab import TextClassifier


def as_texts(X):
    return [" ".join(f"f{i}={round(2 * value)}" for i, value in enumerate(row)) for row in X]


class OverNumbers(TextClassifier):
    """A TextClassifier of matrices."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = False
        tags.input_tags.two_d_array = True
        return tags

    def fit(self, X, y):
        return super().fit(as_texts(validate_data(self, X)), y)

    def predict_proba(self, X):
        check_is_fitted(self)
        return super().predict_proba(as_texts(validate_data(self, X, reset=False)))


@parametrize_with_checks(
    [
        OverNumbers("nb"),
        OverNumbers(
            "gru",
            **{"embedding_dim": 16, "hidden": 8, "dropout": 0, "epochs": 3, "batch_size": 8},
            **{"lr": 0.02, "threads": 1, "overrides": {"model.embedding.word_dropout": 0}},
        ),
    ],
)
def test_the_checks_of_scikit_learn(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SkipTestWarning)
        check(estimator)


def test_the_checks_are_skipped_on_texts():
    with pytest.warns(SkipTestWarning, match="requires input"):
        done = check_estimator(TextClassifier("nb"))
    assert [item["status"] for item in done] == ["passed"]


def test_rows_become_texts():
    assert as_texts(np.array([[1.5, -1.0]])) == ["f0=3 f1=-2"]
