"""Bugs between the data, a trained model and its answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from rnnlab.compose import classification as composition
from rnnlab.data.batching import evaluation_batches
from rnnlab.data.ragged import Ragged
from rnnlab.data.vocabulary import build_vocabulary
from rnnlab.models.classifier import Classifier
from rnnlab.tasks.classification import Classification
from rnnlab.verify.planted import Bug


def _sees_the_test_part(prepare: Any) -> Any:
    """The vocabulary is built from train and test."""

    def planted(config: Any, dataset: Any) -> Any:
        prepared = prepare(config, dataset)
        numbers: dict[str, int] = {}
        tokens, lengths = [], []
        for ragged, types in (dataset.ragged("train"), dataset.ragged("test")):
            table = np.array([numbers.setdefault(word, len(numbers)) for word in types], np.int32)
            tokens.append(table[ragged.tokens])
            lengths.append(ragged.lengths)
        both = Ragged.from_lengths(np.concatenate(tokens), np.concatenate(lengths))
        settings = config.data.vocabulary
        vocabulary = build_vocabulary(
            both, list(numbers), max_size=settings.max_size, min_count=settings.min_count
        )
        reader = replace(prepared.reader, vocabulary=vocabulary)
        return replace(
            prepared,
            reader=reader,
            train_texts=reader.encode(prepared.train.ragged, prepared.train.types),
            val_texts=reader.encode(prepared.val.ragged, prepared.val.types),
        )

    return planted


def _stays_in_training(evaluate: Any) -> Any:
    """Evaluation mode is never entered."""
    return lambda self: self.train()


def _leaves_them_sorted(probabilities: Any) -> Any:
    """Answers come by length, as they were computed."""

    def planted(self: Classification, model: Any, ragged: Ragged) -> Any:
        found = probabilities(self, model, ragged)
        batches = evaluation_batches(ragged.lengths, max_tokens=1 << 15)
        return found[np.concatenate(batches)]

    return planted


BUGS = [
    Bug(
        "vocabulary from test",
        "data",
        "table-gru",
        ((composition, "prepare", _sees_the_test_part),),
    ),
    Bug(
        "dropout on in evaluation",
        "round_trip",
        "table-gru",
        ((Classifier, "eval", _stays_in_training),),
    ),
    Bug(
        "predictions in sorted order",
        "round_trip",
        "compositional-gru",
        ((Classification, "probabilities", _leaves_them_sorted),),
    ),
]
