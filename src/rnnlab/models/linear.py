"""Logistic regression over weighted n-grams: fitted by scikit-learn, kept as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from scipy.special import expit, softmax

from rnnlab.data.ragged import Ragged
from rnnlab.models.ngrams import NgramTerms

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class LinearModel:
    """A fitted linear classifier.

    Attributes:
        terms: its features.
        coefficients: float32[outputs, terms]; one output for two classes. Weights of the features
            that depend on the term alone (idf, naive Bayes ratios) are multiplied in already.
        intercepts: float32[outputs].
        one_versus_rest: outputs are separate yes/no models rather than one softmax.
        sublinear: counts enter as 1 + ln(count) rather than 0 or 1.
        norms: float32[terms] by which features are weighed before each text is scaled to length
            1, or None for no scaling.
    """

    terms: NgramTerms
    coefficients: Floats
    intercepts: Floats
    one_versus_rest: bool
    sublinear: bool
    norms: Floats | None

    @property
    def num_parameters(self) -> int:
        """Coefficients and intercepts."""
        return self.coefficients.size + self.intercepts.size

    def term_weights(self) -> Floats:
        """What a term that occurs once adds to each class's score, float32[classes, terms].

        With `norms` that is before the text is scaled to length 1.
        """
        weights = self.coefficients
        if self.norms is not None:
            weights = weights * self.norms
        return np.concatenate([-weights, weights]) if len(weights) == 1 else weights

    def features(self, ragged: Ragged) -> csr_matrix:
        """Feature values before the coefficients, float32[n, terms]."""
        return weigh(self.terms.count(ragged), self.norms, sublinear=self.sublinear)

    def probabilities(self, ragged: Ragged) -> Floats:
        """Return float32[n, classes]."""
        scores = self.features(ragged) @ self.coefficients.T + self.intercepts
        scores = scores.astype(np.float64)
        if scores.shape[1] == 1:
            return np.hstack([expit(-scores), expit(scores)]).astype(np.float32)
        if self.one_versus_rest:
            yes = expit(scores)
            return (yes / yes.sum(axis=1, keepdims=True)).astype(np.float32)
        return softmax(scores, axis=1).astype(np.float32)

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """What `from_arrays` needs."""
        flags = np.array([self.one_versus_rest, self.sublinear], np.int64)
        norms = {} if self.norms is None else {"norms": self.norms}
        return {
            **self.terms.arrays(),
            "coefficients": self.coefficients,
            "intercepts": self.intercepts,
            "flags": flags,
            **norms,
        }

    @staticmethod
    def from_arrays(arrays: dict[str, npt.NDArray[np.generic]]) -> LinearModel:
        """Rebuild from `arrays`."""
        one_versus_rest, sublinear = (bool(flag) for flag in arrays["flags"])
        return LinearModel(
            NgramTerms.from_arrays(arrays),  # type: ignore[arg-type]
            arrays["coefficients"],  # type: ignore[arg-type]
            arrays["intercepts"],  # type: ignore[arg-type]
            one_versus_rest,
            sublinear,
            arrays.get("norms"),  # type: ignore[arg-type]
        )


def weigh(counts: csr_matrix, norms: Floats | None, *, sublinear: bool) -> csr_matrix:
    """Turn counts into features: 1 + ln(count) or presence; with `norms`, weighed and scaled."""
    values = np.log(counts.data) + 1 if sublinear else np.ones_like(counts.data)
    if norms is not None:
        values = values * norms[counts.indices]
    features = csr_matrix((values.astype(np.float32), counts.indices, counts.indptr), counts.shape)
    if norms is not None:
        squares = np.asarray(features.multiply(features).sum(axis=1)).ravel()
        lengths = np.sqrt(np.maximum(squares, np.finfo(np.float32).tiny))
        features.data /= np.repeat(lengths, np.diff(features.indptr)).astype(np.float32)
    return features
