"""From features to the probability of every word.

A head tells the summed nats of targets, never holding more than a slab of logits, and for few
features the log-probabilities of all words.

Legend: N predictions, D features, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor, nn

from rnnlab.nn.linear_cross_entropy import linear_cross_entropy


class Head(Protocol):
    """What every head can tell."""

    def nats(self, features_ND: Tensor, targets_N: Tensor) -> Tensor:
        """Summed -ln of the targets' probabilities, a scalar."""
        ...

    def log_probabilities(self, features_ND: Tensor) -> Tensor:
        """ln of the probability of every word, float[N, V]."""
        ...


class LinearHead(nn.Linear):
    """A linear layer and a softmax over all words."""

    def nats(self, features_ND: Tensor, targets_N: Tensor) -> Tensor:
        """Summed nats of the targets."""
        return linear_cross_entropy(features_ND, self.weight, self.bias, targets_N)

    def log_probabilities(self, features_ND: Tensor) -> Tensor:
        """ln of the probability of every word, float[N, V]."""
        return torch.log_softmax(self(features_ND), dim=-1)


class TiedHead(nn.Module):
    """A linear layer whose matrix is the embedding's, with a bias of its own that begins at zero.

    Source: Press & Wolf 2017 (arXiv:1608.05859); Inan et al. 2017 (arXiv:1611.01462).

    Args:
        embedding: of V words, D wide. It alone owns the matrix, which is trained, counted and
            saved once.
    """

    def __init__(self, embedding: nn.Embedding) -> None:
        super().__init__()
        self._embedding = (embedding,)  # in a tuple it is no part of this module
        self.bias = nn.Parameter(torch.zeros(embedding.num_embeddings))

    @property
    def weight(self) -> Tensor:
        """The embedding's matrix [V, D]."""
        return self._embedding[0].weight

    def forward(self, features_ND: Tensor) -> Tensor:
        """Logits float[N, V]."""
        return nn.functional.linear(features_ND, self.weight, self.bias)

    def nats(self, features_ND: Tensor, targets_N: Tensor) -> Tensor:
        """Summed nats of the targets."""
        return linear_cross_entropy(features_ND, self.weight, self.bias, targets_N)

    def log_probabilities(self, features_ND: Tensor) -> Tensor:
        """ln of the probability of every word, float[N, V]."""
        return torch.log_softmax(self(features_ND), dim=-1)


class AdaptiveHead(nn.AdaptiveLogSoftmaxWithLoss):
    """A softmax over the frequent words and clusters of the others, and one within each cluster.

    Probabilities are exact and sum to 1; a cluster is computed for its own targets alone, from
    narrower features. Source: Grave et al. 2017 (arXiv:1609.04309); parameters as torch has them.

    Args:
        width: D.
        vocabulary_size: V; entries stand in order of frequency.
        cutoffs: entries up to the first are frequent; each further one, and V, ends a cluster.
        divide_by: cluster i (from 1) reads D / divide_by^i features.
    """

    def __init__(
        self, width: int, vocabulary_size: int, cutoffs: Sequence[int], divide_by: float
    ) -> None:
        super().__init__(width, vocabulary_size, cutoffs, div_value=divide_by, head_bias=True)

    def nats(self, features_ND: Tensor, targets_N: Tensor) -> Tensor:
        """Summed nats of the targets."""
        choices_N = targets_N.clone()  # a frequent word, or a cluster
        total = features_ND.new_zeros(())
        for number, (first, end) in enumerate(pairwise(self.cutoffs)):
            is_inside_N = (targets_N >= first) & (targets_N < end)
            choices_N[is_inside_N] = self.shortlist_size + number
            narrow, words = self.tail[number]  # type: ignore[misc]
            total = total + linear_cross_entropy(
                narrow(features_ND[is_inside_N]),
                words.weight,
                words.weight.new_zeros(end - first),
                targets_N[is_inside_N] - first,
            )
        return total + linear_cross_entropy(
            features_ND, self.head.weight, self.head.bias, choices_N
        )

    def log_probabilities(self, features_ND: Tensor) -> Tensor:
        """ln of the probability of every word, float[N, V]."""
        return self.log_prob(features_ND)
