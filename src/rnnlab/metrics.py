"""Figures of merit for classification, from labels and probabilities. NumPy only.

Every average weighs examples (or classes, where the name says macro), never batches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class ClassificationMetrics:
    """What is known of predictions on labelled examples.

    Attributes:
        examples: how many.
        accuracy: share of the examples whose most probable class is the label.
        macro_f1: mean of the classes' F1; a class that neither occurs nor is predicted counts 0.
        loss: mean negative log-likelihood, nats per example.
        per_class: one mapping a class: label, precision, recall, f1, support.
        confusion: counts, row = true class, column = predicted class.
    """

    examples: int
    accuracy: float
    macro_f1: float
    loss: float
    per_class: list[dict[str, Any]]
    confusion: list[list[int]]

    def figures(self) -> dict[str, float]:
        """What a row of epochs.csv says of them."""
        return {"loss": self.loss, "accuracy": self.accuracy, "macro_f1": self.macro_f1}

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON values."""
        return dict(vars(self))


def f1_of_classes(
    hits: npt.NDArray[Any], support: npt.NDArray[Any], guessed: npt.NDArray[Any]
) -> npt.NDArray[np.float64]:
    """F1 from counts per class: right, true and predicted examples; 0 where all are 0."""
    return 2 * hits / np.maximum(support + guessed, 1)


def classification_metrics(
    labels: npt.NDArray[np.int64],
    probabilities: npt.NDArray[np.float32],
    label_names: tuple[str, ...],
) -> ClassificationMetrics:
    """Score probabilities float32[n, C] against labels int64[n].

    Raises:
        ValueError: there is no example.
    """
    if len(labels) == 0:
        raise ValueError("no examples to score")
    num_classes = len(label_names)
    predicted = probabilities.argmax(axis=1)
    confusion = np.bincount(labels * num_classes + predicted, minlength=num_classes**2)
    confusion = confusion.reshape(num_classes, num_classes)
    hits = confusion.diagonal().astype(np.float64)
    support, guessed = confusion.sum(axis=1), confusion.sum(axis=0)
    precision = hits / np.maximum(guessed, 1)
    recall = hits / np.maximum(support, 1)
    f1 = f1_of_classes(hits, support, guessed)
    smallest = np.finfo(np.float32).tiny
    chosen = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return ClassificationMetrics(
        examples=len(labels),
        accuracy=float(hits.sum() / len(labels)),
        macro_f1=float(f1.mean()),
        loss=float(-np.log(np.maximum(chosen, smallest)).mean()),
        per_class=[
            {
                "label": name,
                "precision": float(precision[i]),
                "recall": float(recall[i]),
                "f1": float(f1[i]),
                "support": int(support[i]),
            }
            for i, name in enumerate(label_names)
        ],
        confusion=confusion.tolist(),
    )
