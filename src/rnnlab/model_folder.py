"""The `model/` folder of a run: a trained model with all that it needs to read a text.

model.json            kind, settings, tokenizer, versions
vocabulary.json       words in index order
tokenizer.model       what the tokenizer learned, if it is one that learns
weights.safetensors   parameters
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from rnnlab.data import reader as reader_module
from rnnlab.data import tokenizing
from rnnlab.data.reader import TextReader
from rnnlab.data.vocabulary import Vocabulary
from rnnlab.exceptions import UserError
from rnnlab.files import read_json, sha256_file, write_bytes, write_json
from rnnlab.registry import MODELS, POOLINGS, TOKENIZERS, Component, Registry

log = logging.getLogger(__name__)

FORMAT = 1
_SETTINGS, _WORDS, _WEIGHTS = "model.json", "vocabulary.json", "weights.safetensors"
_LEARNED = "tokenizer.model"

Model = TypeVar("Model")


class Parts(NamedTuple):
    """A trained model taken apart.

    Attributes:
        settings: as in model.json.
        words: of the vocabulary, in index order.
        arrays: the parameters by name.
        learned: what the tokenizer learned; None where it learns nothing.
    """

    settings: dict[str, Any]
    words: tuple[str, ...]
    arrays: dict[str, npt.NDArray[np.generic]]
    learned: bytes | None


def reading_versions(kind: Component, tokenizer: Component) -> dict[str, int]:
    """Numerics versions of everything between a text and what a model says of it."""
    chosen = [kind, tokenizer]
    modules: dict[str, Any] = {"reader": reader_module}
    if kind.module.TRAINED:
        poolings = getattr(kind.options, "pooling", ())
        modules |= {f"pooling {name}": POOLINGS.load(name) for name in poolings}
        if kind.options.encoder is not None:
            from rnnlab.nn import recurrent

            modules["recurrent"] = recurrent
            chosen.append(kind.options.encoder.cell)
    modules |= {f"{item.registry.noun} {item.name}": item.module for item in chosen}
    return {name: module.VERSION for name, module in sorted(modules.items())}


def kind_of(parts: Parts, origin: str) -> Component:
    """The kind of model that the parts are of.

    Raises:
        UserError: they were written by another version; `origin` is named.
    """
    settings = parts.settings
    kind = _component(MODELS, settings["kind"], settings["options"])
    versions = reading_versions(kind, _tokenizer(settings))
    if (settings["format"], settings["versions"]) != (FORMAT, versions):
        raise UserError(
            f"{origin}: written by another version of rnnlab, whose numbers differ; "
            "use that version, or train again"
        )
    return kind


def reader_of(parts: Parts, special: tuple[str, str]) -> TextReader:
    """The reader that the parts describe.

    Raises:
        ValueError: the vocabulary does not begin with these special entries.
    """
    settings = parts.settings
    if parts.words[: len(special)] != special:
        raise ValueError(f"{_WORDS} is not a vocabulary")
    return TextReader(
        _tokenizer(settings),
        Vocabulary(parts.words),
        settings["max_tokens"],
        settings["truncation"],
        parts.learned,
    )


def reader_settings(reader: TextReader) -> dict[str, Any]:
    """What model.json says of a reader."""
    tokenizer = reader.tokenizer
    return {
        "tokenizer": tokenizer.name,
        "tokenizer_options": tokenizer.options.model_dump(mode="json"),
        "tokenizer_provenance": reader.provenance(),
        "max_tokens": reader.max_tokens,
        "truncation": reader.truncation,
    }


def save_parts(folder: Path, parts: Parts) -> None:
    """Write the model folder; the weights come first, the description last."""
    from safetensors.numpy import save

    contiguous = {name: np.ascontiguousarray(array) for name, array in parts.arrays.items()}
    write_bytes(folder / _WEIGHTS, save(contiguous))
    write_json(folder / _WORDS, parts.words)
    if parts.learned is not None:
        write_bytes(folder / _LEARNED, parts.learned)
    write_json(folder / _SETTINGS, parts.settings)


def load_model(folder: Path, build: Callable[[Parts, str], Model]) -> Model:
    """Read a model folder and build what is in it.

    Args:
        folder: of the model.
        build: makes the model from its parts, and the folder's name for messages.

    Raises:
        UserError: it is missing, damaged, or was written by a newer rnnlab; or the tokenizer's
            library is missing.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    for name in (_SETTINGS, _WORDS, _WEIGHTS):
        _require(folder, name)
    try:
        settings = read_json(folder / _SETTINGS)
        parts = Parts(
            settings,
            tuple(read_json(folder / _WORDS)),
            load_file(folder / _WEIGHTS),
            _learned(folder, settings),
        )
        return build(parts, str(folder))
    except (
        ValueError,
        KeyError,
        TypeError,
        IndexError,
        RuntimeError,
        SafetensorError,
    ) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{folder}: the model is damaged ({reason}); train it again") from error


def task_of(folder: Path) -> str:
    """The task of the model in a folder: "classification" or "language_modeling".

    Raises:
        UserError: there is none, or it is damaged.
    """
    _require(folder, _SETTINGS)
    try:
        return MODELS.load(read_json(folder / _SETTINGS)["kind"]).TASK
    except (ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{folder}: the model is damaged ({reason}); train it again") from error


def parameters_sha256(folder: Path) -> str:
    """SHA-256 of the parameters in a model folder.

    Raises:
        UserError: there are none.
    """
    _require(folder, _WEIGHTS)
    return sha256_file(folder / _WEIGHTS)


def load_network(model: Any, arrays: dict[str, npt.NDArray[np.generic]]) -> Any:
    """Give a network that was built without memory its parameters; nothing is trained any more."""
    import torch

    writable = {name: np.require(array, requirements="W") for name, array in arrays.items()}
    tensors = {name: torch.from_numpy(array) for name, array in writable.items()}
    model.load_state_dict(tensors, assign=True)
    return model.requires_grad_(False)


def _require(folder: Path, name: str) -> None:
    if not (folder / name).is_file():
        raise UserError(
            f"{folder}: no trained model here (no {name}); "
            "finish the run with `rnnlab train --resume RUN`"
        )


def _learned(folder: Path, settings: dict[str, Any]) -> bytes | None:
    """What the tokenizer learned, checked against what the model was saved with."""
    saved = dict(settings.get("tokenizer_provenance", {}))
    tokenizer = _tokenizer(settings)
    path = folder / _LEARNED
    learned = None
    if tokenizing.learns(tokenizer):
        if not path.is_file():
            raise UserError(f"{folder}: no trained model here (no {path.name}); train it again")
        learned = path.read_bytes()
    here = tokenizing.provenance(tokenizer, learned)
    if here.get("learned") != saved.get("learned"):
        raise UserError(f"{path}: not the file that was saved with the model; train it again")
    for library in here.keys() & saved.keys():
        if here[library] != saved[library]:
            log.warning(
                "warning: the model was trained with %s %s, here is %s: tokens may differ",
                *(library, saved[library], here[library]),
            )
    return learned


def _tokenizer(settings: dict[str, Any]) -> Component:
    return _component(TOKENIZERS, settings["tokenizer"], settings["tokenizer_options"])


def _component(registry: Registry, name: str, options: Any) -> Component:
    return Component(registry, name, registry.load(name).Options.model_validate(options))
