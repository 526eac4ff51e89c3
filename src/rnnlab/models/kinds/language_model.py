"""Embedding → recurrent layers → linear over the vocabulary: tells the next word of a stream."""

from __future__ import annotations

import torch
from pydantic import PositiveFloat, PositiveInt

from rnnlab import options
from rnnlab.models.kinds._recurrent import Probability, RecurrentOptions, build_recurrent
from rnnlab.models.language_model import LanguageModel
from rnnlab.nn.embedding import Embedding

SUMMARY = "embedding, recurrent layers, linear over the vocabulary: the next word of a stream"
VERSION = 1
TASK = "language_modeling"
TRAINED = True


class EmbeddingOptions(options.Options):
    """The embedding.

    Attributes:
        dim: width.
        dropout: on its outputs.
    """

    dim: PositiveInt = 200
    dropout: Probability = 0.0


class Options(options.Options):
    """The language model.

    Attributes:
        embedding: of the tokens.
        encoder: recurrent layers in one direction.
        dropout: on the top layer's outputs.
        initial_range: a, where every parameter is drawn from U(-a, a); None for torch's usual
            initial values of each layer.
    """

    embedding: EmbeddingOptions = EmbeddingOptions()
    encoder: RecurrentOptions = RecurrentOptions(hidden=200, layers=2)
    dropout: Probability = 0.0
    initial_range: PositiveFloat | None = None


def build(options: Options, *, vocabulary_size: int) -> LanguageModel:
    """Build the network with random weights drawn from torch's global generator."""
    dim = options.embedding.dim
    model = LanguageModel(
        Embedding(vocabulary_size, dim),
        build_recurrent(options.encoder, input_size=dim),
        input_dropout=options.embedding.dropout,
        output_dropout=options.dropout,
    )
    if options.initial_range is not None:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.uniform_(-options.initial_range, options.initial_range)
    return model
