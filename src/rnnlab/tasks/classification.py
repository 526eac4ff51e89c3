"""What a loss and a prediction are when a text has one label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnlab.data.batching import evaluation_batches, training_batches
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

    def objective(self, loss: LossSum) -> Tensor:
        """What the gradient is that of: nats per target."""
        return loss.nats / loss.targets

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


class TextFeed:
    """Labelled texts in batches of near length; see `rnnlab.train.feed.Feed`.

    Args:
        ragged: the training texts.
        labels: their labels, int64[n].
        batch_size: texts in a batch, at most.
        batch_tokens: tokens in a batch at most, padding included; None for no limit.
        seed: of the order.
        device: on which batches are needed.
    """

    def __init__(
        self,
        ragged: Ragged,
        labels: npt.NDArray[np.int64],
        *,
        batch_size: int,
        batch_tokens: int | None,
        seed: int,
        device: torch.device,
    ) -> None:
        self._ragged, self._labels, self._device = ragged, labels, device
        self._batch_size, self._batch_tokens, self._seed = batch_size, batch_tokens, seed

    @property
    def epoch_tokens(self) -> int:
        """Tokens of all texts."""
        return len(self._ragged.tokens)

    def batches(self, epoch: int) -> Sequence[npt.NDArray[np.int64]]:
        """The rows of each batch."""
        return training_batches(
            self._ragged.lengths,
            batch_size=self._batch_size,
            max_tokens=self._batch_tokens,
            seed=self._seed,
            epoch=epoch,
        )

    def begin_epoch(self) -> None:
        """Nothing is carried from text to text."""

    def collate(self, item: npt.NDArray[np.int64]) -> TextBatch:
        """The texts of some rows."""
        return TextBatch(
            torch.from_numpy(self._ragged.pad(item)).to(self._device),
            torch.from_numpy(self._ragged.lengths[item]).to(self._device),
            torch.from_numpy(self._labels[item]).to(self._device),
        )

    def rate(self, item: npt.NDArray[np.int64]) -> float:
        """1: the loss is a mean, whatever the size of the batch."""
        return 1.0

    def tokens(self, item: npt.NDArray[np.int64]) -> int:
        """Real tokens of some rows."""
        return int(self._ragged.lengths[item].sum())

    def sums(self, item: npt.NDArray[np.int64], loss: LossSum) -> tuple[float, ...]:
        """What is summed over an epoch: nats, targets, hits and examples."""
        return float(loss.nats), float(loss.targets), float(loss.hits), float(len(item))

    def row(self, sums: Sequence[float]) -> dict[str, float]:
        """What a row of epochs.csv says of the training part."""
        nats, targets, hits, examples = sums
        return {"train_loss": nats / targets, "train_accuracy": hits / examples}

    def state_tensors(self) -> dict[str, Tensor]:
        """Nothing."""
        return {}

    def load_state_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Nothing."""
