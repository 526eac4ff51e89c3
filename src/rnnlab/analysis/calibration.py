"""Whether probabilities mean what they say, and what one number would do about it.

Legend: n texts, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from rnnlab.analysis.answers import Answers, read_answers
from rnnlab.analysis.scores import Score, score

BINS = 15
_FOLDS = 10
_SMALLEST = np.finfo(np.float32).tiny
_LARGEST_LOG_TEMPERATURE = 4.0

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Groups = npt.NDArray[np.int64] | None


@dataclass(frozen=True)
class Calibration:
    """Of some probabilities.

    Attributes:
        curve: for each range of confidence that occurs: `low`, `high`, mean `confidence`, and the
            score of its texts.
        ece: expected calibration error: mean distance of accuracy and confidence over 15 equal
            ranges of confidence, weighed by texts. Source: Guo et al. 2017 (arXiv:1706.04599).
        brier: mean over texts of the squared distance between probabilities and truth, summed over
            classes: 0 to 2. Source: Brier 1950.
        loss: mean negative log-likelihood, nats.
    """

    curve: tuple[tuple[float, float, float, Score], ...]
    ece: float
    brier: float
    loss: float

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        curve = [
            {"low": low, "high": high, "confidence": confidence, **score.to_dict()}
            for low, high, confidence, score in self.curve
        ]
        return {"ece": self.ece, "brier": self.brier, "loss": self.loss, "curve": curve}


def calibration_of(answers: Answers) -> dict[str, Any]:
    """Calibration as it is, and after temperature scaling.

    The temperature is fitted on validation. Where validation is also what is scored, each tenth of
    its texts is scaled by the temperature of the other nine.
    """
    labels, groups = answers.predicted.labels, answers.groups
    logs = log_probabilities(answers.predicted.probabilities)
    fitted = answers if answers.split == "val" else read_answers(answers.path, "val")
    on, on_labels = log_probabilities(fitted.predicted.probabilities), fitted.predicted.labels
    temperature = fit_temperature(on, on_labels)
    crosswise = answers.split == "val"
    after = cross_scaled(logs, labels, groups) if crosswise else scaled(logs, temperature)
    return {
        **calibration(logs, labels, groups).to_dict(),
        "temperature": {
            "value": temperature,
            "fitted_on": "val",
            "texts": len(on_labels),
            "crosswise": crosswise,
            **calibration(after, labels, groups).to_dict(),
        },
    }


def log_probabilities(probabilities: npt.NDArray[np.floating]) -> Floats:
    """ln p, float64[n, C], finite."""
    return np.log(np.maximum(probabilities.astype(np.float64), _SMALLEST))


def calibration(logs: Floats, labels: Labels, groups: Groups) -> Calibration:
    """Measure normalised log-probabilities float64[n, C] against labels int64[n]."""
    probabilities = np.exp(logs)
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    curve = [
        (
            number / BINS,
            (number + 1) / BINS,
            float(confidence[place == number].mean()),
            score(correct, place == number, groups),
        )
        for number in np.unique(place).tolist()
    ]
    gaps = [each.texts * abs(float(each.accuracy or 0.0) - mean) for _, _, mean, each in curve]
    truth = np.eye(logs.shape[1])[labels]
    return Calibration(
        tuple(curve),
        ece=sum(gaps) / len(labels),
        brier=float(((probabilities - truth) ** 2).sum(axis=1).mean()),
        loss=_loss(logs, labels),
    )


def fit_temperature(logs: Floats, labels: Labels) -> float:
    """The temperature of least loss: above 1 it makes probabilities less sure.

    Source: Guo et al. 2017 (arXiv:1706.04599), section 4.2.
    """
    found = minimize_scalar(
        lambda log: _loss(scaled(logs, float(np.exp(log))), labels),
        bounds=(-_LARGEST_LOG_TEMPERATURE, _LARGEST_LOG_TEMPERATURE),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(found.x))


def scaled(logs: Floats, temperature: float) -> Floats:
    """Log-probabilities at another temperature; which is the largest stays."""
    return log_softmax(logs / temperature, axis=1)


def cross_scaled(logs: Floats, labels: Labels, groups: Groups) -> Floats:
    """Scale each tenth of the texts by the temperature of the other nine, so that no text is scored
    by a temperature that has seen it; groups stay whole where there are two or more."""
    units = np.arange(len(labels)) if groups is None or groups.max() < 1 else groups
    count = int(units.max()) + 1
    fold_of_unit = np.random.default_rng(0).permutation(count) % _FOLDS
    folds = fold_of_unit[units]
    result = np.empty_like(logs)
    for fold in np.unique(folds):
        own = folds == fold
        result[own] = scaled(logs[own], fit_temperature(logs[~own], labels[~own]))
    return result


def _loss(logs: Floats, labels: Labels) -> float:
    return float(-logs[np.arange(len(labels)), labels].mean())
