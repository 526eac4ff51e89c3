"""A trained classifier with all that it needs to read a text: a `model/` folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from rnnlab.data.ragged import Ragged
from rnnlab.data.reader import TextReader
from rnnlab.data.vocabulary import SPECIAL
from rnnlab.exceptions import UserError
from rnnlab.model_folder import (
    FORMAT,
    Parts,
    kind_of,
    load_model,
    load_network,
    reader_of,
    reader_settings,
    reading_versions,
    save_parts,
)
from rnnlab.registry import Component


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

    def word_weights(self) -> npt.NDArray[np.float32]:
        """What each word adds to each class's score where it is the whole text, float32[classes,
        words], of a model that is linear in its words.

        Of three classes and more, less their mean: what all scores share changes no probability.
        """
        weights = self.model.head.weight.detach() @ self.model.embedding.weight.detach().T
        weights = weights.cpu().numpy()
        if len(weights) == 1:
            return np.concatenate([-weights, weights])
        return weights - weights.mean(axis=0)

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
        """The words or n-grams that speak most for each label, with their weights, the largest
        first.

        A weight is what the n-gram adds to the label's score where it occurs once; for TF-IDF,
        before the text is scaled to length 1; for a mean of embeddings, where it is the whole text.
        Only positive weights are listed.

        Raises:
            UserError: the model is not linear in its words.
        """
        weights, term = self._linear_terms()
        tops = {}
        for label, row in zip(self.labels, weights, strict=True):
            columns = np.argsort(-row, kind="stable")[:count]
            tops[label] = [
                (term(column), float(weight))
                for column, weight in zip(columns.tolist(), row[columns], strict=True)
                if weight > 0
            ]
        return tops

    def _linear_terms(self) -> tuple[npt.NDArray[np.float32], Callable[[int], str]]:
        """Weights float32[classes, terms], and what the term in a column is."""
        from rnnlab.models.linear import LinearModel

        fitted, words = self.fitted, self.reader.vocabulary.words
        if isinstance(fitted, LinearModel):
            tokens = fitted.terms.tokens
            return fitted.term_weights(), lambda column: " ".join(words[i] for i in tokens(column))
        if isinstance(fitted, Network) and fitted.model.is_linear_in_words:
            return fitted.word_weights(), words.__getitem__
        raise UserError(
            f"this model of kind '{self.kind.name}' has no weight per word; nb, tfidf and a mean "
            "of embeddings have"
        )

    def parts(self) -> Parts:
        """All that `from_parts` needs, as plain values and arrays."""
        settings = {
            "format": FORMAT,
            "kind": self.kind.name,
            "options": self.kind.options.model_dump(mode="json"),
            "labels": self.labels,
            **reader_settings(self.reader),
            "text_column": self.text_column,
            "versions": reading_versions(self.kind, self.reader.tokenizer),
        }
        reader = self.reader
        return Parts(settings, reader.vocabulary.words, self.fitted.arrays(), reader.learned)

    @staticmethod
    def from_parts(parts: Parts, origin: str) -> Predictor:
        """Rebuild from `parts`; networks run on the CPU.

        Raises:
            UserError: they were written by another version; `origin` is named.
        """
        kind = kind_of(parts, origin)
        if kind.module.TASK != "classification":
            raise UserError(
                f"{origin}: a language model, which has no labels; `rnnlab evaluate` gives its "
                "perplexity"
            )
        settings, reader = parts.settings, reader_of(parts, SPECIAL)
        labels = tuple(settings["labels"])
        fitted = _rebuild(kind, parts.arrays, len(parts.words), len(labels))
        return Predictor(kind, fitted, reader, labels, settings["text_column"])

    def save(self, folder: Path) -> None:
        """Write the model folder; the weights come first, the description last."""
        save_parts(folder, self.parts())

    @staticmethod
    def load(folder: Path) -> Predictor:
        """Read a model folder; networks run on the CPU.

        Raises:
            UserError: see `rnnlab.model_folder.load_model`.
        """
        return load_model(folder, Predictor.from_parts)


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
    return Network(load_network(model, arrays), Classification())
