"""A trained model with all that it needs to read a text: the `model/` folder of a run.

model.json            kind, settings, labels, tokenizer, truncation
vocabulary.json       words in index order
tokenizer.model       what the tokenizer learned, if it is one that learns
weights.safetensors   parameters
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from rnnlab.data import reader as reader_module
from rnnlab.data import tokenizing
from rnnlab.data.ragged import Ragged
from rnnlab.data.reader import TextReader
from rnnlab.data.vocabulary import SPECIAL, Vocabulary
from rnnlab.exceptions import UserError
from rnnlab.files import read_json, sha256_file, write_bytes, write_json
from rnnlab.registry import MODELS, POOLINGS, TOKENIZERS, Component, Registry

log = logging.getLogger(__name__)

_FORMAT = 1
_SETTINGS, _WORDS, _WEIGHTS = "model.json", "vocabulary.json", "weights.safetensors"
_LEARNED = "tokenizer.model"


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
        tokens: of all texts.
        tokens_known: how many of those the model knows.
    """

    probabilities: npt.NDArray[np.float32]
    texts_cut: int
    texts_empty: int
    tokens: int
    tokens_known: int


class Tally:
    """Sums over chunks of texts that are predicted one after the other."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, result: Predictions) -> None:
        """Take in a chunk."""
        self._counts["texts"] += len(result.probabilities)
        for name in Predictions._fields[1:]:
            self._counts[name] += getattr(result, name)

    def facts(self) -> dict[str, float | int]:
        """`texts`, `texts_cut`, `texts_empty`, `tokens`, and their `coverage` by the model."""
        counts = {name: self._counts[name] for name in ("texts", *Predictions._fields[1:])}
        known = counts.pop("tokens_known")
        return {**counts, "coverage": known / max(counts["tokens"], 1)}


class Parts(NamedTuple):
    """A predictor taken apart.

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
            return Predictions(np.zeros((0, len(self.labels)), np.float32), 0, 0, 0, 0)
        encoded = self.reader.read(texts)
        probabilities = self.fitted.probabilities(encoded.ragged)
        return Predictions(
            probabilities, encoded.texts_cut, encoded.texts_empty, encoded.tokens, encoded.known
        )

    def top_words(self, count: int) -> dict[str, list[tuple[str, float]]]:
        """The n-grams that speak most for each label, with their weights, the largest first.

        A weight is what the n-gram adds to the label's score where it occurs once; for TF-IDF,
        before the text is scaled to length 1. Only positive weights are listed.

        Raises:
            UserError: the model is not linear in its words.
        """
        from rnnlab.models.linear import LinearModel

        if not isinstance(self.fitted, LinearModel):
            raise UserError(
                f"a model of kind '{self.kind.name}' has no weight per word; nb and tfidf have"
            )
        words = self.reader.vocabulary.words
        tops = {}
        for label, weights in zip(self.labels, self.fitted.term_weights(), strict=True):
            columns = np.argsort(-weights, kind="stable")[:count]
            tops[label] = [
                (" ".join(words[i] for i in self.fitted.terms.tokens(column)), float(weight))
                for column, weight in zip(columns.tolist(), weights[columns], strict=True)
                if weight > 0
            ]
        return tops

    def parts(self) -> Parts:
        """All that `from_parts` needs, as plain values and arrays."""
        tokenizer = self.reader.tokenizer
        settings = {
            "format": _FORMAT,
            "kind": self.kind.name,
            "options": self.kind.options.model_dump(mode="json"),
            "labels": self.labels,
            "tokenizer": tokenizer.name,
            "tokenizer_options": tokenizer.options.model_dump(mode="json"),
            "tokenizer_provenance": self.reader.provenance(),
            "max_tokens": self.reader.max_tokens,
            "truncation": self.reader.truncation,
            "text_column": self.text_column,
            "versions": reading_versions(self.kind, tokenizer),
        }
        reader = self.reader
        return Parts(settings, reader.vocabulary.words, self.fitted.arrays(), reader.learned)

    @staticmethod
    def from_parts(parts: Parts, origin: str) -> Predictor:
        """Rebuild from `parts`; networks run on the CPU.

        Raises:
            UserError: they were written by another version; `origin` is named.
        """
        settings, words, arrays, learned = parts
        kind = _component(MODELS, settings["kind"], settings["options"])
        tokenizer = _component(TOKENIZERS, settings["tokenizer"], settings["tokenizer_options"])
        versions = reading_versions(kind, tokenizer)
        if (settings["format"], settings["versions"]) != (_FORMAT, versions):
            raise UserError(
                f"{origin}: written by another version of rnnlab, whose numbers differ; "
                "use that version, or train again"
            )
        if words[: len(SPECIAL)] != SPECIAL:
            raise ValueError(f"{_WORDS} is not a vocabulary")
        reader = TextReader(
            tokenizer, Vocabulary(words), settings["max_tokens"], settings["truncation"], learned
        )
        labels = tuple(settings["labels"])
        fitted = _rebuild(kind, arrays, len(words), len(labels))
        return Predictor(kind, fitted, reader, labels, settings["text_column"])

    def save(self, folder: Path) -> None:
        """Write the model folder; the weights come first, the description last."""
        from safetensors.numpy import save

        settings, words, arrays, learned = self.parts()
        contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        write_bytes(folder / _WEIGHTS, save(contiguous))
        write_json(folder / _WORDS, words)
        if learned is not None:
            write_bytes(folder / _LEARNED, learned)
        write_json(folder / _SETTINGS, settings)

    @staticmethod
    def load(folder: Path) -> Predictor:
        """Read a model folder; networks run on the CPU.

        Raises:
            UserError: it is missing, damaged, or was written by a newer rnnlab; or the
                tokenizer's library is missing.
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
    provenance = settings.get("tokenizer_provenance", {})
    tokenizer = _component(TOKENIZERS, settings["tokenizer"], settings["tokenizer_options"])
    parts = Parts(
        settings,
        tuple(read_json(folder / _WORDS)),
        load_file(folder / _WEIGHTS),
        _learned(folder, tokenizer, provenance),
    )
    return Predictor.from_parts(parts, str(folder))


def _learned(folder: Path, tokenizer: Component, saved: dict[str, Any]) -> bytes | None:
    """What the tokenizer learned, checked against what the model was saved with."""
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
    writable = {name: np.require(array, requirements="W") for name, array in arrays.items()}
    tensors = {name: torch.from_numpy(array) for name, array in writable.items()}
    model.load_state_dict(tensors, assign=True)
    return Network(model.requires_grad_(False), Classification())
