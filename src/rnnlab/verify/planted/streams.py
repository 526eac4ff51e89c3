"""Bugs of language models: what is carried, what is counted, what is predicted."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from rnnlab.models.language_model import LanguageModel
from rnnlab.tasks.language_modeling import LanguageModeling, StreamFeed, Window
from rnnlab.verify.planted import Bug

_PRESET = "ptb-gru-dropout"


def _keeps_the_graph(loss_sum: Any) -> Any:
    """The carried state is not detached."""

    def planted(self: LanguageModeling, model: Any, batch: Window) -> Any:
        states = []
        read = model.read

        def recording(*window: Any) -> Any:
            reading = read(*window)
            states.append(reading.state)
            return reading

        model.read = recording
        try:
            loss = loss_sum(self, model, batch)
        finally:
            del model.read
        self.carried = states[-1]
        return loss

    return planted


def _starts_anew(read: Any) -> Any:
    """Every window begins with a state of zero."""
    return lambda self, tokens_BT, state: read(self, tokens_BT, None)


def _counts_padding(collate: Any) -> Any:
    """A short window is filled up, and what fills it counts as predicted."""

    def planted(self: StreamFeed, item: tuple[int, int]) -> Window:
        window = collate(self, item)
        missing = self._window - window.inputs.shape[1]
        return Window(*(F.pad(tokens, (0, missing)) for tokens in window))

    return planted


def _off_by_one(collate: Any) -> Any:
    """The target is the token that was just read."""

    def planted(self: StreamFeed, item: tuple[int, int]) -> Window:
        inputs = collate(self, item).inputs
        return Window(inputs, torch.clone(inputs))

    return planted


BUGS = [
    Bug(
        "state not detached",
        "carry",
        _PRESET,
        ((LanguageModeling, "loss_sum", _keeps_the_graph),),
    ),
    Bug("state not carried", "carry", _PRESET, ((LanguageModel, "read", _starts_anew),)),
    Bug("loss including padding", "padding", _PRESET, ((StreamFeed, "collate", _counts_padding),)),
    Bug("targets off by one", "metrics", _PRESET, ((StreamFeed, "collate", _off_by_one),)),
]
