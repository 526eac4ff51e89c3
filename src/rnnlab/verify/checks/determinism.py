"""Determinism: one seed gives the same bits, and a resumed training is the uninterrupted one."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rnnlab.train.checkpoint import load_checkpoint
from rnnlab.train.rundir import RunDirectory
from rnnlab.verify.evidence import Evidence
from rnnlab.verify.subject import Subject

NUMBER = 9
TITLE = "same seed, same bits"
PROVES = (
    "Training twice with one seed gives the same hash, and a training that was interrupted and "
    "resumed gives that of the uninterrupted one, bit for bit."
)
ADVICE = (
    "A run cannot be repeated or resumed: look at what a checkpoint leaves out (optimizer, random "
    "state, position in the epoch, carried state) and at anything that depends on time or order."
)
READS = ("model", "data", "train")

_STOP_IN_FIRST, _STOP_IN_SECOND = 4, 9


def run(subject: Subject) -> Evidence:
    """Train three times, a few updates each."""
    evidence = Evidence()
    if subject.kind == "fitted":
        _fitted(subject, evidence)
        return evidence
    first = _end(subject.practise("once")[0])
    again = _end(subject.practise("again")[0])
    run, _ = subject.practise("resumed", stop_after=_STOP_IN_FIRST)
    subject.practise("resumed", stop_after=_STOP_IN_SECOND)
    subject.practise("resumed")
    resumed = _end(run)
    _compare(evidence, "the same seed twice", again, first)
    _compare(evidence, "interrupted twice and resumed = uninterrupted", resumed, first)
    evidence.notes.append(f"{first.updates} updates, SHA-256 {first.digest[:16]}")
    return evidence


class _End:
    """All that a training leaves: its last checkpoint and its rows."""

    def __init__(self, folder: Path, rows: bytes) -> None:
        found = load_checkpoint(folder)
        if found is None:
            raise RuntimeError(f"{folder}: no checkpoint")
        self.tensors, state = found
        self.updates, self.rows = state["step"], rows
        digest = hashlib.sha256(rows)
        for name in sorted(self.tensors):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(self.tensors[name].numpy()).tobytes())
        self.digest = digest.hexdigest()


def _end(run: RunDirectory) -> _End:
    return _End(run.checkpoints, (run.path / "epochs.csv").read_bytes())


def _compare(evidence: Evidence, what: str, actual: _End, expected: _End) -> None:
    """By hash; where that differs, by how far the worst tensor is away."""
    gap, worst = 0.0, ""
    for name in sorted(expected.tensors.keys() | actual.tensors.keys()):
        apart = _apart(actual.tensors.get(name), expected.tensors.get(name))
        if apart > gap:
            gap, worst = apart, name
    if gap == 0 and actual.digest != expected.digest:
        gap, worst = 1.0, "epochs.csv, or a sign of zero"
    evidence.add(f"{what}: hash", gap, 0.0, worst)
    evidence.add(f"{what}: updates done", abs(actual.updates - expected.updates), 0.0)


def _apart(actual: Tensor | None, expected: Tensor | None) -> float:
    if actual is None or expected is None or actual.shape != expected.shape:
        return 1.0
    if torch.equal(actual, expected):
        return 0.0
    scale = max(float(expected.double().abs().max()), 1e-300)
    return float((actual.double() - expected.double()).abs().max()) / scale


def _fitted(subject: Subject, evidence: Evidence) -> None:
    arrays: list[dict[str, Any]] = []
    for name in ("once", "again"):
        _, trained = subject.practise(name)
        arrays.append(trained.predictor.fitted.arrays())
    gaps = {
        name: _apart(torch.from_numpy(np.array(again)), torch.from_numpy(np.array(arrays[0][name])))
        for name, again in arrays[1].items()
    }
    worst = max(gaps, key=lambda name: gaps[name])
    evidence.add("fitted twice: every array", gaps[worst], 0.0, worst)
    evidence.notes.append("fitted in one go: there is nothing to resume")
