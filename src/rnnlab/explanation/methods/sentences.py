"""Leave a sentence out and read the text again; see `occlusion`."""

from __future__ import annotations

import re

import numpy as np

from rnnlab.data.tokenizers import _breaks
from rnnlab.explanation.alignment import Span
from rnnlab.explanation.attribution import Attribution
from rnnlab.explanation.methods.occlusion import losses
from rnnlab.explanation.reading import Reading
from rnnlab.predictor import Predictor

SUMMARY = "leave out one sentence at a time"
RANK = 3

_END = re.compile(r"""[.!?…]+["'”’)\]]*(?=\s|$)|\n+""")


def refusal(predictor: Predictor) -> str:
    """Any model can read less."""
    return ""


def attribute(predictor: Predictor, reading: Reading, target: int) -> Attribution:
    """By how much the log odds fall where each sentence is left out."""
    kept, groups = [], []
    for span, places in zip(*_assigned(reading), strict=True):
        if len(places):
            kept.append(span)
            groups.append(places)
    score, drops = losses(predictor, reading, target, groups)
    return Attribution(
        drops,
        quantity=f"log odds of '{predictor.labels[target]}'",
        note=(
            "By how much the log odds fall when the sentence is left out. Sentences that say the "
            "same can each be left out for little, so these numbers do not add up to the score."
        ),
        score=score,
        spans=tuple(kept),
    )


def sentences(text: str) -> list[Span]:
    """Cut a text at full stops, question and exclamation marks, and line ends (HTML's too); the
    pieces leave out the white space around them."""
    flat = _breaks.blanked(text, "\n")
    ends = [match.end() for match in _END.finditer(flat)]
    spans, start = [], 0
    for end in [*ends, len(flat)]:
        piece = flat[start:end]
        if piece.strip():
            first = start + len(piece) - len(piece.lstrip())
            spans.append((first, first + len(piece.strip())))
        start = end
    return spans


def _assigned(reading: Reading) -> tuple[list[Span], list[np.ndarray]]:
    """The sentences of a text, and the places of the tokens that begin in each; a token whose place
    is not known goes with the one before."""
    spans = sentences(reading.text)
    starts = np.array([start for start, _ in spans])
    number, numbers = 0, []
    for span in reading.spans:
        if span is not None:
            number = max(0, int(np.searchsorted(starts, span[0], side="right")) - 1)
        numbers.append(number)
    return spans, [np.flatnonzero(np.array(numbers) == each) for each in range(len(spans))]
