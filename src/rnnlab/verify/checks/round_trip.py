"""Round trip: saved and loaded in a new process, a model predicts the same, in the texts' order."""

from __future__ import annotations

import numpy as np
import torch

from rnnlab.verify.evidence import Evidence
from rnnlab.verify.subject import Subject

NUMBER = 10
TITLE = "save, load, predict"
PROVES = (
    "A saved model predicts the same in a new process, twice the same, and predictions come in the "
    "order of the texts."
)
ADVICE = (
    "The kept model is not the one that was scored: look for dropout in evaluation, for parts that "
    "are not saved, and for rows that are sorted by length and not put back."
)
READS = ("model", "data", "train")

_TEXTS = 24


def run(subject: Subject) -> Evidence:
    """Ask the model here, again, in another order, and in a new process."""
    evidence = Evidence()
    if subject.kind == "language_model":
        _stream(subject, evidence)
    else:
        _texts(subject, evidence)
    return evidence


def _texts(subject: Subject, evidence: Evidence) -> None:
    predictor = subject.predictor
    texts = ["", "zqxv zqxv", *subject.texts(_TEXTS)]
    texts.append(" ".join(texts))
    names = [f"text {number + 1} ({len(text)} characters)" for number, text in enumerate(texts)]

    def ask(chosen: list[str]) -> torch.Tensor:
        return torch.from_numpy(predictor.predict(chosen).probabilities.copy())

    here = ask(texts)
    alone = torch.cat([ask([text]) for text in texts])
    evidence.compare("together, in order = one by one, float32", here, alone, names=names)
    evidence.compare(
        "in reverse order, turned back, float32", ask(texts[::-1]).flip(0), here, names=names
    )
    evidence.compare("asked twice, float32", ask(texts), here, names=names)
    answers = subject.in_new_process(subject.saved_model(), texts=texts)
    there = torch.tensor(answers, dtype=torch.float32)
    evidence.compare("in a new process, float32", there, here, names=names)


def _stream(subject: Subject, evidence: Evidence) -> None:
    from rnnlab.data.streams import Stream

    tokens = np.resize(subject.prepared.val.tokens[:300], 300)
    stream = Stream(tokens, texts=0, alien=0)
    here = _figure(subject.predictor.score(stream).nats)
    again = _figure(subject.predictor.score(stream).nats)
    evidence.compare("asked twice: nats, float32", again, here)
    there = subject.in_new_process(subject.saved_model(), tokens=tokens.tolist())
    evidence.compare("in a new process: nats, float32", _figure(there), here)


def _figure(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float32)
