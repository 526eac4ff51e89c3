"""What a classifier begins with instead of random numbers: word vectors from a file, or the word
vectors and layers of a language model."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from rnnlab.config.schema import Config
from rnnlab.data import streams
from rnnlab.data import vocabulary as words
from rnnlab.data.dataset import Dataset
from rnnlab.data.memory import MemoryDataset
from rnnlab.data.ragged import Ragged
from rnnlab.data.reader import TextReader
from rnnlab.data.tokenizing import description
from rnnlab.exceptions import UserError
from rnnlab.model_folder import Parts, kind_of, load_model, reader_settings, task_of
from rnnlab.registry import Component
from rnnlab.train.rundir import RunDirectory, model_folder

log = logging.getLogger(__name__)


def begin(
    config: Config,
    model: Any,
    dataset: Dataset | MemoryDataset,
    reader: TextReader,
    train: Ragged,
) -> dict[str, Any]:
    """Put what the settings name into a network; return what share of the vocabulary's words, and
    of their occurrences in the training part, has a vector.

    Args:
        config: of the run.
        model: the network, with random numbers.
        dataset, reader: of the run.
        train: the encoded training part.

    Raises:
        UserError: there is no such file or run, or it does not fit the network.
    """
    if config.model.options.pretrained is not None:
        known = _from_language_model(config, model, dataset, reader)
    elif config.model.options.embedding.vectors is not None:
        known = _from_vectors(config, model, dataset, reader)
    else:
        return {}
    return {"vectors_coverage": _coverage(known, reader, train)}


def _from_vectors(
    config: Config, model: Any, dataset: Dataset | MemoryDataset, reader: TextReader
) -> Collection[str]:
    """Set the vectors of the words that a file has; return the words."""
    import torch

    from rnnlab.data.vector_origin import misfits
    from rnnlab.data.vectors import locate_vectors, read_vectors

    settings = config.model.options.embedding
    path = locate_vectors(settings.vectors)
    tokenizer = description(dataset.tokenizer, dataset.learned)
    for line in misfits(path, tokenizer, dataset.held_out):
        log.warning("warning: %s", line)
    index = reader.vocabulary.index
    vectors = read_vectors(path, index, dim=settings.dim)
    with torch.no_grad():
        rows = [index[word] for word in vectors.words]
        model.embedding.weight[rows] = torch.from_numpy(vectors.values)
    return vectors.words


def _from_language_model(
    config: Config, model: Any, dataset: Dataset | MemoryDataset, reader: TextReader
) -> Collection[str]:
    """Set the vectors of the words that a language model has, and the layers; return the words.

    Source: Dai & Le 2015, "Semi-supervised Sequence Learning" (arXiv:1511.01432).
    """
    import torch

    path = Path(config.model.options.pretrained).expanduser()
    kind, parts = _language_model(path)
    _check_shapes(config, kind.options, path)
    for line in _misfits(config, parts, dataset, reader, path):
        log.warning("warning: model.pretrained: %s", line)
    index = reader.vocabulary.index
    special = len(streams.SPECIAL)
    rows = {
        row: index[word] for row, word in enumerate(parts.words[special:], special) if word in index
    }
    shared = [parts.words[row] for row in rows]
    rows[streams.SPECIAL.index("<unk>")] = words.UNKNOWN
    with torch.no_grad():
        vectors = torch.from_numpy(parts.arrays["embedding.weight"])
        model.embedding.weight[list(rows.values())] = vectors[list(rows)]
        for name, parameter in model.encoder.named_parameters():
            if (array := parts.arrays.get(f"encoder.{name}")) is not None:
                parameter.copy_(torch.from_numpy(array))
    return shared


def _language_model(path: Path) -> tuple[Component, Parts]:
    folder = model_folder(path)
    if task_of(folder) != "language_modeling":
        raise UserError(
            f"model.pretrained: {path} is a classifier; name the run of a language model"
        )
    return load_model(folder, lambda parts, origin: (kind_of(parts, origin), parts))


def _check_shapes(config: Config, theirs: Any, path: Path) -> None:
    """Refuse a network into which the layers do not fit."""
    ours = config.model.options
    keys = {
        "model.embedding.dim": (ours.embedding.dim, theirs.embedding.dim),
        "model.encoder.cell": (_said(ours.encoder.cell), _said(theirs.encoder.cell)),
        "model.encoder.hidden": (ours.encoder.hidden, theirs.encoder.hidden),
        "model.encoder.layers": (ours.encoder.layers, theirs.encoder.layers),
    }
    for key, (own, other) in keys.items():
        if own != other:
            raise UserError(f"{key}={own} does not fit model.pretrained: {path} has {key}={other}")
    if theirs.encoder.last_hidden is not None:
        raise UserError(
            f"model.pretrained: {path} has a last layer of another width, which a classifier "
            "cannot have; train a language model without model.encoder.last_hidden"
        )
    if ours.encoder.bidirectional and ours.encoder.layers > 1:
        raise UserError(
            "model.encoder.bidirectional=true does not fit model.pretrained where there are "
            f"{ours.encoder.layers} layers: those above the first would read both directions, and "
            "the language model's read one; set it to false"
        )


def _said(cell: Component) -> str:
    """A cell with its settings."""
    options = cell.options.model_dump(mode="json")
    shown = ", ".join(f"{key}={value}" for key, value in options.items())
    return f"{cell.name} ({shown})" if shown else cell.name


def _misfits(
    config: Config, parts: Parts, dataset: Dataset | MemoryDataset, reader: TextReader, path: Path
) -> list[str]:
    """Say in one line each why a language model does not suit a run."""
    found = []
    own = reader_settings(reader)
    keys = ("tokenizer", "tokenizer_options", "tokenizer_provenance")
    if any(own[key] != parts.settings.get(key) for key in keys):
        found.append(f"{path} reads texts by another tokenizer, or by other settings of it")
    identity = RunDirectory(path).read().get("identity")
    if identity is not None and identity["data"] == dataset.content_hash:
        cut = identity["settings"]["data"].get("validation") or {}
        ours = config.data.validation.model_dump(mode="json")
        if any(ours[key] != value for key, value in cut.items()):
            found.append(
                f"{path} was trained with another validation part: it has read texts that this "
                "run validates on"
            )
    return found


def _coverage(known: Collection[str], reader: TextReader, train: Ragged) -> dict[str, float]:
    from rnnlab.data.vectors import coverage

    vocabulary = reader.vocabulary
    counts = np.bincount(train.tokens, minlength=len(vocabulary))
    occurrences = dict(zip(vocabulary.words, counts.tolist(), strict=True))
    for special in words.SPECIAL:
        del occurrences[special]
    found = coverage(known, occurrences)
    log.info("vectors cover %.1f %% of the known training tokens", 100 * found.tokens)
    return {"types": round(found.types, 4), "tokens": round(found.tokens, 4)}
