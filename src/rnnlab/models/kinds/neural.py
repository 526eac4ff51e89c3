"""Embedding → recurrent encoder (or none) → pooling → linear, trained by gradient steps."""

from __future__ import annotations

from typing import Any, Literal

import torch
from pydantic import PositiveFloat, PositiveInt, field_validator, model_validator

from rnnlab import options
from rnnlab.models.classifier import Classifier
from rnnlab.models.kinds._recurrent import Probability, RecurrentOptions, build_recurrent
from rnnlab.nn.embedding import Embedding
from rnnlab.registry import POOLINGS

SUMMARY = "embedding, recurrent encoder or none, pooling, linear head"
VERSION = 1
TASK = "classification"
TRAINED = True


class EmbeddingOptions(options.Options):
    """The embedding.

    Attributes:
        dim: width; must equal the vectors' where there are any.
        vectors: file of pretrained vectors (GloVe, word2vec, fastText's .vec), by path or by name
            in RNNLAB_DATA.
        frozen: do not train it.
        std: of the initial random values.
        word_dropout: share of the training tokens that are read as the unknown word; trains that
            word's vector and keeps the model from leaning on single words.
        dropout: on its outputs.
    """

    dim: PositiveInt = 100
    vectors: str | None = None
    frozen: bool = False
    std: PositiveFloat = 1.0
    word_dropout: Probability = 0.0
    dropout: Probability = 0.0


class EncoderOptions(RecurrentOptions):
    """The recurrent encoder.

    Attributes:
        bidirectional: run both directions.
    """

    bidirectional: bool = False


class Options(options.Options):
    """The classifier.

    Attributes:
        embedding: of the tokens.
        encoder: None for a bag of embeddings.
        pretrained: run of a language model, whose word vectors and layers this one begins with; a
            backward direction begins with random numbers.
        pooling: one or more, concatenated.
        activation: applied to the pooled vector.
        head_hidden: width of a hidden layer, relu, between the pooled vector and the outputs; None
            for none.
        dropout: on the pooled vector, and on the hidden layer.
        read_padding: for teaching alone: pad every text to so many tokens and read the padding like
            words, with a vector that is trained, as programs without a mask do; what follows the
            text then enters the final state. None, as it should be, reads the text alone.
    """

    embedding: EmbeddingOptions = EmbeddingOptions()
    encoder: EncoderOptions | None = EncoderOptions()
    pretrained: str | None = None
    pooling: tuple[str, ...] = ("final",)
    activation: Literal["tanh", "relu", "sigmoid"] | None = None
    head_hidden: PositiveInt | None = None
    dropout: Probability = 0.0
    read_padding: PositiveInt | None = None

    @field_validator("pooling", mode="before")
    @classmethod
    def _one_or_more(cls, value: Any) -> Any:
        names = (value,) if isinstance(value, str) else value
        if not isinstance(names, list | tuple) or not names:
            raise ValueError(f"choose one or more of {', '.join(POOLINGS.names)}")
        unknown = [name for name in names if name not in POOLINGS.names]
        if unknown:
            hint = options.nearest(str(unknown[0]), POOLINGS.names)
            raise ValueError(f"unknown pooling '{unknown[0]}'{hint}")
        return tuple(names)

    @model_validator(mode="after")
    def _begins_with_one(self) -> Options:
        if self.pretrained is None:
            return self
        if self.embedding.vectors is not None:
            raise ValueError("pretrained has word vectors of its own; leave out embedding.vectors")
        if self.encoder is None:
            raise ValueError("pretrained is of an encoder, and encoder is null; leave one out")
        return self


def build(options: Options, *, vocabulary_size: int, num_classes: int) -> Classifier:
    """Build the network with random weights drawn from torch's global generator."""
    dim = options.embedding.dim
    padding = 0 if options.read_padding is None else None
    embedding = Embedding(vocabulary_size, dim, padding_idx=padding)
    with torch.no_grad():
        embedding.weight.mul_(options.embedding.std)
    embedding.weight.requires_grad_(not options.embedding.frozen)
    encoder = options.encoder
    recurrent = encoder and build_recurrent(
        encoder, input_size=dim, bidirectional=encoder.bidirectional
    )
    return Classifier(
        embedding,
        recurrent,
        pooling=options.pooling,
        num_classes=num_classes,
        activation=options.activation,
        head_hidden=options.head_hidden,
        word_dropout=options.embedding.word_dropout,
        embedding_dropout=options.embedding.dropout,
        dropout=options.dropout,
        read_padding=options.read_padding,
    )
