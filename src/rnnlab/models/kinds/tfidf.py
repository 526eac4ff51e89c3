"""TF-IDF over n-grams with logistic regression: the classical rival.

Features are (1 + ln count) · idf, each text scaled to length 1, with
idf = ln((1 + n) / (1 + texts)) + 1, as scikit-learn's TfidfVectorizer(sublinear_tf=True) has them.
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

SUMMARY = "TF-IDF n-grams with logistic regression"
VERSION = 1
TASK = "classification"
TRAINED = False


class Options(options.Options):
    """Settings.

    Attributes:
        max_ngram: n-grams of 1 up to so many tokens are features.
        min_texts: training texts that a feature must occur in.
        C: inverse strength of the L2 penalty.
    """

    max_ngram: Annotated[int, Field(ge=1, le=5)] = 2
    min_texts: PositiveInt = 2
    C: PositiveFloat = 10.0


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
    counts = terms.count(ragged)
    texts = np.bincount(counts.indices, minlength=len(terms))
    idf = (np.log((1 + len(ragged)) / (1 + texts)) + 1).astype(np.float32)
    model: Any = LogisticRegression(C=options.C, max_iter=1000)
    weights = None if class_weights is None else class_weights[labels]
    model.fit(weigh(counts, idf, sublinear=True), labels, weights)
    return LinearModel(
        terms,
        model.coef_.astype(np.float32),
        model.intercept_.astype(np.float32),
        one_versus_rest=False,
        sublinear=True,
        norms=idf,
    )


def load(arrays: dict[str, Any]) -> LinearModel:
    """Rebuild from `LinearModel.arrays`."""
    return LinearModel.from_arrays(arrays)
