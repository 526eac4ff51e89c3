"""A trained model with all that it needs to read a text: the `model/` folder of a run.

model.json            kind, settings, labels, tokenizer, truncation
vocabulary.json       words in index order
weights.safetensors   parameters
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from rnnlab.data import reader as reader_module
from rnnlab.data.ragged import Ragged
from rnnlab.data.reader import TextReader
from rnnlab.data.vocabulary import SPECIAL, Vocabulary
from rnnlab.exceptions import UserError
from rnnlab.files import read_json, sha256_file, write_bytes, write_json
from rnnlab.registry import MODELS, POOLINGS, TOKENIZERS, Component, Registry

_FORMAT = 1
_SETTINGS, _WORDS, _WEIGHTS = "model.json", "vocabulary.json", "weights.safetensors"


def reading_versions(kind: Component, tokenizer: Component) -> dict[str, int]:
    """Numerics versions of everything between a text and its probabilities."""
    chosen = [kind, tokenizer]
    modules: dict[str, Any] = {"reader": reader_module}
    if kind.module.TRAINED:
        modules |= {f"pooling {name}": POOLINGS.load(name) for name in kind.options.pooling}
        if kind.options.encoder is not None:
            from rnnlab.nn import recurrent

            modules["recurrent"] = recurrent
            chosen.append(kind.options.encoder.cell)
    modules |= {f"{item.registry.noun} {item.name}": item.module for item in chosen}
    return {name: module.VERSION for name, module in sorted(modules.items())}


class Fitted(Protocol):
    """A model after training, whatever its kind.

    Attributes:
        num_parameters: numbers that training chose.
    """

    @property
    def num_parameters(self) -> int: ...

    def probabilities(self, ragged: Ragged) -> npt.NDArray[np.float32]:
        """Return float32[n, classes], rows in the order of the texts."""
        ...

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Its parameters by name."""
        ...


class Network:
    """A trained network as a fitted model.

    Args:
        model: the network, on its device.
        task: how it is read.
    """

    def __init__(self, model: Any, task: Any) -> None:
        self.model, self.task = model, task

    @property
    def num_parameters(self) -> int:
        """Of all layers, the embedding included."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    def probabilities(self, ragged: Ragged) -> npt.NDArray[np.float32]:
        """Return float32[n, classes]."""
        return self.task.probabilities(self.model, ragged)

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """The state dict as arrays."""
        return {name: t.detach().cpu().numpy() for name, t in self.model.state_dict().items()}


class Predictions(NamedTuple):
    """Results for texts, in their order.

    Attributes:
        probabilities: float32[n, classes].
        texts_cut: how many texts were longer than the model reads.
        texts_empty: how many texts had no token; they are read as one unknown word.
    """

    probabilities: npt.NDArray[np.float32]
    texts_cut: int
    texts_empty: int


@dataclass(frozen=True)
class Predictor:
    """From texts to label probabilities.

    Attributes:
        kind: the model, a component of `rnnlab.models.kinds`.
        fitted: its parameters.
        reader: from texts to token numbers.
        labels: names in the order of the probabilities' columns.
        text_column: of a table, unless another is named.
    """

    kind: Component
    fitted: Fitted
    reader: TextReader
    labels: tuple[str, ...]
    text_column: str = "text"

    @property
    def max_tokens(self) -> int | None:
        """Longer texts are cut; None for full length."""
        return self.reader.max_tokens

    def predict(self, texts: Sequence[str]) -> Predictions:
        """Classify texts; empty ones and those of any length too."""
        if not texts:
            return Predictions(np.zeros((0, len(self.labels)), np.float32), 0, 0)
        encoded = self.reader.read(texts)
        probabilities = self.fitted.probabilities(encoded.ragged)
        return Predictions(probabilities, encoded.texts_cut, encoded.texts_empty)

    def save(self, folder: Path) -> None:
        """Write the model folder; the weights come first, the description last."""
        from safetensors.numpy import save

        arrays = {name: np.ascontiguousarray(a) for name, a in self.fitted.arrays().items()}
        write_bytes(folder / _WEIGHTS, save(arrays))
        write_json(folder / _WORDS, self.reader.vocabulary.words)
        tokenizer = self.reader.tokenizer
        settings = {
            "format": _FORMAT,
            "kind": self.kind.name,
            "options": self.kind.options.model_dump(mode="json"),
            "labels": self.labels,
            "tokenizer": tokenizer.name,
            "tokenizer_options": tokenizer.options.model_dump(mode="json"),
            "max_tokens": self.reader.max_tokens,
            "truncation": self.reader.truncation,
            "text_column": self.text_column,
            "versions": reading_versions(self.kind, tokenizer),
        }
        write_json(folder / _SETTINGS, settings)

    @staticmethod
    def load(folder: Path) -> Predictor:
        """Read a model folder; networks run on the CPU.

        Raises:
            UserError: it is missing, damaged, or was written by a newer rnnlab.
        """
        from safetensors import SafetensorError

        for name in (_SETTINGS, _WORDS, _WEIGHTS):
            _require(folder, name)
        try:
            return _load(folder)
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


def parameters_sha256(folder: Path) -> str:
    """SHA-256 of the parameters in a model folder.

    Raises:
        UserError: there are none.
    """
    _require(folder, _WEIGHTS)
    return sha256_file(folder / _WEIGHTS)


def _require(folder: Path, name: str) -> None:
    if not (folder / name).is_file():
        raise UserError(
            f"{folder}: no trained model here (no {name}); "
            "finish the run with `rnnlab train --resume RUN`"
        )


def _load(folder: Path) -> Predictor:
    from safetensors.numpy import load_file

    settings = read_json(folder / _SETTINGS)
    kind = _component(MODELS, settings["kind"], settings["options"])
    tokenizer = _component(TOKENIZERS, settings["tokenizer"], settings["tokenizer_options"])
    if (settings["format"], settings["versions"]) != (_FORMAT, reading_versions(kind, tokenizer)):
        raise UserError(
            f"{folder}: written by another version of rnnlab, whose numbers differ; "
            "use that version, or train again"
        )
    vocabulary = Vocabulary(tuple(read_json(folder / _WORDS)))
    if vocabulary.words[: len(SPECIAL)] != SPECIAL:
        raise ValueError(f"{_WORDS} is not a vocabulary")
    reader = TextReader(tokenizer, vocabulary, settings["max_tokens"], settings["truncation"])
    labels = tuple(settings["labels"])
    arrays = load_file(folder / _WEIGHTS)
    fitted = _rebuild(kind, arrays, len(vocabulary), len(labels))
    return Predictor(kind, fitted, reader, labels, settings["text_column"])


def _component(registry: Registry, name: str, options: Any) -> Component:
    return Component(registry, name, registry.load(name).Options.model_validate(options))


def _rebuild(
    kind: Component,
    arrays: dict[str, npt.NDArray[np.generic]],
    vocabulary_size: int,
    num_classes: int,
) -> Fitted:
    if not kind.module.TRAINED:
        return kind.module.load(arrays)
    import torch

    from rnnlab.tasks.classification import Classification

    with torch.device("meta"):
        model = kind.module.build(
            kind.options, vocabulary_size=vocabulary_size, num_classes=num_classes
        )
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    model.load_state_dict(tensors, assign=True)
    return Network(model.requires_grad_(False), Classification())
