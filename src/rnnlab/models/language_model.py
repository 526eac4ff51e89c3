"""A language model: embedding, recurrent layers in one direction, a linear layer over all words.

Legend: B columns, T steps of a window, D embedding width, H state width, V vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rnnlab.nn.cells import State
from rnnlab.nn.embedding import Embedding
from rnnlab.nn.recurrent import Recurrent


class LanguageModel(nn.Module):
    """From a window of tokens to the features that the next tokens are read from.

    The logits are not formed here: `rnnlab.nn.linear_cross_entropy` reads `head` slab by slab.

    Args:
        embedding: of the vocabulary, without a padding row.
        encoder: recurrent layers in one direction.
        input_dropout: on the embedded tokens.
        output_dropout: on the top layer's outputs.
    """

    def __init__(
        self,
        embedding: Embedding,
        encoder: Recurrent,
        *,
        input_dropout: float = 0.0,
        output_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.embedding, self.encoder = embedding, encoder
        self.input_dropout = nn.Dropout(input_dropout)
        self.output_dropout = nn.Dropout(output_dropout)
        self.head = nn.Linear(encoder.output_size, embedding.num_embeddings)

    def forward(self, tokens_BT: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Read a window.

        Args:
            tokens_BT: int64.
            state: that the window before left, float[layers, B, H] each; None for zero.

        Returns:
            Features float[B, T, H], of which step t tells the token after token t, and the state
            after the window, still part of its graph.
        """
        inputs_BTD = self.input_dropout(self.embedding(tokens_BT))
        outputs_BTH, _, after = self.encoder(inputs_BTD, None, state)
        return self.output_dropout(outputs_BTH), after

    def log_probabilities(self, features_NH: Tensor) -> Tensor:
        """ln of the probability of every word after each of the features, float[N, V]."""
        return torch.log_softmax(self.head(features_NH), dim=-1)
