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
from rnnlab.nn.embedding import Embedding, Words
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
        if self.training and self.word_dropout:
            dropped_BT = torch.rand(tokens_BT.shape, device=tokens_BT.device) < self.word_dropout
            dropped_BT &= _is_token(tokens_BT, lengths_B)
            tokens_BT = tokens_BT.masked_fill(dropped_BT, UNKNOWN)
        if self.read_padding is not None:
            tokens_BT = F.pad(tokens_BT, (0, max(0, self.read_padding - tokens_BT.shape[1])))
            lengths_B = torch.full_like(lengths_B, tokens_BT.shape[1])
        if self._can_average():
            return self._classify(self.embedding.mean(tokens_BT, lengths_B))
        if self.encoder is None or self._drops_values:
            inputs: Tensor | Words = self.embedding_dropout(self.embedding(tokens_BT))
        else:
            inputs = self.embedding.words(tokens_BT)
        return self._read(inputs, tokens_BT, lengths_B)

    def read_vectors(self, vectors_BTD: Tensor, lengths_B: Tensor) -> Tensor:
        """Return logits float[B, C] of texts whose words are given as vectors."""
        return self._read(vectors_BTD, vectors_BTD, lengths_B)

    def _read(self, inputs: Tensor | Words, rows_BT: Tensor, lengths_B: Tensor) -> Tensor:
        outputs_BTH, final_BH = self._encode(inputs, lengths_B)
        mask_BT = _is_token(rows_BT, lengths_B)
        pooled = [pool(outputs_BTH, final_BH, mask_BT) for pool in self.pooling]
        return self._classify(torch.cat(pooled, dim=-1))

    def attention(self, tokens_BT: Tensor, lengths_B: Tensor) -> list[Tensor]:
        """Return float[B, T] for each pooling that weighs tokens: zero at padding, sum 1."""
        vectors_BTD = self.embedding(tokens_BT)
        outputs_BTH, final_BH = self._encode(vectors_BTD, lengths_B)
        mask_BT = _is_token(vectors_BTD, lengths_B)
        weighing = [pool for pool in self.pooling if hasattr(pool, "weights")]
        return [pool.weights(outputs_BTH, final_BH, mask_BT) for pool in weighing]  # type: ignore[operator]

    def _encode(self, inputs: Tensor | Words, lengths_B: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs and final state; without an encoder the vectors, and nothing."""
        if self.encoder is None:
            assert isinstance(inputs, Tensor)
            return inputs, inputs.new_zeros(())
        outputs_BTH, final_BH, _ = self.encoder(inputs, lengths_B)
        return outputs_BTH, final_BH

    def _classify(self, features_BF: Tensor) -> Tensor:
        if self.activation is not None:
            features_BF = _ACTIVATIONS[self.activation](features_BF)
        features_BF = self.dropout(features_BF)
        if self.hidden is not None:
            features_BF = self.dropout(torch.relu(self.hidden(features_BF)))
        return self.head(features_BF)

    @property
    def is_linear_in_words(self) -> bool:
        """Whether the logits are a sum over the words: their mean and one linear layer."""
        return self._is_mean_of_words and self.activation is None and self.hidden is None

    def _can_average(self) -> bool:
        """Whether the mean of word vectors is all that is asked for, and has a faster form."""
        return self._is_mean_of_words and not self._drops_values and self.embedding.has_mean

    @property
    def _drops_values(self) -> bool:
        """Whether a word's vector differs from place to place."""
        return self.training and self.embedding_dropout.p > 0


def _is_token(rows_BT: Tensor, lengths_B: Tensor) -> Tensor:
    """bool[B, T]: false at padding."""
    return torch.arange(rows_BT.shape[1], device=lengths_B.device) < lengths_B.unsqueeze(1)


def probabilities(logits_BC: Tensor) -> Tensor:
    """Return float32[B, classes] from logits; two classes share one logit."""
    logits_BC = logits_BC.float()
    if logits_BC.shape[1] == 1:
        return torch.cat([torch.sigmoid(-logits_BC), torch.sigmoid(logits_BC)], dim=1)
    return torch.softmax(logits_BC, dim=1)
