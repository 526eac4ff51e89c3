"""A temperature for the softmax of a language model: p(word)^b / sum of p^b, b = 1 / temperature.

It corrects a model that is surer of itself, or less, than it should be. Source: Guo et al. 2017,
"On Calibration of Modern Neural Networks" (arXiv:1706.04599), section 4.2.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from rnnlab.data.streams import Stream
from rnnlab.models.language_model import LanguageModel
from rnnlab.perplexity import StreamMetrics
from rnnlab.tasks.language_modeling import log_probabilities

_MOST_PASSES = 12
_PRECISION = 1e-5  # of b, relative


class _Sums(NamedTuple):
    """Nats of a stream and their first two derivatives with respect to b."""

    nats: float
    slope: float
    curvature: float


@torch.inference_mode()
def fit_temperature(model: LanguageModel, stream: Stream) -> float:
    """The temperature at which a stream is most probable.

    The nats are convex in b. Newton's method takes few passes over the stream, each of which
    computes the model anew, so that no features need be held.
    """
    inverse = 1.0
    for _ in range(_MOST_PASSES):
        sums = _sums(model, stream, inverse)
        step = sums.slope / sums.curvature if sums.curvature > 0 else 0.0
        proposed = inverse - max(-0.5 * inverse, min(step, 0.5 * inverse))
        close = abs(proposed - inverse) <= _PRECISION * inverse
        inverse = proposed
        if close:
            break
    return 1 / inverse


@torch.inference_mode()
def score_at_temperature(model: LanguageModel, stream: Stream, temperature: float) -> StreamMetrics:
    """Predict every token of a stream at a temperature; see `LanguageModeling.score`."""
    nats = _sums(model, stream, 1 / temperature).nats
    return StreamMetrics(nats, tokens=len(stream), unknown=stream.unknown)


def _sums(model: LanguageModel, stream: Stream, inverse: float) -> _Sums:
    total: Tensor | None = None
    for logs_TV, targets_T in log_probabilities(model, stream.tokens):
        truth_T = logs_TV.gather(1, targets_T[:, None])[:, 0]
        tempered_TV = torch.log_softmax(inverse * logs_TV, dim=1)
        nats_T = -tempered_TV.gather(1, targets_T[:, None])[:, 0]
        tempered_TV.exp_()
        mean_T = (tempered_TV * logs_TV).sum(dim=1)
        variance_T = (tempered_TV * (logs_TV - mean_T[:, None]).square_()).sum(dim=1)
        sums = torch.stack([nats_T, mean_T - truth_T, variance_T]).double().sum(dim=1)
        total = sums if total is None else total + sums
    return _Sums(*(total.tolist() if total is not None else (0.0, 0.0, 0.0)))
