"""The only place that turns a config into objects."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnlab.config.schema import Config
from rnnlab.data import vocabulary as words
from rnnlab.data.dataset import Dataset, TokenSplit
from rnnlab.data.memory import MemoryDataset
from rnnlab.data.reader import Encoded, TextReader, mostly_unknown
from rnnlab.data.tokenizing import description
from rnnlab.data.vocabulary import build_vocabulary
from rnnlab.exceptions import UserError
from rnnlab.metrics import ClassificationMetrics, classification_metrics
from rnnlab.options import nearest
from rnnlab.predictor import Network, Predictor
from rnnlab.selection import label_notes, selection_metric
from rnnlab.train.rundir import RunDirectory
from rnnlab.train.state import Watcher

log = logging.getLogger(__name__)


def dataset_of(config: Config, learned: bytes | None = None) -> Dataset:
    """Open the data set that a config names.

    Args:
        config: of the run.
        learned: what its tokenizer learned when its model was trained; None before that.
    """
    cut, subset = config.data.validation, config.data.subset
    return Dataset(
        config.data.source,
        config.data.tokenizer,
        fraction=cut.fraction,
        by=cut.by,
        seed=cut.seed,
        learned=learned,
        fold=None if cut.fold is None else (cut.fold.number, cut.fold.of),
        subset=None if subset is None else (subset.fraction, subset.seed),
    )


@dataclass(frozen=True)
class Prepared:
    """Data ready to be learned from.

    Attributes:
        dataset: where they are from.
        reader: tokenizer, vocabulary and truncation.
        train, val: the two parts, tokenized; val may be empty where the texts are in memory.
        train_texts, val_texts: the same as the model sees them.
        metric: by which the best epoch is kept.
        notes: what the user should know of the labels, a line each.
    """

    dataset: Dataset | MemoryDataset
    reader: TextReader
    train: TokenSplit
    val: TokenSplit
    train_texts: Encoded
    val_texts: Encoded
    metric: str
    notes: tuple[str, ...]


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


def resolve_device(name: str) -> str:
    """Turn "auto" into the device that is there.

    Raises:
        UserError: the named device is not on this machine.
    """
    import torch

    count = torch.cuda.device_count()
    if name == "auto":
        return "cuda" if count else "cpu"
    kind, _, number = name.partition(":")
    if kind == "cuda" and int(number or 0) >= count:
        raise UserError(f"device={name}: this machine has {count} CUDA devices; use device=auto")
    return name


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


@dataclass(frozen=True)
class Trained:
    """What a training gives.

    Attributes:
        predictor: the model at its best epoch.
        facts: for run.json: epochs done, best epoch, steps.
    """

    predictor: Predictor
    facts: dict[str, Any]


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
        fitted = config.model.module.fit(
            config.model.options,
            prepared.train_texts.ragged,
            prepared.train.labels,
            vocabulary_size=len(prepared.reader.vocabulary),
            num_classes=len(labels),
            class_weights=weights,
        )
        facts = {}
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

    from rnnlab.nn import compiled
    from rnnlab.tasks.classification import Classification
    from rnnlab.train.fit import Fit, FitSettings

    device = torch.device(config.device)
    labels = prepared.dataset.labels
    torch.manual_seed(config.seed)
    model = config.model.module.build(
        config.model.options,
        vocabulary_size=len(prepared.reader.vocabulary),
        num_classes=len(labels),
    )
    facts = _load_vectors(config, prepared, model)
    model.to(device)
    precision = config.train.precision
    autocast = None if precision == "float32" else getattr(torch, precision)
    if precision == "bfloat16" and device.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise UserError("train.precision=bfloat16: this device lacks it; use float16 or float32")
    if precision == "float16" and device.type != "cuda":
        raise UserError("train.precision=float16 needs a CUDA device; on a CPU use bfloat16")
    task = Classification(
        None if weights is None else torch.from_numpy(weights).to(device),
        config.train.label_smoothing,
        autocast,
    )
    optimizer = config.train.optimizer.module.Optimizer(
        ((name, p) for name, p in model.named_parameters() if p.requires_grad),
        config.train.optimizer.options,
    )
    network = Network(model, task)
    candidate = Predictor(config.model, network, prepared.reader, labels)
    settings = FitSettings(
        epochs=config.train.epochs,
        batch_size=config.train.batch_size,
        batch_tokens=config.train.batch_tokens,
        seed=config.seed,
        clip_norm=config.train.clip_norm,
        warmup_steps=config.train.warmup_steps,
        metric=prepared.metric,
        patience=config.train.patience,
        average=config.train.average,
        scales_loss=precision == "float16",
        checkpoint_seconds=config.train.checkpoint_seconds,
    )
    fit = Fit(
        model,
        task,
        ragged=prepared.train_texts.ragged,
        labels=prepared.train.labels,
        validate=(
            (lambda: score(candidate, prepared.val_texts, prepared.val.labels)[0])
            if len(prepared.val)
            else None
        ),
        optimizer=optimizer,
        schedule=lambda epoch, history: config.train.schedule.module.factor(
            config.train.schedule.options, epoch, config.train.epochs, history
        ),
        settings=settings,
        run=run,
        watcher=watcher,
        stop_requested=stop_requested,
    )
    state = fit.run_to_end()
    facts |= {
        "metric": prepared.metric,
        "kernel": compiled.name() if compiled.serves(next(model.parameters())) else "torch",
        "epochs": state.epoch,
        "best_epoch": state.best_epoch,
        "steps": state.step,
        "earlier_seconds": fit.earlier_seconds,
        "train_seconds": round(sum(row["train_seconds"] for row in state.timings), 3),
        "best": state.rows[state.best_epoch - 1],
    }
    return network, facts


def _load_vectors(config: Config, prepared: Prepared, model: Any) -> dict[str, Any]:
    """Put pretrained vectors into the embedding; return what share of the vocabulary's words, and
    of their occurrences in the training part, has one."""
    settings = config.model.options.embedding
    if settings.vectors is None:
        return {}
    import torch

    from rnnlab.data.vector_origin import misfits
    from rnnlab.data.vectors import coverage, locate_vectors, read_vectors

    vocabulary = prepared.reader.vocabulary
    path = locate_vectors(settings.vectors)
    dataset = prepared.dataset
    tokenizer = description(dataset.tokenizer, dataset.learned)
    for line in misfits(path, tokenizer, dataset.held_out):
        log.warning("warning: %s", line)
    vectors = read_vectors(path, vocabulary.index, dim=settings.dim)
    rows = [vocabulary.index[word] for word in vectors.words]
    with torch.no_grad():
        model.embedding.weight[rows] = torch.from_numpy(vectors.values)
    counts = np.bincount(prepared.train_texts.ragged.tokens, minlength=len(vocabulary))
    occurrences = dict(zip(vocabulary.words, counts.tolist(), strict=True))
    for special in words.SPECIAL:
        del occurrences[special]
    found = coverage(vectors.words, occurrences)
    facts = {"types": round(found.types, 4), "tokens": round(found.tokens, 4)}
    log.info("vectors cover %.1f %% of the known training tokens", 100 * found.tokens)
    return {"vectors_coverage": facts}


def with_resources(config: Config, threads: int, device: str) -> Config:
    """The config with threads and device as they will be used."""
    return config.model_copy(update={"threads": threads, "device": device})


def portable(config: Config) -> Config:
    """The config with paths that hold from any folder, as a run directory keeps it."""
    source, tracker = config.data.source, config.tracker
    if hasattr(source.options, "portable"):
        source = replace(source, options=source.options.portable())
        data = config.data.model_copy(update={"source": source})
        config = config.model_copy(update={"data": data})
    if tracker is not None and hasattr(tracker.options, "portable"):
        tracker = replace(tracker, options=tracker.options.portable())
        config = config.model_copy(update={"tracker": tracker})
    embedding = getattr(config.model.options, "embedding", None)
    if embedding is not None and embedding.vectors and Path(embedding.vectors).is_file():
        vectors = {"vectors": str(Path(embedding.vectors).absolute())}
        embedding = embedding.model_copy(update=vectors)
        options = config.model.options.model_copy(update={"embedding": embedding})
        config = config.model_copy(update={"model": replace(config.model, options=options)})
    return config
