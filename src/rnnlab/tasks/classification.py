"""What a loss and a prediction are when a text has one label."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnlab.data.batching import evaluation_batches
from rnnlab.data.ragged import Ragged
from rnnlab.models.classifier import probabilities

VERSION = 1

_EVALUATION_TOKENS = 1 << 15


class TextBatch(NamedTuple):
    """Texts of one update.

    Attributes:
        tokens: int64[B, T], padded with 0 at the right.
        lengths: int64[B], each at least 1.
        labels: int64[B].
    """

    tokens: Tensor
    lengths: Tensor
    labels: Tensor


class LossSum(NamedTuple):
    """A loss before division.

    Attributes:
        nats: summed negative log-likelihood, each example times its class's weight.
        targets: the sum of those weights; without class weights, the number of examples.
        hits: examples whose most probable class is the label, int64 scalar.
    """

    nats: Tensor
    targets: Tensor
    hits: Tensor


class Classification:
    """The loss of a classifier.

    Args:
        class_weights: float[classes] or None.
        label_smoothing: share of the target probability that is spread evenly over all classes, in
            training. Source: Szegedy et al. 2016 (arXiv:1512.00567), section 7.
        autocast: dtype of the forward pass in training, or None for float32. Predictions are always
            made in float32: what is scored is the model that is kept.
    """

    def __init__(
        self,
        class_weights: Tensor | None = None,
        label_smoothing: float = 0.0,
        autocast: torch.dtype | None = None,
    ) -> None:
        self.class_weights = class_weights
        self.label_smoothing = label_smoothing
        self.autocast = autocast

    def loss_sum(self, model: nn.Module, batch: TextBatch) -> LossSum:
        """Forward a batch; the caller divides nats by targets."""
        labels_B = batch.labels
        device = labels_B.device.type
        with torch.autocast(device, self.autocast, enabled=self.autocast is not None):
            logits_BC = model(batch.tokens, batch.lengths)
        logits_BC = logits_BC.float() if self.autocast is not None else logits_BC
        if logits_BC.shape[1] == 1:
            logit_B = logits_BC[:, 0]
            smooth = self.label_smoothing
            target_B = labels_B.to(logit_B.dtype) * (1 - smooth) + smooth / 2
            nats_B = F.binary_cross_entropy_with_logits(logit_B, target_B, reduction="none")
            hits = ((logit_B > 0) == (labels_B > 0)).sum()
        else:
            nats_B = F.cross_entropy(
                logits_BC, labels_B, reduction="none", label_smoothing=self.label_smoothing
            )
            hits = (logits_BC.argmax(dim=1) == labels_B).sum()
        if self.class_weights is None:
            return LossSum(nats_B.sum(), nats_B.new_tensor(float(len(nats_B))), hits)
        weight_B = self.class_weights[labels_B]
        return LossSum((nats_B * weight_B).sum(), weight_B.sum(), hits)

    @torch.inference_mode()
    def probabilities(self, model: nn.Module, ragged: Ragged) -> npt.NDArray[np.float32]:
        """Predict texts of any lengths; return float32[n, classes] in their order.

        The model is put into evaluation mode.
        """
        model.eval()
        device = next(model.parameters()).device
        parts, order = [], []
        for rows in evaluation_batches(ragged.lengths, max_tokens=_EVALUATION_TOKENS):
            tokens_BT = torch.from_numpy(ragged.pad(rows)).to(device)
            lengths_B = torch.from_numpy(ragged.lengths[rows]).to(device)
            parts.append(probabilities(model(tokens_BT, lengths_B)))
            order.append(rows)
        result = torch.cat(parts).cpu().numpy()
        in_order = np.empty_like(result)
        in_order[np.concatenate(order)] = result
        return in_order
