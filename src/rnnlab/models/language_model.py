"""A language model: embedding, recurrent layers in one direction, a softmax over all words.

Legend: B columns, T steps of a window, N predictions, D embedding width, H state width, F width of
the features, V vocabulary.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from rnnlab.nn.cells import State
from rnnlab.nn.dropout import Dropout, TypeDropout
from rnnlab.nn.embedding import Embedding, Words
from rnnlab.nn.heads import Head, LinearHead
from rnnlab.nn.recurrent import Recurrent


class Dropouts(NamedTuple):
    """Where numbers are dropped in training.

    Attributes:
        inputs: of the embedded tokens.
        between: of what the layer on top reads, where there is one of another width.
        outputs: of the top layer's outputs.
        types: share of the vocabulary's words that are dropped from a window.
    """

    inputs: Dropout
    between: Dropout
    outputs: Dropout
    types: float


class Reading(NamedTuple):
    """What reading a window gives.

    Attributes:
        features: float[B, T, F], of which step t tells the token after token t.
        state: after the window, still part of its graph.
        outputs: of the top layer, float[B, T, H].
        dropped: the same after dropout.
    """

    features: Tensor
    state: State
    outputs: Tensor
    dropped: Tensor


class LanguageModel(nn.Module):
    """From a window of tokens to the features that the next tokens are read from.

    The logits are not formed here: `nats` reads them slab by slab.

    Args:
        embedding: of the vocabulary, without a padding row.
        encoder: recurrent layers in one direction.
        top: a further layer of another width, or None.
        projection: of the top layer's outputs to the features; None where they are the features.
        head: what reads the features; by default a linear layer.
        dropouts: where numbers are dropped; by default nowhere.
    """

    def __init__(
        self,
        embedding: Embedding,
        encoder: Recurrent,
        *,
        top: Recurrent | None = None,
        projection: nn.Linear | None = None,
        head: Head | None = None,
        dropouts: Dropouts | None = None,
    ) -> None:
        super().__init__()
        dropouts = dropouts or Dropouts(Dropout(), Dropout(), Dropout(), types=0.0)
        self.embedding, self.encoder, self.top = embedding, encoder, top
        self.type_dropout = TypeDropout(dropouts.types, embedding.num_embeddings)
        self.input_dropout, self.between = dropouts.inputs, dropouts.between
        self.output_dropout, self.projection = dropouts.outputs, projection
        self.head = head or LinearHead(encoder.output_size, embedding.num_embeddings)

    def forward(self, tokens_BT: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Read a window; return its features and the state after it, as in `read`."""
        reading = self.read(tokens_BT, state)
        return reading.features, reading.state

    def read(self, tokens_BT: Tensor, state: State | None) -> Reading:
        """Read a window.

        Args:
            tokens_BT: int64.
            state: that the window before left, float[layers, B, H] each; None for zero. Those of
                the layer on top come last.
        """
        outputs_BTH, after = self._recur(self._look_up(tokens_BT), state)
        dropped_BTH = self.output_dropout(outputs_BTH)
        features_BTF = dropped_BTH if self.projection is None else self.projection(dropped_BTH)
        return Reading(features_BTF, after, outputs_BTH, dropped_BTH)

    def nats(self, features_NF: Tensor, targets_N: Tensor) -> Tensor:
        """Summed -ln of the probabilities of the targets that follow the features, a scalar."""
        return self.head.nats(features_NF, targets_N)

    def log_probabilities(self, features_NF: Tensor) -> Tensor:
        """ln of the probability of every word after each of the features, float[N, V]."""
        return self.head.log_probabilities(features_NF)

    def _look_up(self, tokens_BT: Tensor) -> Tensor | Words:
        """The encoder's inputs."""
        if not self.training or not (self.type_dropout.share or self.input_dropout.share):
            return self.embedding.words(tokens_BT)
        return self.input_dropout(self.type_dropout(self.embedding(tokens_BT), tokens_BT))

    def _recur(self, inputs: Tensor | Words, state: State | None) -> tuple[Tensor, State]:
        count = self.encoder.cell.STATES
        lower, upper = (None, None) if state is None else (state[:count], state[count:])
        outputs_BTH, _, after = self.encoder(inputs, None, lower)
        if self.top is None:
            return outputs_BTH, after
        outputs_BTH, _, top_after = self.top(self.between(outputs_BTH), None, upper)
        return outputs_BTH, (*after, *top_after)
