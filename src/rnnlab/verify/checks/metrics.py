"""Metrics: the figures equal scikit-learn's or a direct computation; averages weigh examples."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import torch

from rnnlab.metrics import ClassificationMetrics, classification_metrics
from rnnlab.train.loop import training_steps
from rnnlab.train.optimizers._base import Optimizer
from rnnlab.verify.checks.padding import direct_nats
from rnnlab.verify.evidence import TOLERANCE, Evidence
from rnnlab.verify.examples import losses
from rnnlab.verify.subject import Subject
from rnnlab.verify.weights import gradients

NUMBER = 12
TITLE = "figures, a second time"
PROVES = (
    "Accuracy, macro F1, precision, recall, confusion and perplexity equal scikit-learn's or a "
    "direct computation, and averages weigh examples, not batches."
)
ADVICE = (
    "A figure is not what its name says: sum nats and counts over all batches and divide once; "
    "never average averages."
)
READS = ("model", "data", "train", "full")

_ROUNDS = 20


def run(subject: Subject) -> Evidence:
    """Compute every figure a second time."""
    evidence = Evidence()
    if subject.kind == "language_model":
        _perplexity(subject, evidence)
        return evidence
    _against_scikit_learn(subject, evidence)
    if subject.kind == "network":
        _feed(subject, evidence)
        _weights(subject, evidence)
    if subject.run is not None:
        _reported(subject, evidence)
    return evidence


def _against_scikit_learn(subject: Subject, evidence: Evidence) -> None:
    """Random answers of as many labels; in some rounds a label never occurs or is never given."""
    generator = np.random.default_rng(0)
    classes = len(subject.labels)
    gaps: dict[str, float] = {}
    for number in range(_ROUNDS):
        labels = generator.integers(classes, size=7 + number * 5)
        scores = generator.standard_normal((len(labels), classes))
        if number % 3 == 1:
            scores[:, 0] -= 100
        if number % 3 == 2:
            labels = np.maximum(labels, 1)
        probabilities = np.exp(scores - scores.max(1, keepdims=True))
        probabilities = (probabilities / probabilities.sum(1, keepdims=True)).astype(np.float32)
        found = classification_metrics(labels, probabilities, subject.labels)
        for name, gap in _gaps(found, labels, probabilities).items():
            gaps[name] = max(gaps.get(name, 0.0), gap)
    for name, gap in gaps.items():
        evidence.add(f"{name} = scikit-learn's, float64", gap, TOLERANCE[torch.float64])


def _gaps(found: ClassificationMetrics, labels: Any, probabilities: Any) -> dict[str, float]:
    from sklearn import metrics

    predicted = probabilities.argmax(axis=1)
    order = list(range(probabilities.shape[1]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        precision, recall, f1, support = metrics.precision_recall_fscore_support(
            labels,
            predicted,
            labels=order,
            zero_division=0,  # pyright: ignore[reportArgumentType]
        )
    chosen = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    tiny = np.finfo(np.float32).tiny
    loss = -sum(math.log(max(p, tiny)) for p in chosen.tolist()) / len(labels)
    rows = found.per_class
    confusion = metrics.confusion_matrix(labels, predicted, labels=order)
    return {
        "accuracy": abs(found.accuracy - float(metrics.accuracy_score(labels, predicted))),
        "macro F1": abs(found.macro_f1 - float(np.mean(f1))),
        "precision": _gap([row["precision"] for row in rows], precision),
        "recall": _gap([row["recall"] for row in rows], recall),
        "F1": _gap([row["f1"] for row in rows], f1),
        "support": _gap([row["support"] for row in rows], support),
        "confusion": _gap(found.confusion, confusion),
        "loss": abs(found.loss - loss) / max(loss, 1e-300),
    }


def _gap(found: Any, expected: Any) -> float:
    return float(np.abs(np.asarray(found, np.float64) - np.asarray(expected)).max())


def _feed(subject: Subject, evidence: Evidence) -> None:
    """The training figures of an epoch, whose batches are of different sizes."""
    from rnnlab.tasks.classification import Classification, TextFeed

    data, model, task = subject.practice_data, subject.network(), Classification()
    feed = TextFeed(
        data.train_texts.ragged,
        data.train.labels,
        batch_size=16,
        batch_tokens=None,
        seed=0,
        device=torch.device("cpu"),
    )
    sums, nats, hits = None, [], []
    with torch.no_grad():
        for item in feed.batches(0):
            batch = feed.collate(item)
            loss = task.loss_sum(model, batch)
            parts = feed.sums(item, _as_numbers(loss))
            sums = parts if sums is None else tuple(map(sum, zip(sums, parts, strict=True)))
            logits = model(batch.tokens, batch.lengths)
            nats.append(losses(logits, batch.labels))
            best = logits.argmax(1) if logits.shape[1] > 1 else (logits[:, 0] > 0).long()
            hits.append((best == batch.labels).double())
    row = feed.row(sums or ())
    for name, values in (("train_loss", nats), ("train_accuracy", hits)):
        mean = torch.cat(values).mean()
        found = torch.tensor(row[name], dtype=torch.float64)
        evidence.compare(f"{name} of an epoch = mean over its texts, float64", found, mean)


def _as_numbers(loss: Any) -> Any:
    """A loss as the loop hands it on."""
    return type(loss)(*(value.item() for value in loss))


def _weights(subject: Subject, evidence: Evidence) -> None:
    """The gradient that an update follows is that of the mean over the batch's examples."""
    from rnnlab.tasks.classification import Classification
    from rnnlab.verify.examples import batch_of

    model, examples = subject.network(), subject.examples
    weights = torch.linspace(0.5, 2.0, len(subject.labels), dtype=torch.float64)
    for what, task, weigh in (
        ("every example the same", Classification(), torch.ones_like(weights)),
        ("class weights", Classification(weights), weights),
    ):
        for count in (2, len(examples)):
            batch = batch_of(examples[:count])
            found = _followed(model, task, batch)
            own = losses(model(batch.tokens, batch.lengths), batch.labels)
            weight = weigh[batch.labels]
            expected = gradients(model, (own * weight).sum() / weight.sum())
            evidence.compare_gradients(
                f"gradient of {count} texts = their mean, {what}, float64", found, expected
            )


class _Recorder(Optimizer):
    """Keeps the gradients that it should follow, and changes nothing."""

    def step(self, lr: float) -> None:
        """Note the gradients."""
        self.seen = {
            name: p.grad.to_dense() for name, p in self.parameters.items() if p.grad is not None
        }


def _followed(model: Any, task: Any, batch: Any) -> dict[str, torch.Tensor]:
    """The gradients that the training loop hands to the optimizer for a batch."""
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    recorder = _Recorder(named, None)
    steps = training_steps(
        model,
        task.loss_sum,
        [batch],
        recorder,
        learning_rate=lambda: 0.0,
        clip_norm=None,
        first_step=0,
        objective=task.objective,
    )
    for _ in steps:
        pass
    return {name: recorder.seen[name] for name, _ in named}


def _perplexity(subject: Subject, evidence: Evidence) -> None:
    from rnnlab.tasks.language_modeling import LanguageModeling, StreamFeed

    model, data = subject.network(), subject.practice_data
    task = LanguageModeling()
    with torch.no_grad():
        nats, count = direct_nats(model, data.val.tokens, 1)
    found = task.score(model, data.val)
    evidence.add("tokens predicted, of a stream", abs(found.tokens - count), 0.0)
    evidence.compare(
        "perplexity = exp(total nats / total tokens), float64",
        _double(found.perplexity),
        _double(math.exp(nats / count)),
    )
    rows = 4
    feed = StreamFeed(data.train, task, batch_size=rows, window=11, device=torch.device("cpu"))
    feed.begin_epoch()
    sums = (0.0, 0.0)
    with torch.no_grad():
        for item in feed.batches(0):
            loss = task.loss_sum(model, feed.collate(item))
            parts = feed.sums(item, _as_numbers(loss))
            sums = tuple(map(sum, zip(sums, parts, strict=True)))
        nats, count = direct_nats(model, data.train.tokens, rows)
    row = feed.row(sums)
    mean = nats / count
    evidence.compare("train_loss of an epoch, float64", _double(row["train_loss"]), _double(mean))
    evidence.compare(
        "train_perplexity of an epoch, float64",
        _double(row["train_perplexity"]),
        _double(math.exp(mean)),
    )


def _double(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64)


def _reported(subject: Subject, evidence: Evidence) -> None:
    """What the run's record says of validation, from its predictions."""
    from rnnlab.predictions import PredictedRows

    assert subject.run is not None
    path = subject.run.predictions / "val.parquet"
    if not path.is_file():
        evidence.notes.append("the run has no predictions on validation")
        return
    rows = PredictedRows.read(path, subject.labels)
    recorded = subject.run.read()["val"]
    found = ClassificationMetrics(**recorded)
    for name, gap in _gaps(found, rows.labels, rows.probabilities).items():
        evidence.add(f"the run's own {name}, from its predictions", gap, TOLERANCE[torch.float32])
