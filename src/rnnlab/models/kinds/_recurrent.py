"""Settings of recurrent layers, which several kinds of models have."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, PositiveInt

from rnnlab import options
from rnnlab.nn.recurrent import Recurrent
from rnnlab.registry import CELLS, component

Probability = Annotated[float, Field(ge=0, lt=1)]


class RecurrentOptions(options.Options):
    """Recurrent layers.

    Attributes:
        cell: with its own settings.
        hidden: state width per direction.
        layers: each reads the one below.
        dropout: between layers.
        locked: one dropout mask per sequence for all its tokens, instead of one per token.
        weight_drop: share of the recurrent matrices' weights that are dropped in each update.
    """

    cell: Annotated[Any, component(CELLS)] = "lstm"
    hidden: PositiveInt = 128
    layers: PositiveInt = 1
    dropout: Probability = 0.0
    locked: bool = False
    weight_drop: Probability = 0.0


def build_recurrent(
    options: RecurrentOptions, *, input_size: int, bidirectional: bool = False
) -> Recurrent:
    """Build the layers with random weights drawn from torch's global generator."""
    return Recurrent(
        options.cell.module,
        options.cell.options,
        input_size=input_size,
        hidden_size=options.hidden,
        num_layers=options.layers,
        bidirectional=bidirectional,
        dropout=options.dropout,
        locked=options.locked,
        weight_drop=options.weight_drop,
    )
