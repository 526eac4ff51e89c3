"""What to train on a table of the user's: what is in it, and a few commands with their times."""

from __future__ import annotations

import json
import math
import shlex
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from rnnlab import compose
from rnnlab.claims import free_cores
from rnnlab.config.load import load_config, parse_yaml
from rnnlab.config.schema import Config
from rnnlab.data.balance import shown_labels
from rnnlab.data.checks import normalise, repeats
from rnnlab.data.dataset import Dataset
from rnnlab.data.tables import TableReader, open_table
from rnnlab.data.token_cache import tokenized
from rnnlab.environment import use_threads
from rnnlab.exceptions import Diverged, Interrupted, UserError
from rnnlab.train.rundir import RunDirectory
from rnnlab.train.state import FitState

TEXT_COLUMNS = ("text", "review", "sentence", "comment", "message", "tweet", "content", "document")
LABEL_COLUMNS = ("label", "sentiment", "class", "category", "target", "stars", "rating", "polarity")

FEW_TEXTS, MANY_TEXTS, VERY_MANY_TEXTS = 2_000, 20_000, 100_000
LONG_TEXT = 100
FEW_LABELS = 5
FEW_EXAMPLES = 10

_NETWORK_SECONDS = 2.0
_LINEAR_TOKENS = 150_000
_WARM_UP_UPDATES = 2
_VALIDATION_COST = 1 / 3  # of a token in training: forward without backward


class Choice(NamedTuple):
    """A model to try.

    Attributes:
        preset: its name.
        title: for people.
        reason: for it, or against it at first.
        overrides: of the preset.
    """

    preset: str
    title: str
    reason: str
    overrides: tuple[str, ...]


def suggest(path: Path, text: str | None, label: str | None) -> dict[str, Any]:
    """Describe a table and suggest what to train on it, best first.

    Args:
        path: the table.
        text, label: its columns; None to guess them by their names.

    Returns:
        `file`, `text`, `label`, `rows`, `labels` (counts), `uneven`, `lengths` (`median`, `p95`,
        `max`, in tokens), `repeats` (`exact`, `normalised`), `notes`, `threads`, and
        `suggestions`: `preset`, `title`, `reason`, `command`, `seconds`, and for networks `epochs`,
        the most that they train, which `seconds` is for.

    Raises:
        UserError: the table is malformed, a column cannot be guessed, or nothing can be trained.
    """
    table = open_table(path)
    text = _column(table, text, "text", TEXT_COLUMNS)
    label = _column(table, label, "label", LABEL_COLUMNS)
    data = [_override("data.path", str(path))]
    data += [_override("data.text", text)] if text != "text" else []
    data += [_override("data.label", label)] if label != "label" else []
    dataset = compose.dataset_of(load_config("table", data))
    facts, lengths = _describe(dataset)
    threads = free_cores()
    use_threads(threads)
    suggestions, notes = [], facts.pop("notes")
    for choice in choices(len(lengths), len(dataset.labels), float(np.median(lengths))):
        arguments = [*data, *choice.overrides]
        config = load_config(choice.preset, arguments)
        device = compose.resolve_device(config.device) if config.model.module.TRAINED else "cpu"
        config = compose.with_resources(config, threads, device)
        prepared = compose.prepare(config, dataset)
        if config.model.module.TRAINED:
            notes = [*prepared.notes, *(note for note in notes if note not in prepared.notes)]
        suggestions.append(
            {
                "preset": choice.preset,
                "title": choice.title,
                "reason": choice.reason,
                "command": shlex.join(["rnnlab", "train", choice.preset, *arguments]),
                **estimate(config, prepared),
            }
        )
    return {
        "file": str(path),
        "text": text,
        "label": label,
        **facts,
        "notes": notes,
        "threads": threads,
        "suggestions": suggestions,
    }


def _column(table: TableReader, name: str | None, kind: str, known: Sequence[str]) -> str:
    """The column that is named, or the one that is called as such columns are."""
    if name is not None:
        table.require(name, f"--{kind}")
        return name
    likely = [column for column in table.columns if column.strip().lower() in known]
    if kind in likely or len(likely) == 1:
        return kind if kind in likely else likely[0]
    which = "several columns could hold" if likely else "no column is clearly that of"
    shown = ", ".join(map(repr, likely or table.columns))
    raise UserError(
        f"{table.path}: {which} the {kind}s: {shown}; name it, as in --{kind} {table.columns[0]}"
    )


def _override(key: str, value: str) -> str:
    """`key=value` that gives this very text, whatever YAML would make of it."""
    try:
        is_plain = parse_yaml(value, key) == value
    except UserError:
        is_plain = False
    return f"{key}={value if is_plain else json.dumps(value, ensure_ascii=False)}"


def _describe(dataset: Dataset) -> tuple[dict[str, Any], Any]:
    """What is in the table, with notes; and the tokens of each text."""
    split, counts = dataset.texts("train"), dataset.balance("train").counts
    lengths = tokenized(split, dataset.tokenizer, dataset.learned)[0].lengths
    texts = {"all": split.texts()}
    same = {
        "exact": repeats(texts, lambda text: text)["repeats"]["all"],
        "normalised": repeats(texts, normalise)["repeats"]["all"],
    }
    notes = []
    if few := [label for label, count in counts.items() if count < FEW_EXAMPLES]:
        notes.append(
            f"fewer than {FEW_EXAMPLES} examples of {shown_labels(few)}: hardly to be learned; "
            "add examples, merge labels, or leave them out"
        )
    if same["normalised"]:
        notes.append(
            f"{same['normalised']:,} text(s) repeat others, but for case and punctuation: where "
            "one is trained on and the other validates, figures flatter; leave repeats out"
        )
    if empty := int(np.count_nonzero(lengths == 0)):
        notes.append(f"{empty:,} text(s) without words: read as one unknown word")
    facts = {
        "rows": len(lengths),
        "labels": dict(counts),
        "uneven": dataset.balance("train").is_uneven,
        "lengths": {
            "median": float(np.median(lengths)),
            "p95": float(np.percentile(lengths, 95)),
            "max": int(lengths.max()),
        },
        "repeats": same,
        "notes": notes,
    }
    return facts, lengths


def choices(texts: int, labels: int, median_tokens: float) -> list[Choice]:
    """The models to try on a table of so many texts and labels, best first."""
    few, many = texts < FEW_TEXTS, texts >= MANY_TEXTS
    is_long = median_tokens > LONG_TEXT
    schedule: tuple[str, ...] = ()
    if few:
        schedule = ("train.batch_size=16", "train.epochs=30")
    elif texts >= VERY_MANY_TEXTS:
        schedule = ("train.epochs=4",)
    if few:
        reasons = (
            f"fewer than {FEW_TEXTS:,} texts: counts of words learn most from so few",
            "reads word order, but these are few texts to learn it from",
        )
    elif is_long:
        reasons = (
            "long texts: words and phrases tell most, and soonest",
            "reads word order, which on long texts takes time and seldom pays",
        )
    elif many:
        reasons = (
            "soon done: what a network has to beat",
            "short texts, and enough of them to learn word order from",
        )
    else:
        reasons = (
            "soon done, and hard to beat with so many texts",
            "short texts: word order may tell more than words alone",
        )
    linear = (
        Choice("table-nb", "words and phrases, weighted by naive Bayes", reasons[0], ())
        if labels <= FEW_LABELS
        else Choice("table-tfidf", "words and pairs of words, TF-IDF", reasons[0], ())
    )
    recurrent = Choice("table", "LSTM in both directions", reasons[1], schedule)
    mean = Choice(
        "table-mean",
        "mean of word vectors",
        "a network without word order: tells what order is worth",
        schedule,
    )
    return [recurrent, linear, mean] if many and not is_long else [linear, recurrent, mean]


def estimate(config: Config, prepared: compose.Prepared) -> dict[str, Any]:
    """Train for a moment, and say how long the whole takes.

    Returns:
        `seconds`, and for a network `epochs`, all of which `seconds` counts, though patience may
        end it sooner.
    """
    if not config.model.module.TRAINED:
        return _estimate_fit(config, prepared)
    clock = _Clock()
    with TemporaryDirectory() as folder, suppress(Interrupted, Diverged):
        compose.train(config, prepared, RunDirectory(Path(folder)), clock, clock.is_over)
    train, val = (len(part.ragged.tokens) for part in (prepared.train_texts, prepared.val_texts))
    epochs = config.train.epochs
    return {
        "seconds": round(epochs * clock.token_seconds * (train + _VALIDATION_COST * val), 1),
        "epochs": epochs,
    }


def _estimate_fit(config: Config, prepared: compose.Prepared) -> dict[str, Any]:
    """Fit on two parts; the time grows with a power of the tokens, between 1 and 2."""
    import sklearn.linear_model  # noqa: F401  (its import is not part of the fit)

    tokens = len(prepared.train_texts.ragged.tokens)
    first, one = _fit_part(config, prepared, _LINEAR_TOKENS / 4 / tokens)
    second, two = _fit_part(config, prepared, _LINEAR_TOKENS / tokens)
    growth = math.log(two / one) / math.log(second / first) if second > first else 1.0
    return {"seconds": round(two * (tokens / second) ** min(max(growth, 1.0), 2.0), 1)}


def _fit_part(config: Config, prepared: compose.Prepared, share: float) -> tuple[int, float]:
    """Fit on a share of the texts that has every label; return its tokens and the seconds."""
    texts, labels = prepared.train_texts, prepared.train.labels
    _, one_of_each = np.unique(labels, return_index=True)
    size = max(1, round(min(share, 1.0) * len(labels)))
    some = np.linspace(0, len(labels) - 1, size).astype(np.int64)
    rows = np.union1d(one_of_each, some)
    part = replace(
        prepared,
        train=replace(prepared.train, labels=labels[rows]),
        train_texts=replace(texts, ragged=texts.ragged.select(rows)),
    )
    clock = _Clock()
    start = time.perf_counter()
    with TemporaryDirectory() as folder:
        compose.train(config, part, RunDirectory(Path(folder)), clock, clock.is_over)
    return len(part.train_texts.ragged.tokens), time.perf_counter() - start


class _Clock:
    """Watches a short training: how long a token takes, and when it has seen enough."""

    def __init__(self) -> None:
        self._since = time.perf_counter()
        self._end = self._since + _NETWORK_SECONDS
        self._updates: list[tuple[float, int]] = []

    @property
    def token_seconds(self) -> float:
        """Seconds of a training token, the first updates left out where there are others."""
        updates = self._updates[_WARM_UP_UPDATES:] or self._updates
        return sum(seconds for seconds, _ in updates) / sum(tokens for _, tokens in updates)

    def is_over(self) -> bool:
        return time.perf_counter() > self._end and len(self._updates) > _WARM_UP_UPDATES

    def prepared(self, data: Any, seconds: float) -> None:
        pass

    def step(self, state: FitState, *, batches: int, epochs: int, tokens: int, loss: float) -> None:
        now = time.perf_counter()
        self._updates.append((now - self._since, tokens))
        self._since = now

    def epoch(self, state: FitState) -> None:
        self._since = time.perf_counter()  # validation came between

    def finished(self, run: RunDirectory) -> None:
        pass
