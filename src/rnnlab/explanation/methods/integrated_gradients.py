"""Integrated gradients on the word vectors: gradients of the log odds along the way from vectors of
zero to the text's own.

They add up: score of the text - score of the zero vectors = sum of the contributions, but for the
error of the integral, which is the completeness gap. The integral is taken at Gauss-Legendre
points, as many as bring the gap below 1 % of the difference, 512 at most.

Source: Sundararajan, Taly & Yan 2017 (arXiv:1703.01365), eq. 1 and proposition 1.

Legend: S points, T tokens, D width of the vectors.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rnnlab.explanation.attribution import Attribution
from rnnlab.explanation.reading import Reading
from rnnlab.predictor import Network, Predictor

SUMMARY = "integrated gradients on the word vectors"
RANK = 1

TOLERANCE = 0.01
"""Of the difference of the scores: how large the gap may be before more points are taken."""
_FEWEST_POINTS, _MOST_POINTS = 32, 512
_BATCH_TOKENS = 1 << 14


class Integral(NamedTuple):
    """Contributions and what they should add up to.

    Attributes:
        contributions: float64[T].
        score, baseline: at the text, and at vectors of zero.
        points: at which gradients were taken.
    """

    contributions: npt.NDArray[np.float64]
    score: float
    baseline: float
    points: int

    @property
    def is_tight(self) -> bool:
        """Whether the gap is within the tolerance."""
        difference = self.score - self.baseline
        gap = difference - float(self.contributions.sum())
        return abs(gap) <= TOLERANCE * abs(difference)


def refusal(predictor: Predictor) -> str:
    """Gradients need a network that reads the text's own words alone."""
    if isinstance(predictor.fitted, Network):
        reads_padding = predictor.fitted.model.read_padding is not None
        return "this model reads padding as if it were words" if reads_padding else ""
    return f"a model of kind '{predictor.kind.name}' has no word vectors to differentiate by"


def attribute(predictor: Predictor, reading: Reading, target: int) -> Attribution:
    """Contribution of each token's vector, summed over its dimensions."""
    network: Any = predictor.fitted
    points = _FEWEST_POINTS
    integral = integrate(network.model, reading.numbers, target, points)
    while not integral.is_tight and points < _MOST_POINTS:
        points *= 2
        integral = integrate(network.model, reading.numbers, target, points)
    return Attribution(
        integral.contributions,
        quantity=f"log odds of '{predictor.labels[target]}'",
        note=(
            "What each word vector adds to the log odds on the way from a text of zero vectors; "
            "the sum is the score less the baseline, but for the completeness gap."
        ),
        score=integral.score,
        baseline=integral.baseline,
        facts={"points": integral.points, "baseline_vectors": "zero"},
    )


def integrate(model: Any, numbers: npt.NDArray[np.int32], target: int, points: int) -> Integral:
    """Integrated gradients of a classifier's log odds, in the model's own precision.

    Args:
        model: a `rnnlab.models.classifier.Classifier`.
        numbers: the text's tokens, int32[T].
        target: column of the label.
        points: of the Gauss-Legendre rule.
    """
    import torch

    model.eval()
    vectors_TD = model.embedding.weight.detach()[torch.from_numpy(numbers.astype(np.int64))]
    nodes, weights = np.polynomial.legendre.leggauss(points)
    alphas_S = torch.from_numpy((nodes + 1) / 2).to(vectors_TD)
    weights_S = torch.from_numpy(weights / 2).to(vectors_TD)
    gradient_TD = torch.zeros_like(vectors_TD)
    rows = max(1, _BATCH_TOKENS // len(vectors_TD))
    for alpha_B, weight_B in zip(alphas_S.split(rows), weights_S.split(rows), strict=True):
        inputs_BTD = (alpha_B.view(-1, 1, 1) * vectors_TD).requires_grad_()
        scores_B = _scores(model, inputs_BTD, target)
        (gradients_BTD,) = torch.autograd.grad(scores_B.sum(), inputs_BTD)
        gradient_TD += torch.einsum("b,btd->td", weight_B, gradients_BTD)
    with torch.no_grad():
        ends = torch.stack([vectors_TD, torch.zeros_like(vectors_TD)])
        score, baseline = _scores(model, ends, target).tolist()
    contributions = (gradient_TD * vectors_TD).sum(dim=1).double().numpy()
    return Integral(contributions, score, baseline, points)


def _scores(model: Any, vectors_BTD: Any, target: int) -> Any:
    """Log odds of a label for texts of one length, given as vectors, float[B]."""
    import torch

    batch, time, _ = vectors_BTD.shape
    logits_BC = model.read_vectors(vectors_BTD, torch.full((batch,), time))
    if logits_BC.shape[1] == 1:
        return logits_BC[:, 0] if target == 1 else -logits_BC[:, 0]
    others = [column for column in range(logits_BC.shape[1]) if column != target]
    return logits_BC[:, target] - torch.logsumexp(logits_BC[:, others], dim=1)
