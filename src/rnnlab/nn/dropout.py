"""Dropout of a window's vectors, and of whole words.

Legend: B sequences, T steps, D width, V vocabulary.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class Dropout(nn.Module):
    """Dropout of vectors; in training only.

    Args:
        share: of the numbers that become zero; the others grow by 1 / (1 - share).
        locked: one mask per sequence, for all its steps. Source: Gal & Ghahramani 2016
            (arXiv:1512.05287), section 4.
    """

    def __init__(self, share: float = 0.0, *, locked: bool = False) -> None:
        super().__init__()
        self.share, self.locked = share, locked

    def forward(self, x_BTD: Tensor) -> Tensor:
        """Drop numbers of float[B, T, D]."""
        if not self.locked or not self.training or not self.share:
            return F.dropout(x_BTD, self.share, self.training)
        return x_BTD * F.dropout(x_BTD.new_ones(len(x_BTD), 1, x_BTD.shape[2]), self.share)


class TypeDropout(nn.Module):
    """Dropout of whole words: wherever a dropped word stands in the batch, its vector is zero.

    Source: Gal & Ghahramani 2016, section 4.2; Merity et al. 2018 (arXiv:1708.02182), section 4.3.

    Args:
        share: of the vocabulary's words; the vectors of others grow by 1 / (1 - share).
        vocabulary_size: V.
    """

    def __init__(self, share: float, vocabulary_size: int) -> None:
        super().__init__()
        self.share, self.vocabulary_size = share, vocabulary_size

    def forward(self, vectors_BTD: Tensor, tokens_BT: Tensor) -> Tensor:
        """Drop the vectors of words, given which word each is of."""
        if not self.training or not self.share:
            return vectors_BTD
        mask_V = F.dropout(vectors_BTD.new_ones(self.vocabulary_size), self.share)
        return vectors_BTD * mask_V[tokens_BT].unsqueeze(-1)
