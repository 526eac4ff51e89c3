"""A trained language model with all that it needs to read a text: a `model/` folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnlab.data.reader import TextReader
from rnnlab.data.streams import SPECIAL, Stream, Tokens
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
from rnnlab.perplexity import StreamMetrics
from rnnlab.registry import Component


@dataclass(frozen=True)
class LanguagePredictor:
    """From a stream of tokens to its perplexity.

    Attributes:
        kind: the model, a component of `rnnlab.models.kinds`.
        model: the network, on its device.
        reader: tokenizer and vocabulary.
    """

    kind: Component
    model: Any
    reader: TextReader

    @property
    def num_parameters(self) -> int:
        """Of all layers, the embedding included."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    def score(self, stream: Stream, window: int | None = None) -> StreamMetrics:
        """Predict every token of a stream; see `rnnlab.tasks.language_modeling`.

        Args:
            stream: in this model's vocabulary.
            window: steps that are computed at a time; the result does not depend on it.
        """
        from rnnlab.tasks.language_modeling import EVALUATION_WINDOW, LanguageModeling

        return LanguageModeling().score(self.model, stream, window or EVALUATION_WINDOW)

    def surprisals(self, tokens: Tokens) -> npt.NDArray[np.float32]:
        """-ln of the probability of every token of a stream, in nats, float32[N]; the first context
        is the end of a text."""
        from rnnlab.tasks.language_modeling import surprisals

        return surprisals(self.model, tokens)

    def save(self, folder: Path) -> None:
        """Write the model folder."""
        settings = {
            "format": FORMAT,
            "kind": self.kind.name,
            "options": self.kind.options.model_dump(mode="json"),
            **reader_settings(self.reader),
            "versions": reading_versions(self.kind, self.reader.tokenizer),
        }
        state = self.model.state_dict()
        arrays = {name: tensor.detach().cpu().numpy() for name, tensor in state.items()}
        words, learned = self.reader.vocabulary.words, self.reader.learned
        save_parts(folder, Parts(settings, words, arrays, learned))

    @staticmethod
    def from_parts(parts: Parts, origin: str) -> LanguagePredictor:
        """Rebuild from parts, on the CPU.

        Raises:
            UserError: they are another kind of model, or were written by another version.
        """
        import torch

        kind = kind_of(parts, origin)
        if kind.module.TASK != "language_modeling":
            raise UserError(f"{origin}: a classifier, not a language model")
        reader = reader_of(parts, SPECIAL)
        with torch.device("meta"):
            model = kind.module.build(kind.options, vocabulary_size=len(parts.words))
        return LanguagePredictor(kind, load_network(model, parts.arrays), reader)

    @staticmethod
    def load(folder: Path) -> LanguagePredictor:
        """Read a model folder; the network runs on the CPU.

        Raises:
            UserError: see `rnnlab.model_folder.load_model`.
        """
        return load_model(folder, LanguagePredictor.from_parts)
