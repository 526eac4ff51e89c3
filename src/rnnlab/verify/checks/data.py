"""Data: the vocabulary is of train alone, and no text, near repeat or group is on both sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from rnnlab.data import streams, tokenizing
from rnnlab.data import vocabulary as words
from rnnlab.verify.evidence import Evidence, Exhibit, NotApplicable
from rnnlab.verify.repeats import TextForms, near_repeats
from rnnlab.verify.subject import Subject

NUMBER = 11
TITLE = "held out is held out"
PROVES = (
    "The vocabulary is of the training part alone, and hardly a text, a near repeat of one, or any "
    "group is both in it and held out."
)
ADVICE = (
    "What is held out has been seen in training: build the vocabulary after the cut, keep groups "
    "whole (data.validation.by), and remove repeats (`rnnlab data check`)."
)
READS = ("data",)

_LEAK = 0.02
"""Share of the held-out texts that may be repeats: IMDB as it was published has 0.5 % in test, and
a share p moves an accuracy by less than p."""

_SAMPLE = 200


def run(subject: Subject) -> Evidence:
    """Count again, from the texts on."""
    if subject.foreign_data:
        raise NotApplicable("the run's data is not here")
    evidence = Evidence()
    _vocabulary(subject, evidence)
    if subject.kind == "language_model":
        evidence.notes.append("lines of a stream may repeat")
        _unknown(subject, evidence)
        return evidence
    _repeats(subject, evidence)
    _groups(subject, evidence)
    _balance(subject, evidence)
    return evidence


def _vocabulary(subject: Subject, evidence: Evidence) -> None:
    """Every entry, in its place, by counting the training part once more."""
    dataset, settings = subject.dataset, subject.config.data.vocabulary
    ragged, types = dataset.ragged("train")
    _tokens_are_the_texts(subject, evidence, ragged, types)
    is_stream = subject.kind == "language_model"
    special = streams.SPECIAL if is_stream else words.SPECIAL
    first: dict[str, int] = {}
    counts: Counter[str] = Counter()
    for position, number in enumerate(ragged.tokens.tolist()):
        first.setdefault(types[number], position)
        counts[types[number]] += 1
    for name in special:
        counts.pop(name, None)
    known = [word for word, count in counts.items() if count >= settings.min_count]
    if settings.max_size is not None:
        known = sorted(known, key=lambda word: (-counts[word], word))[: settings.max_size]
    expected = [*special, *sorted(known, key=lambda word: (-counts[word], first[word]))]
    actual = list(subject.reader.vocabulary.words)
    strangers = [word for word in actual[len(special) :] if word not in counts]
    evidence.add("words that the training part lacks", len(strangers), 0, " ".join(strangers[:3]))
    longer = max(len(actual), len(expected))
    padded = [[*entries, *[""] * (longer - len(entries))] for entries in (actual, expected)]
    wrong = [pair for pair in zip(*padded, strict=True) if pair[0] != pair[1]]
    example = f"'{wrong[0][0]}' where train alone has '{wrong[0][1]}'" if wrong else ""
    evidence.add(
        f"vocabulary entries other than train's, of {len(actual):,}", len(wrong), 0, example
    )


def _tokens_are_the_texts(
    subject: Subject, evidence: Evidence, ragged: Any, types: Sequence[str]
) -> None:
    """The tokens counted are those of the training texts: a sample is tokenized once more."""
    dataset = subject.dataset
    rows = dataset.rows("train")
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(_SAMPLE, len(rows))).astype(int))
    tokenize = tokenizing.build(dataset.tokenizer, dataset.learned)
    texts = dataset.texts(dataset.holder("train")).texts(rows[chosen])
    wrong = 0
    for row, text in zip(chosen.tolist(), texts, strict=True):
        tokens = ragged.tokens[ragged.offsets[row] : ragged.offsets[row + 1]]
        wrong += [types[number] for number in tokens] != list(tokenize(text))
    evidence.add(f"training texts with other tokens, of {len(chosen)}", wrong, 0)


def _repeats(subject: Subject, evidence: Evidence) -> None:
    forms, dataset = TextForms(), subject.dataset
    labelled = [split for split in dataset.splits if split in ("train", "val", "test")]
    prepared = {split: forms.add(*dataset.ragged(split)) for split in labelled}
    train = prepared.pop("train")
    rows = []
    for split, held_out in prepared.items():
        same = train.contains(held_out)
        near = near_repeats(train, held_out)
        union = same | (near >= 0)
        share = float(union.mean()) if len(union) else 0.0
        example = ""
        if union.any():
            row = int(np.flatnonzero(union)[0])
            example = f"{split}, text {row + 1}: {_excerpt(subject, split, row)}"
        evidence.add(f"share of {split} that repeats train, nearly or word by word", share, _LEAK)
        evidence.findings[-1] = evidence.findings[-1]._replace(example=example)
        rows.append([split, *(f"{int(n):,}" for n in (len(union), same.sum(), union.sum()))])
    evidence.exhibits.append(
        Exhibit(
            "texts that are also in train (case and punctuation aside)",
            ["split", "texts", "word by word", "nearly or so"],
            rows,
        )
    )


def _excerpt(subject: Subject, split: str, row: int) -> str:
    dataset = subject.dataset
    (text,) = dataset.texts(dataset.holder(split)).texts([int(dataset.rows(split)[row])])
    return repr(text if len(text) <= 60 else text[:59] + "…")


def _groups(subject: Subject, evidence: Evidence) -> None:
    dataset = subject.dataset
    groups = dataset.groups
    if groups is None or not dataset.cuts_validation:
        evidence.notes.append("no groups to keep whole")
        return
    train, val = (set(groups[dataset.rows(split)].tolist()) for split in ("train", "val"))
    kind = dataset.source.group_kind
    evidence.add(f"{kind} groups in train and validation", len(train & val), 0)
    evidence.notes.append(f"{len(train):,} and {len(val):,} groups ({kind})")


def _balance(subject: Subject, evidence: Evidence) -> None:
    """Facts to know, not to pass: who answers the largest label, and what is cut."""
    counts = np.bincount(subject.prepared.train.labels, minlength=len(subject.labels))
    largest = int(counts.argmax())
    share = counts[largest] / counts.sum()
    evidence.notes.append(f"largest label {subject.labels[largest]!r} {share:.1%} of train")
    facts = subject.prepared.val_texts.facts()
    evidence.notes.append(
        f"of validation's tokens {facts['cut_tokens']:.1%} cut, {1 - facts['coverage']:.1%} unknown"
    )


def _unknown(subject: Subject, evidence: Evidence) -> None:
    facts = subject.prepared.val.facts()
    evidence.notes.append(f"of validation's tokens {1 - facts['coverage']:.1%} unknown")
