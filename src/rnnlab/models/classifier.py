"""A text classifier: embedding, recurrent encoder (or none), pooling, linear head.

Legend: B batch, T time, D embedding width, F features after pooling, C outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnlab.data.vocabulary import UNKNOWN
from rnnlab.exceptions import UserError
from rnnlab.nn.embedding import Embedding
from rnnlab.nn.recurrent import Recurrent
from rnnlab.registry import POOLINGS

Activation = Literal["tanh", "relu", "sigmoid"]
_ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}


def num_outputs(num_classes: int) -> int:
    """Two classes share one logit, log(p1 / p0); more have one each."""
    return 1 if num_classes == 2 else num_classes


class Classifier(nn.Module):
    """From padded token numbers to logits.

    Args:
        embedding: of the vocabulary; row 0 is padding.
        encoder: recurrent layers, or None for a bag of embeddings.
        pooling: names of poolings, concatenated in this order.
        num_classes: labels.
        activation: applied to the pooled vector.
        head_hidden: width of a hidden layer before the outputs, or None.
        word_dropout: share of the training tokens that are read as the unknown word.
        embedding_dropout: on the embedded tokens.
        dropout: on the pooled vector, and on the hidden layer.
        read_padding: tokens to which every text is padded, all of which are then read as words; for
            teaching what a missing mask does. None to read the text alone.
    """

    def __init__(
        self,
        embedding: Embedding,
        encoder: Recurrent | None,
        *,
        pooling: Sequence[str],
        num_classes: int,
        activation: Activation | None = None,
        head_hidden: int | None = None,
        word_dropout: float = 0.0,
        embedding_dropout: float = 0.0,
        dropout: float = 0.0,
        read_padding: int | None = None,
    ) -> None:
        super().__init__()
        self.embedding, self.encoder = embedding, encoder
        size = embedding.embedding_dim if encoder is None else encoder.output_size
        modules = [POOLINGS.load(name) for name in pooling]
        for name, module in zip(pooling, modules, strict=True):
            if encoder is None and module.NEEDS_ENCODER:
                raise UserError(
                    f"model.pooling '{name}' reads the encoder's final state, and model.encoder is "
                    "null; choose mean or max, or give an encoder"
                )
        self._is_mean_of_words = encoder is None and list(pooling) == ["mean"]
        self.pooling = nn.ModuleList(module.build(size) for module in modules)
        self.activation, self.read_padding = activation, read_padding
        self.word_dropout = word_dropout
        self.embedding_dropout = nn.Dropout(embedding_dropout)
        self.dropout = nn.Dropout(dropout)
        width = size * len(modules)
        self.hidden = None if head_hidden is None else nn.Linear(width, head_hidden)
        self.head = nn.Linear(head_hidden or width, num_outputs(num_classes))

    def forward(self, tokens_BT: Tensor, lengths_B: Tensor) -> Tensor:
        """Return logits float[B, C], C = 1 for two classes."""
        mask_BT = torch.arange(tokens_BT.shape[1], device=lengths_B.device) < lengths_B.unsqueeze(1)
        if self.training and self.word_dropout:
            dropped_BT = torch.rand(tokens_BT.shape, device=tokens_BT.device) < self.word_dropout
            tokens_BT = tokens_BT.masked_fill(dropped_BT & mask_BT, UNKNOWN)
        if self.read_padding is not None:
            tokens_BT = F.pad(tokens_BT, (0, max(0, self.read_padding - tokens_BT.shape[1])))
            mask_BT = torch.ones_like(tokens_BT, dtype=torch.bool)
            lengths_B = torch.full_like(lengths_B, tokens_BT.shape[1])
        if self._can_average():
            features_BF = self.embedding.mean(tokens_BT, lengths_B)
        else:
            outputs = self.embedding_dropout(self.embedding(tokens_BT))
            final = outputs.new_zeros(())
            if self.encoder is not None:
                outputs, final, _ = self.encoder(outputs, lengths_B)
            pooled = [pool(outputs, final, mask_BT) for pool in self.pooling]
            features_BF = torch.cat(pooled, dim=-1)
        if self.activation is not None:
            features_BF = _ACTIVATIONS[self.activation](features_BF)
        features_BF = self.dropout(features_BF)
        if self.hidden is not None:
            features_BF = self.dropout(torch.relu(self.hidden(features_BF)))
        return self.head(features_BF)

    def _can_average(self) -> bool:
        """Whether the mean of word vectors is all that is asked for, and has a faster form."""
        drops = self.training and self.embedding_dropout.p > 0
        return self._is_mean_of_words and not drops and self.embedding.has_mean


def probabilities(logits_BC: Tensor) -> Tensor:
    """Return float32[B, classes] from logits; two classes share one logit."""
    logits_BC = logits_BC.float()
    if logits_BC.shape[1] == 1:
        return torch.cat([torch.sigmoid(-logits_BC), torch.sigmoid(logits_BC)], dim=1)
    return torch.softmax(logits_BC, dim=1)
