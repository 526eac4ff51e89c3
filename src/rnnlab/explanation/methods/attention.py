"""How a model with attention weighs the tokens: its own weights, shown as what they are.

Attention tells where a model looks, not for which label a token speaks. Source: Jain & Wallace 2019
(arXiv:1902.10186).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnlab.explanation.attribution import Attribution
from rnnlab.explanation.reading import Reading
from rnnlab.predictor import Network, Predictor

SUMMARY = "the weights of a model's attention"
RANK = 4


def refusal(predictor: Predictor) -> str:
    """Only a network whose pooling weighs tokens has attention, and not if it reads padding."""
    fitted = predictor.fitted
    if isinstance(fitted, Network) and any(hasattr(p, "weights") for p in fitted.model.pooling):
        reads_padding = fitted.model.read_padding is not None
        return "this model reads padding as if it were words" if reads_padding else ""
    return f"this model of kind '{predictor.kind.name}' has no attention"


def attribute(predictor: Predictor, reading: Reading, target: int) -> Attribution:
    """The weight of each token; the mean where there are several attentions."""
    import torch

    network: Any = predictor.fitted
    tokens_1T = torch.from_numpy(reading.numbers.astype(np.int64)).unsqueeze(0)
    with torch.inference_mode():
        network.model.eval()
        weights = network.model.attention(tokens_1T, torch.tensor([len(reading.numbers)]))
    mean_T = torch.stack([weight[0] for weight in weights]).mean(dim=0)
    several = f" This is the mean of {len(weights)} attentions." if len(weights) > 1 else ""
    return Attribution(
        mean_T.double().numpy(),
        quantity="attention weight",
        note=(
            "Where the model looks, with a sum of 1. A weight does not tell which label the token "
            "speaks for; a recurrent output also holds what its neighbours say." + several
        ),
        signed=False,
    )
