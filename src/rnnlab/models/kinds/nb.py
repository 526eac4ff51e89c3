"""Logistic regression on n-grams weighted by naive Bayes log-count ratios.

Source: Wang & Manning 2012 (NB-SVM), binarized counts; logistic loss instead of the SVM's, no
interpolation. More than two classes are one model each against the rest.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field, PositiveFloat, PositiveInt

from rnnlab import options
from rnnlab.data.ragged import Ragged
from rnnlab.models.linear import LinearModel, weigh
from rnnlab.models.ngrams import find_terms

SUMMARY = "naive-Bayes-weighted n-grams with logistic regression"
VERSION = 1
TASK = "classification"
TRAINED = False


class Options(options.Options):
    """Settings.

    Attributes:
        max_ngram: n-grams of 1 up to so many tokens are features.
        min_texts: training texts that a feature must occur in.
        alpha: added to each feature's count in either class.
        C: inverse strength of the L2 penalty.
    """

    max_ngram: Annotated[int, Field(ge=1, le=5)] = 3
    min_texts: PositiveInt = 1
    alpha: PositiveFloat = 1.0
    C: PositiveFloat = 4.0


def fit(
    options: Options,
    ragged: Ragged,
    labels: npt.NDArray[np.int64],
    *,
    vocabulary_size: int,
    num_classes: int,
    class_weights: npt.NDArray[np.float32] | None,
) -> LinearModel:
    """Fit on the training part."""
    from sklearn.linear_model import LogisticRegression

    terms = find_terms(
        ragged, base=vocabulary_size, first=1, last=options.max_ngram, min_texts=options.min_texts
    )
    features = weigh(terms.count(ragged), None, sublinear=False)
    weights = None if class_weights is None else class_weights[labels]
    coefficients: list[Any] = []
    intercepts: list[Any] = []
    for positive in [1] if num_classes == 2 else range(num_classes):
        is_positive = labels == positive
        inside = np.asarray(features[is_positive].sum(axis=0)).ravel() + options.alpha
        outside = np.asarray(features[~is_positive].sum(axis=0)).ravel() + options.alpha
        ratios = np.log(inside / inside.sum()) - np.log(outside / outside.sum())
        ratios = ratios.astype(np.float32)
        scaled = features.copy()
        scaled.data = features.data * ratios[features.indices]
        model: Any = LogisticRegression(
            C=options.C, solver="liblinear", dual=True, max_iter=1000, random_state=0
        )
        model.fit(scaled, is_positive, weights)
        coefficients.append(model.coef_[0] * ratios)
        intercepts.append(model.intercept_[0])
    return LinearModel(
        terms,
        np.array(coefficients, np.float32),
        np.array(intercepts, np.float32),
        one_versus_rest=num_classes > 2,
        sublinear=False,
        norms=None,
    )


def load(arrays: dict[str, Any]) -> LinearModel:
    """Rebuild from `LinearModel.arrays`."""
    return LinearModel.from_arrays(arrays)
