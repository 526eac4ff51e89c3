"""From a config to a classifier of texts."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnlab.compose.beginning import begin
from rnnlab.compose.cost import LATENCY_TEXTS, latency, model_size
from rnnlab.compose.network import Finish, Trained, autocast_of, fit
from rnnlab.config.schema import Config, Extra
from rnnlab.data.dataset import Dataset, TokenSplit
from rnnlab.data.extra import ExtraTexts, read_extra, said_of_extra
from rnnlab.data.memory import MemoryDataset
from rnnlab.data.reader import Encoded, TextReader, mostly_unknown
from rnnlab.data.vocabulary import build_vocabulary
from rnnlab.exceptions import UserError
from rnnlab.metrics import ClassificationMetrics, classification_metrics
from rnnlab.options import nearest
from rnnlab.predictions import PredictedRows
from rnnlab.predictor import Network, Predictor
from rnnlab.selection import label_notes, selection_metric
from rnnlab.train.rundir import RunDirectory
from rnnlab.train.state import Watcher

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prepared:
    """Data ready to be learned from.

    Attributes:
        dataset: where they are from.
        reader: tokenizer, vocabulary and truncation.
        train, val: the two parts, tokenized; val may be empty where the texts are in memory. Extra
            texts are at the end of train.
        train_texts, val_texts: the same as the model sees them.
        metric: by which the best epoch is kept.
        notes: what the user should know of the labels, a line each.
        extra: facts about the extra texts, or None.
    """

    dataset: Dataset | MemoryDataset
    reader: TextReader
    train: TokenSplit
    val: TokenSplit
    train_texts: Encoded
    val_texts: Encoded
    metric: str
    notes: tuple[str, ...]
    extra: dict[str, Any] | None

    @property
    def summary(self) -> str:
        """What there is to learn from, in a line."""
        extra = f" ({said_of_extra(self.extra, 'of them extra')})" if self.extra else ""
        return (
            f"{len(self.train):,} training{extra} and {len(self.val):,} validation texts, "
            f"{len(self.reader.vocabulary):,} words, "
            f"{self.train_texts.ragged.lengths.mean():.0f} tokens a text"
        )

    def raw_samples(self) -> list[str]:
        """Texts spread over validation, as the source has them; none where they are in memory."""
        if isinstance(self.dataset, MemoryDataset):
            return []
        every = max(1, len(self.val) // LATENCY_TEXTS)
        holder = self.dataset.texts(self.dataset.holder("val"))
        return holder.texts(self.val.rows[::every][:LATENCY_TEXTS])

    def facts(self) -> dict[str, Any]:
        """Facts about what was read, for run.json."""
        return {
            "vocabulary": len(self.reader.vocabulary),
            "labels": list(self.dataset.labels),
            "train": self.train_texts.facts(),
            "val": self.val_texts.facts(),
            **({"extra": self.extra} if self.extra else {}),
        }


def prepare(config: Config, dataset: Dataset | MemoryDataset) -> Prepared:
    """Tokenize, build the vocabulary from the training part, and encode both parts.

    Raises:
        UserError: the data is malformed, or validation lacks examples or labels.
    """
    train, val = dataset.tokens("train"), dataset.tokens("val")
    counts = np.bincount(train.labels, minlength=len(dataset.labels))
    if not counts.all():
        name = dataset.labels[int(counts.argmin())]
        if config.data.subset is not None:
            remedy = "raise data.subset.fraction"
        elif config.data.validation.fold is not None:
            remedy = "all are in one fold; set data.validation.by=example, or leave the label out"
        else:
            remedy = (
                "all are in the validation part; lower data.validation.fraction, or set "
                "data.validation.by=example"
            )
        raise UserError(f"no training example has the label '{name}': {remedy}")
    _require_room_for_padding(config)
    settings = config.data.vocabulary
    vocabulary = build_vocabulary(
        train.ragged, train.types, max_size=settings.max_size, min_count=settings.min_count
    )
    reader = TextReader(
        config.data.tokenizer,
        vocabulary,
        config.data.max_tokens,
        config.data.truncation,
        dataset.learned,
    )
    extra = None
    if config.data.extra is not None:
        tokens, extra = _read_extra(config.data.extra, dataset)
        train = train.followed_by(tokens)
    train_texts = reader.encode(train.ragged, train.types)
    val_texts = reader.encode(val.ragged, val.types)
    warn_of_unknown(val_texts, "val")
    return Prepared(
        dataset,
        reader,
        train,
        val,
        train_texts,
        val_texts,
        metric=selection_metric(config, dataset),
        notes=label_notes(config, dataset, val),
        extra=extra,
    )


def _read_extra(settings: Extra, dataset: Dataset | MemoryDataset) -> ExtraTexts:
    if isinstance(dataset, MemoryDataset):
        raise UserError("data.extra is for data in files: put the further texts among those given")
    return read_extra(settings.path, settings.text, settings.label, dataset)


def _require_room_for_padding(config: Config) -> None:
    """A text is padded to one length, whatever its batch mates: none may be longer."""
    padded = getattr(config.model.options, "read_padding", None)
    longest = config.data.max_tokens
    if padded is not None and (longest is None or longest > padded):
        raise UserError(
            f"model.read_padding={padded} needs data.max_tokens of at most {padded} (it is "
            f"{'not set' if longest is None else longest}): texts are cut or padded to one length"
        )


def warn_of_unknown(texts: Encoded, split: str) -> None:
    """Log a warning if more than half of a split's tokens are unknown to the model."""
    facts = texts.facts()
    if mostly_unknown(facts):
        log.warning(
            "warning: %.0f %% of the tokens of '%s' are unknown to the model: are its texts like "
            "those of 'train', and does data.tokenizer suit them?",
            *(100 * (1 - facts["coverage"]), split),
        )


def class_weights(
    config: Config, labels: npt.NDArray[np.int64], names: tuple[str, ...]
) -> npt.NDArray[np.float32] | None:
    """Weight per class by the config, None for equal ones.

    "balanced" gives weights with a mean of 1 over the examples.

    Raises:
        UserError: the config weighs a label that does not occur.
    """
    chosen = config.train.class_weights
    if chosen is None:
        return None
    if chosen == "balanced":
        counts = np.bincount(labels, minlength=len(names))
        return (len(labels) / (len(names) * np.maximum(counts, 1))).astype(np.float32)
    for name in chosen:
        if name not in names:
            hint = nearest(name, names)
            raise UserError(f"train.class_weights: no text has the label '{name}'{hint}")
    return np.array([chosen.get(name, 1.0) for name in names], np.float32)


def score(
    predictor: Predictor, texts: Encoded, labels: npt.NDArray[np.int64]
) -> tuple[ClassificationMetrics, npt.NDArray[np.float32]]:
    """Metrics and probabilities of a model on encoded texts."""
    probabilities = predictor.fitted.probabilities(texts.ragged)
    return classification_metrics(labels, probabilities, predictor.labels), probabilities


def train(
    config: Config,
    prepared: Prepared,
    run: RunDirectory,
    watcher: Watcher,
    stop_requested: Callable[[], bool],
) -> Trained:
    """Train or fit the model of a config.

    Raises:
        Interrupted, Diverged: see `rnnlab.train.fit`.
    """
    labels = prepared.dataset.labels
    weights = class_weights(config, prepared.train.labels, labels)
    if config.model.module.TRAINED:
        fitted, facts = _train_network(config, prepared, weights, run, watcher, stop_requested)
    else:
        started = time.process_time()
        fitted = config.model.module.fit(
            config.model.options,
            prepared.train_texts.ragged,
            prepared.train.labels,
            vocabulary_size=len(prepared.reader.vocabulary),
            num_classes=len(labels),
            class_weights=weights,
        )
        facts = {"cpu_seconds": round(time.process_time() - started, 3)}
    facts = {"parameters": fitted.num_parameters, **facts}
    column = getattr(config.data.source.options, "text", "text")
    predictor = Predictor(config.model, fitted, prepared.reader, labels, column)
    return Trained(predictor, facts)


def _train_network(
    config: Config,
    prepared: Prepared,
    weights: npt.NDArray[np.float32] | None,
    run: RunDirectory,
    watcher: Watcher,
    stop_requested: Callable[[], bool],
) -> tuple[Network, dict[str, Any]]:
    import torch

    from rnnlab.tasks.classification import Classification, TextFeed

    device = torch.device(config.device)
    labels = prepared.dataset.labels
    torch.manual_seed(config.seed)
    model = config.model.module.build(
        config.model.options,
        vocabulary_size=len(prepared.reader.vocabulary),
        num_classes=len(labels),
    )
    facts = begin(config, model, prepared.dataset, prepared.reader, prepared.train_texts.ragged)
    model.to(device)
    task = Classification(
        None if weights is None else torch.from_numpy(weights).to(device),
        config.train.label_smoothing,
        autocast_of(config, device),
    )
    feed = TextFeed(
        prepared.train_texts.ragged,
        prepared.train.labels,
        batch_size=config.train.batch_size,
        batch_tokens=config.train.batch_tokens,
        seed=config.seed,
        device=device,
    )
    network = Network(model, task)
    candidate = Predictor(config.model, network, prepared.reader, labels)
    facts |= fit(
        config,
        model,
        task,
        feed=feed,
        validate=(
            (lambda: score(candidate, prepared.val_texts, prepared.val.labels)[0])
            if len(prepared.val)
            else None
        ),
        metric=prepared.metric,
        run=run,
        watcher=watcher,
        stop_requested=stop_requested,
    )
    return network, facts


def finish(prepared: Prepared, trained: Trained, run: RunDirectory) -> Finish:
    """Score a trained model on the validation part; keep it, and what it answers, in the run."""
    predictor = trained.predictor
    best = trained.facts.pop("best", {})
    started = time.perf_counter()
    val, probabilities = score(predictor, prepared.val_texts, prepared.val.labels)
    seconds = time.perf_counter() - started
    predictor.save(run.model)
    part = prepared.val
    rows = PredictedRows(part.rows, part.labels, probabilities, predictor.labels, part.groups)
    rows.write(run.predictions / "val.parquet")
    train = {
        "examples": len(prepared.train),
        "loss": best.get("train_loss"),
        "accuracy": best.get("train_accuracy"),
    }
    cost = {
        **latency(predictor.predict, prepared.raw_samples()),
        "texts_per_second": round(len(prepared.val) / seconds, 1),
        **model_size(run.model),
    }
    return Finish(val, train, prepared.facts(), cost)
