"""Batches put together by hand: alone, together, in another order, with more and other padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from rnnlab.tasks.classification import TextBatch

_LENGTHS = (40, 28, 17, 9, 3)
OUTLIER_FACTOR = 10


class Example(NamedTuple):
    """A text as a model reads it: int64[T] token numbers, and the number of its label."""

    tokens: Tensor
    label: int

    @property
    def name(self) -> str:
        """What it is called in tables."""
        length = len(self.tokens)
        return f"{length} token{'' if length == 1 else 's'}"


def take_examples(prepared: Any) -> list[Example]:
    """Five held-out texts, cut to different lengths where they are longer."""
    texts, split = (prepared.val_texts, prepared.val)
    if len(split) < len(_LENGTHS):
        texts, split = (prepared.train_texts, prepared.train)
    ragged = texts.ragged
    order = np.argsort(-ragged.lengths, kind="stable")
    places = np.linspace(0, len(order) - 1, len(_LENGTHS)).astype(int)
    examples = []
    for row, most in zip(order[places], _LENGTHS, strict=True):
        start, end = ragged.offsets[row], ragged.offsets[row + 1]
        tokens = torch.from_numpy(np.array(ragged.tokens[start : min(end, start + most)], np.int64))
        examples.append(Example(tokens, int(split.labels[row])))
    return examples


def outlier(examples: Sequence[Example]) -> Example:
    """A text of ten times the longest's length, made of all of them."""
    length = OUTLIER_FACTOR * max(len(example.tokens) for example in examples)
    words = torch.cat([example.tokens for example in examples])
    return Example(words.repeat(-(-length // len(words)))[:length], examples[0].label)


def batch_of(examples: Sequence[Example], *, extra: int = 0, fill: int | None = 0) -> TextBatch:
    """Pad examples to one length.

    Args:
        examples: in this order.
        extra: steps of padding beyond the longest.
        fill: what stands at padding; None for words of the other texts.
    """
    lengths = torch.tensor([len(example.tokens) for example in examples])
    width = int(lengths.max()) + extra
    tokens = torch.full((len(examples), width), 0 if fill is None else fill)
    if fill is None:
        words = torch.cat([example.tokens for example in examples])
        tokens = words.repeat(-(-tokens.numel() // len(words)))[: tokens.numel()].view_as(tokens)
        tokens = tokens.clone()
    for row, example in enumerate(examples):
        tokens[row, : len(example.tokens)] = example.tokens
    return TextBatch(tokens, lengths, torch.tensor([example.label for example in examples]))


def token_losses(model: Any, features: Tensor, targets: Tensor) -> Tensor:
    """Nats of each target [N] of a language model, from logits of all words; of an adaptive
    softmax from torch's log-probabilities."""
    from rnnlab.nn.heads import AdaptiveHead

    features_NF, targets_N = features.flatten(0, -2), targets.flatten()
    if isinstance(model.head, AdaptiveHead):
        return -model.head.log_prob(features_NF).gather(1, targets_N.unsqueeze(1))[:, 0]
    logits_NV = model.head(features_NF)
    return logits_NV.logsumexp(dim=1) - logits_NV.gather(1, targets_N.unsqueeze(1))[:, 0]


def losses(logits_BC: Tensor, labels_B: Tensor) -> Tensor:
    """Nats of each example, written down anew: -log of the label's probability."""
    if logits_BC.shape[1] == 1:
        sign_B = 2.0 * labels_B.to(logits_BC.dtype) - 1
        return F.softplus(-sign_B * logits_BC[:, 0])
    return logits_BC.logsumexp(dim=1) - logits_BC.gather(1, labels_B.unsqueeze(1))[:, 0]
