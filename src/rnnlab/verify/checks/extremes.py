"""Extremes: one token, only unknown words, nothing at all, the longest that is read."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from rnnlab.verify.evidence import TOLERANCE, Evidence
from rnnlab.verify.examples import token_losses
from rnnlab.verify.subject import Subject

NUMBER = 3
TITLE = "shortest to longest"
PROVES = (
    "One token, only unknown words, an empty text and the longest allowed get finite answers, the "
    "same alone as together."
)
ADVICE = (
    "An edge case breaks: look for lengths of 0, empty softmaxes and divisions by a length, and at "
    "how texts are cut."
)
READS = ("model", "data", "train")

_LONGEST = 2000
_UNHEARD = "zqxv"


def run(subject: Subject) -> Evidence:
    """Ask the model that predicts, from raw texts on."""
    evidence = Evidence()
    if subject.kind == "language_model":
        _streams(subject, evidence)
    else:
        _texts(subject, evidence)
    return evidence


def _texts(subject: Subject, evidence: Evidence) -> None:
    predictor = subject.predictor
    if subject.kind == "network" and subject.loaded is None:
        from dataclasses import replace

        from rnnlab.predictor import Network

        model = subject.network(torch.float32)
        predictor = replace(predictor, fitted=Network(model, subject.task))
    limit = predictor.max_tokens or _LONGEST
    words = " ".join(subject.texts(8)).split() or [_UNHEARD]
    longest = " ".join(words * (limit // len(words) + 2))
    texts = {
        "one word": words[0],
        "an empty text": "",
        "white space": " \n\t ",
        "only unknown words": " ".join([_UNHEARD] * 5),
        "one unknown word": _UNHEARD,
        "the longest": longest,
        "ten times the longest": " ".join([longest] * 10) if limit <= 500 else longest,
        "an ordinary text": " ".join(words[:20]),
    }
    names = list(texts)
    together = torch.from_numpy(predictor.predict(list(texts.values())).probabilities)
    alone = torch.from_numpy(
        np.concatenate([predictor.predict([text]).probabilities for text in texts.values()])
    )
    tolerance = TOLERANCE[torch.float32]
    sums = (together.double().sum(dim=1) - 1).abs()
    worst = names[int(sums.nan_to_num(math.inf).argmax())]
    evidence.add("probabilities are finite and sum to 1", _largest(sums), tolerance, worst)
    evidence.compare("together = alone, float32", together, alone, names=names)
    single = together[names.index("one unknown word")]
    for name in ("an empty text", "white space"):
        row = together[names.index(name)]
        evidence.compare(f"{name} = one unknown word, float32", row, single)
    encoded = predictor.reader.read(list(texts.values()))
    lengths = encoded.ragged.lengths
    most = predictor.max_tokens or int(lengths.max())
    excess = max(0, int(lengths.max()) - most) + max(0, 1 - int(lengths.min()))
    evidence.add("tokens beyond the limit, or missing", excess, 0.0)
    evidence.notes.append(f"lengths from {lengths.min()} to {lengths.max():,} tokens")


def _largest(values: torch.Tensor) -> float:
    return float(values.nan_to_num(math.inf).max())


def _streams(subject: Subject, evidence: Evidence) -> None:
    from rnnlab.data.streams import Stream
    from rnnlab.tasks.language_modeling import LanguageModeling

    model = subject.network()
    usual = subject.windows.flatten().tolist()
    streams: dict[str, Sequence[int]] = {
        "one token": usual[:1],
        "an empty text": [0],
        "five empty texts": [0] * 5,
        "only unknown words": [1] * 7,
        "longer than a window": usual * 9,
    }
    for name, tokens in streams.items():
        stream = Stream(np.array(tokens, np.int32), texts=1, alien=0)
        found = LanguageModeling().score(model, stream).nats
        with torch.no_grad():
            inputs = torch.tensor([[0, *tokens[:-1]]])
            features, _ = model(inputs, None)
            expected = token_losses(model, features, torch.tensor(tokens)).sum()
        evidence.compare(
            f"{name}: nats = step by step, float64",
            torch.tensor(found, dtype=torch.float64),
            expected,
        )
    evidence.notes.append(f"streams of 1 to {len(usual) * 9} tokens")
