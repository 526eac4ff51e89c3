"""Padding invariance: more of it, or other values in it, change neither loss nor gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from rnnlab.verify.evidence import Evidence
from rnnlab.verify.examples import batch_of, token_losses
from rnnlab.verify.subject import Subject
from rnnlab.verify.weights import gradients

NUMBER = 2
TITLE = "padding changes nothing"
PROVES = (
    "More padding and other values at padding change no output, loss or gradient, and a masked "
    "loss is the loss without padding."
)
ADVICE = (
    "Padding is read or counted: mask the softmax and the averages over time, and divide the loss "
    "by real targets alone."
)
READS = ("model", "data")

_EXTRA = (1, 7, 40)


def run(subject: Subject) -> Evidence:
    """Compare batches that differ in their padding alone, and with no padding at all."""
    subject.require(
        "network", "language_model", reason="it counts n-grams of texts that are never padded"
    )
    evidence = Evidence()
    if subject.kind == "language_model":
        _masked(subject, evidence)
        _windows(subject, evidence)
    else:
        _network(subject, evidence)
    return evidence


def _network(subject: Subject, evidence: Evidence) -> None:
    model, examples = subject.network(), subject.examples
    names = [example.name for example in examples]
    batch = batch_of(examples)
    expected = model(batch.tokens, batch.lengths)
    single = [subject.task.loss_sum(model, batch_of([one])).nats for one in examples]
    without = torch.stack(single).sum()
    gradient = gradients(model, without)
    nats = subject.task.loss_sum(model, batch).nats
    evidence.compare("loss with padding = without, float64", nats, without)
    evidence.compare_gradients(
        "gradients with padding = without, float64", gradients(model, nats), gradient
    )
    for fill, values in ((0, "more padding"), (1, "unknown words"), (None, "words of other texts")):
        for extra in _EXTRA if fill == 0 else (0, _EXTRA[-1]):
            what = f"{values} ({extra} steps more)" if fill == 0 else f"{values} at padding"
            padded = batch_of(examples, extra=extra, fill=fill)
            logits = model(padded.tokens, padded.lengths)
            evidence.compare(f"{what}: outputs, float64", logits, expected, names=names)
            total = subject.task.loss_sum(model, padded).nats
            found = gradients(model, total)
            evidence.compare_gradients(f"{what}: gradients, float64", found, gradient)


def _masked(subject: Subject, evidence: Evidence) -> None:
    """System E's claim: per-token loss under a mask = loss of each piece without padding."""
    model, pieces = subject.network(), subject.windows
    lengths = torch.tensor([12, 9, 6, 3, 1])
    real = torch.arange(12) < lengths.unsqueeze(1)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(subject.vocabulary_size, pieces.shape, generator=generator)
    inputs = torch.where(real, pieces[:, :-1], noise[:, :-1])
    targets = torch.where(real, pieces[:, 1:], noise[:, 1:])
    features, _ = model(inputs, None)
    per_token = token_losses(model, features, targets).view_as(real)
    masked = (per_token * real).sum()
    parts = []
    for row, length in enumerate(lengths.tolist()):
        features, _ = model(pieces[row : row + 1, :length], None)
        parts.append(token_losses(model, features, pieces[row, 1 : length + 1]).sum())
    whole = torch.stack(parts).sum()
    evidence.compare("masked loss = loss without padding, float64", masked, whole)
    evidence.compare_gradients(
        "its gradients, float64", gradients(model, masked), gradients(model, whole)
    )


def _windows(subject: Subject, evidence: Evidence) -> None:
    """No window of training counts a token that the stream does not have."""
    from rnnlab.tasks.language_modeling import LanguageModeling, StreamFeed

    model, stream = subject.network(), subject.practice_data.train
    rows, window = 4, 11  # the last window is shorter
    task = LanguageModeling()
    feed = StreamFeed(stream, task, batch_size=rows, window=window, device=torch.device("cpu"))
    feed.begin_epoch()
    nats, targets = 0.0, 0.0
    with torch.no_grad():
        for item in feed.batches(0):
            loss = task.loss_sum(model, feed.collate(item))
            nats, targets = nats + float(loss.nats), targets + float(loss.targets)
        expected, count = direct_nats(model, stream.tokens, rows)
    evidence.compare(
        "loss of an epoch's windows = of the whole columns, float64",
        torch.tensor(nats, dtype=torch.float64),
        torch.tensor(expected, dtype=torch.float64),
    )
    evidence.add("targets of an epoch = tokens of its columns", abs(targets - count), 0.0)


def direct_nats(model: Any, tokens: np.ndarray, rows: int) -> tuple[float, int]:
    """Nats of a stream cut into columns, and how many tokens those predict, from the definition:
    column b predicts its own tokens, the first after the token before it (after the end of a text,
    token 0, at the stream's beginning)."""
    length = len(tokens) // rows
    before = np.concatenate([[0], tokens]).astype(np.int64)
    total = 0.0
    for row in range(rows):
        own = torch.from_numpy(before[row * length : (row + 1) * length + 1])
        features, _ = model(own[None, :-1], None)
        total += float(token_losses(model, features, own[1:]).sum())
    return total, rows * length
