"""Dynamic evaluation: a language model goes on learning from a text while it predicts it.

Every segment is predicted first and learned from afterwards, so that no token helps to predict
itself. Source: Krause et al. 2018, "Dynamic Evaluation of Neural Sequence Models"
(arXiv:1709.07432), section 4: RMS scaling and decay towards the trained parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor

from rnnlab.data.streams import EOS, Stream, columns, windows, with_context
from rnnlab.models.language_model import LanguageModel
from rnnlab.perplexity import StreamMetrics
from rnnlab.tasks.language_modeling import LanguageModeling, Window

SEGMENT = 20
_COLUMNS = 20
_MOST_WINDOWS = 200
_EPSILON = 1e-3
_RATES, _DECAYS = (3e-4, 1e-3, 3e-3), (3e-3, 1e-2, 3e-2)
_WIDEN = 3
_TUNING_TOKENS = 20_000


class Adaptation(NamedTuple):
    """How a model learns from what it reads.

    Attributes:
        rate: of learning, eta.
        decay: towards the trained parameters after every segment, lambda.
    """

    rate: float
    decay: float


def gradient_sizes(model: LanguageModel, stream: Stream) -> list[Tensor]:
    """Root of the mean square of each parameter's gradient on the first windows of a training
    stream, in the order of `model.parameters()`."""
    model.eval()
    task = LanguageModeling()
    count = min(_COLUMNS, len(stream))
    device = next(model.parameters()).device
    columns_BN = torch.from_numpy(columns(stream.tokens, count)).to(device)
    parameters = list(model.parameters())
    squares = [torch.zeros_like(parameter) for parameter in parameters]
    chosen = windows(columns_BN.shape[1] - 1, SEGMENT)[:_MOST_WINDOWS]
    with _learning(model):
        for first, end in chosen:
            window = Window(columns_BN[:, first:end], columns_BN[:, first + 1 : end + 1])
            for square, gradient in zip(squares, _gradients(model, task, window)[1], strict=True):
                square.addcmul_(gradient, gradient)
    return [square.div_(len(chosen)).sqrt_() for square in squares]


def score_dynamically(
    model: LanguageModel, stream: Stream, adaptation: Adaptation, sizes: list[Tensor]
) -> StreamMetrics:
    """Predict every token of a stream once while learning from those before its segment.

    Args:
        model: as trained; it stays as it is.
        stream: in its vocabulary.
        adaptation: how it learns.
        sizes: see `gradient_sizes`.
    """
    parameters = list(model.parameters())
    mean_size = float(sum(size.double().sum() for size in sizes)) / sum(s.numel() for s in sizes)
    pulls = [(size * (adaptation.decay / mean_size)).clamp_(max=1.0) for size in sizes]
    scales = [adaptation.rate / (size + _EPSILON) for size in sizes]
    task = LanguageModeling()
    whole_1N = torch.from_numpy(with_context(stream.tokens)).to(parameters[0].device).unsqueeze(0)
    nats = 0.0
    model.eval()
    with _learning(model) as trained:
        for first, end in windows(len(stream), SEGMENT):
            window = Window(whole_1N[:, first:end], whole_1N[:, first + 1 : end + 1])
            summed, gradients = _gradients(model, task, window)
            nats += summed
            with torch.no_grad():
                for parameter, gradient, scale, pull, anchor in zip(
                    parameters, gradients, scales, pulls, trained, strict=True
                ):
                    parameter.addcmul_(gradient, scale, value=-1)
                    parameter.lerp_(anchor, pull)
    return StreamMetrics(nats, tokens=len(stream), unknown=stream.unknown)


def tune(model: LanguageModel, stream: Stream, sizes: list[Tensor]) -> Adaptation:
    """The rate, and then the decay, that suit the beginning of a validation stream best.

    Each is chosen among three values that are three times one another, and further ones as long as
    the best is at an end.
    """
    beginning = stream.tokens[:_TUNING_TOKENS]
    part = Stream(beginning, texts=int((beginning == EOS).sum()), alien=0)

    def nats(adaptation: Adaptation) -> float:
        return score_dynamically(model, part, adaptation, sizes).nats

    rate = _best(_RATES, lambda value: nats(Adaptation(value, _DECAYS[1])))
    decay = _best(_DECAYS, lambda value: nats(Adaptation(rate, value)))
    return Adaptation(rate, decay)


def _best(values: tuple[float, ...], cost: Callable[[float], float]) -> float:
    costs = {value: cost(value) for value in values}
    for _ in range(_WIDEN):
        best = min(costs, key=costs.__getitem__)
        if best == min(costs):
            further = best / 3
        elif best == max(costs):
            further = best * 3
        else:
            break
        costs[further] = cost(further)
    return min(costs, key=costs.__getitem__)


def _gradients(
    model: LanguageModel, task: LanguageModeling, window: Window
) -> tuple[float, list[Tensor]]:
    """Summed nats of a window, and the gradient of their mean with respect to each parameter."""
    loss = task.loss_sum(model, window)
    gradients = torch.autograd.grad(loss.nats / loss.targets, list(model.parameters()))
    return loss.nats.item(), [
        gradient.to_dense() if gradient.is_sparse else gradient for gradient in gradients
    ]


@contextmanager
def _learning(model: LanguageModel) -> Iterator[list[Tensor]]:
    """Let the parameters of a loaded model, which are frozen, have gradients and change; give their
    values, and restore them in the end."""
    parameters = list(model.parameters())
    before = [(parameter.detach().clone(), parameter.requires_grad) for parameter in parameters]
    model.requires_grad_(True)
    try:
        yield [value for value, _ in before]
    finally:
        with torch.no_grad():
            for parameter, (value, learns) in zip(parameters, before, strict=True):
                parameter.copy_(value)
                parameter.requires_grad_(learns)
