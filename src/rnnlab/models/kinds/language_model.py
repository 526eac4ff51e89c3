"""Embedding → recurrent layers → softmax over the vocabulary: tells the next word of a stream."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field, PositiveFloat, PositiveInt, model_validator
from torch import nn

from rnnlab import options
from rnnlab.exceptions import UserError
from rnnlab.models.kinds._recurrent import Probability, RecurrentOptions, build_recurrent
from rnnlab.models.language_model import Dropouts, LanguageModel
from rnnlab.nn.dropout import Dropout
from rnnlab.nn.embedding import Embedding
from rnnlab.nn.heads import AdaptiveHead, Head, LinearHead, TiedHead

SUMMARY = "embedding, recurrent layers, softmax over the vocabulary: the next word of a stream"
VERSION = 1
TASK = "language_modeling"
TRAINED = True

_TIED_RANGE = 0.1


class EmbeddingOptions(options.Options):
    """The embedding.

    Attributes:
        dim: width.
        type_dropout: share of the vocabulary's words whose vectors are dropped from a window,
            wherever they stand in it.
        dropout: on its outputs.
        locked: one mask of `dropout` per column for all steps of a window.
        initial_range: a, where vectors are drawn from U(-a, a); None for torch's usual N(0, 1), or
            for 0.1 where `tied`.
    """

    dim: PositiveInt = 200
    type_dropout: Probability = 0.0
    dropout: Probability = 0.0
    locked: bool = False
    initial_range: PositiveFloat | None = None


class EncoderOptions(RecurrentOptions):
    """Recurrent layers in one direction.

    Attributes:
        last_hidden: state width of the last layer; None for `hidden`.
    """

    last_hidden: PositiveInt | None = None

    @model_validator(mode="after")
    def _last_layer_is_not_the_only_one(self) -> EncoderOptions:
        if self.last_hidden is not None and self.layers == 1:
            raise ValueError("last_hidden is of the last of several layers; set hidden instead")
        return self

    @property
    def width(self) -> int:
        """State width of the last layer."""
        return self.last_hidden or self.hidden


class AdaptiveOptions(options.Options):
    """Adaptive softmax.

    Attributes:
        cutoffs: how many of the most frequent words have outputs of their own; then where each
            cluster of less frequent words but the last ends, as in [2000, 6000].
        divide_by: the first cluster's features are so many times narrower, the next one's again.
    """

    cutoffs: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
    divide_by: Annotated[float, Field(ge=1)] = 4.0

    @model_validator(mode="after")
    def _cutoffs_rise(self) -> AdaptiveOptions:
        if list(self.cutoffs) != sorted(set(self.cutoffs)):
            raise ValueError(f"cutoffs must rise, and {list(self.cutoffs)} do not")
        return self


class Options(options.Options):
    """The language model.

    Attributes:
        embedding: of the tokens.
        encoder: recurrent layers in one direction.
        tied: the embedding's matrix is also that of the softmax; where the last layer has another
            width, a learned projection leads to it.
        adaptive: softmax over clusters of words, for large vocabularies; None for a full one.
        dropout: on the top layer's outputs.
        locked: one mask of `dropout` per column for all steps of a window.
        initial_range: a, where every parameter is drawn from U(-a, a); None for torch's usual
            initial values of each layer.
    """

    embedding: EmbeddingOptions = EmbeddingOptions()
    encoder: EncoderOptions = EncoderOptions(hidden=200, layers=2)
    tied: bool = False
    adaptive: AdaptiveOptions | None = None
    dropout: Probability = 0.0
    locked: bool = False
    initial_range: PositiveFloat | None = None

    @model_validator(mode="after")
    def _parts_fit(self) -> Options:
        if self.initial_range is not None and self.embedding.initial_range is not None:
            raise ValueError(
                "initial_range is of every parameter, embedding.initial_range of the embedding; "
                "leave one out"
            )
        if self.adaptive is None:
            return self
        if self.tied:
            raise ValueError("tied needs a full softmax; leave out tied or adaptive")
        clusters = len(self.adaptive.cutoffs)
        if self.encoder.width < self.adaptive.divide_by**clusters:
            raise ValueError(
                f"adaptive.divide_by={self.adaptive.divide_by:g} leaves no features of "
                f"{self.encoder.width} for cluster {clusters}; lower it, or give fewer cutoffs"
            )
        return self


def build(options: Options, *, vocabulary_size: int) -> LanguageModel:
    """Build the network with random weights drawn from torch's global generator.

    Raises:
        UserError: a cutoff of the adaptive softmax is beyond the vocabulary.
    """
    encoder, dim = options.encoder, options.embedding.dim
    embedding = Embedding(vocabulary_size, dim)
    has_top = encoder.last_hidden is not None
    lower = encoder.model_copy(update={"layers": encoder.layers - has_top})
    upper = encoder.model_copy(update={"layers": 1, "hidden": encoder.width})
    model = LanguageModel(
        embedding,
        build_recurrent(lower, input_size=dim),
        top=build_recurrent(upper, input_size=encoder.hidden) if has_top else None,
        projection=_projection(options),
        head=_head(options, embedding),
        dropouts=Dropouts(
            inputs=Dropout(options.embedding.dropout, locked=options.embedding.locked),
            between=Dropout(encoder.dropout, locked=encoder.locked),
            outputs=Dropout(options.dropout, locked=options.locked),
            types=options.embedding.type_dropout,
        ),
    )
    _draw(model, options)
    return model


def _projection(options: Options) -> nn.Linear | None:
    """From the last layer to a tied matrix of another width. A bias of its own would add nothing
    to that of the softmax."""
    width, dim = options.encoder.width, options.embedding.dim
    return nn.Linear(width, dim, bias=False) if options.tied and width != dim else None


def _head(options: Options, embedding: Embedding) -> Head:
    if options.tied:
        return TiedHead(embedding)
    width, vocabulary_size = options.encoder.width, embedding.num_embeddings
    if options.adaptive is None:
        return LinearHead(width, vocabulary_size)
    if (last := options.adaptive.cutoffs[-1]) >= vocabulary_size:
        raise UserError(
            f"model.adaptive.cutoffs: {last} is not below the vocabulary's size, "
            f"{vocabulary_size:,}; lower it"
        )
    cutoffs, divide_by = options.adaptive.cutoffs, options.adaptive.divide_by
    return AdaptiveHead(width, vocabulary_size, cutoffs, divide_by)


@torch.no_grad()
def _draw(model: LanguageModel, options: Options) -> None:
    """Draw initial values where other than torch's usual ones are asked for."""
    if options.initial_range is not None:
        for parameter in model.parameters():
            parameter.uniform_(-options.initial_range, options.initial_range)
        return
    bound = options.embedding.initial_range or (_TIED_RANGE if options.tied else None)
    if bound is not None:
        model.embedding.weight.uniform_(-bound, bound)
