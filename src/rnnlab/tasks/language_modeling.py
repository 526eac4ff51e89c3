"""What a loss and a perplexity are when every token of a stream tells the next.

Legend: B columns, T steps of a window, H width of the features, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from rnnlab.data.streams import (
    Stream,
    Tokens,
    Variation,
    columns,
    varied_windows,
    windows,
    with_context,
)
from rnnlab.models.language_model import LanguageModel
from rnnlab.nn.cells import State
from rnnlab.nn.linear_cross_entropy import SLAB_NUMBERS
from rnnlab.perplexity import StreamMetrics, perplexity
from rnnlab.tasks.activation_penalties import Penalties

VERSION = 1

EVALUATION_WINDOW = 512

Scale = Literal["token_mean", "time_sum"]


class Window(NamedTuple):
    """A window over the columns of a stream.

    Attributes:
        inputs: int64[B, T].
        targets: int64[B, T], the token after each input.
    """

    inputs: Tensor
    targets: Tensor


class WindowLoss(NamedTuple):
    """A loss before division.

    Attributes:
        nats: summed negative log-likelihood of the targets.
        targets: how many there are.
        columns: B.
        penalty: of the activations, per target; no part of `nats`.
    """

    nats: Tensor
    targets: Tensor
    columns: Tensor
    penalty: Tensor


class LanguageModeling:
    """The loss of a language model, and the state that it carries from window to window.

    Args:
        scale: what the gradient is that of. "token_mean": nats a target. "time_sum": nats summed
            over a window's steps and averaged over its columns, as published recipes with learning
            rates around 1 have it; T times the other.
        autocast: dtype of the forward pass in training, or None for float32. Perplexity is always
            computed in float32.
        penalties: of the activations, in training; None for none.
    """

    def __init__(
        self,
        scale: Scale = "token_mean",
        autocast: torch.dtype | None = None,
        penalties: Penalties | None = None,
    ) -> None:
        self.scale, self.autocast = scale, autocast
        self.penalties = penalties or Penalties()
        self.carried: State | None = None

    def loss_sum(self, model: LanguageModel, batch: Window) -> WindowLoss:
        """Forward a window from the carried state, and carry what it leaves."""
        device = batch.inputs.device.type
        with torch.autocast(device, self.autocast, enabled=self.autocast is not None):
            reading = model.read(batch.inputs, self.carried)
        # the one place of truncation
        self.carried = tuple(tensor.detach() for tensor in reading.state)
        features = reading.features
        features = features.float() if self.autocast is not None else features
        nats = model.nats(features.flatten(0, 1), batch.targets.flatten())
        rows, steps = batch.targets.shape
        # filled on the device: no copy that the host would wait for
        return WindowLoss(
            nats,
            nats.new_full((), float(rows * steps)),
            nats.new_full((), float(rows)),
            self.penalties.of(reading),
        )

    def objective(self, loss: WindowLoss) -> Tensor:
        """What the gradient is that of: the loss and the penalty of a target, or their sum over
        the window's steps."""
        whole = loss.nats + loss.targets * loss.penalty if any(self.penalties) else loss.nats
        return whole / (loss.targets if self.scale == "token_mean" else loss.columns)

    @torch.inference_mode()
    def score(
        self, model: LanguageModel, stream: Stream, window: int = EVALUATION_WINDOW
    ) -> StreamMetrics:
        """Predict every token of a stream once, in one pass with carried state.

        The first context is the end of a text. The result does not depend on the window but for
        rounding. The model is put into evaluation mode; the state carried in training stays.
        """
        device = next(model.parameters()).device
        total = torch.zeros((), dtype=torch.float64, device=device)
        for features_TH, targets_T in read_stream(model, stream.tokens, window):
            total += model.nats(features_TH, targets_T).double()
        return StreamMetrics(total.item(), tokens=len(stream), unknown=stream.unknown)


def read_stream(
    model: LanguageModel, tokens: Tokens, window: int = EVALUATION_WINDOW
) -> Iterator[tuple[Tensor, Tensor]]:
    """Put a model into evaluation mode and read a stream in one pass with carried state.

    Yields:
        Per window, the features float[T, H] that tell its targets int64[T]. The first context of
        all is the end of a text.
    """
    model.eval()
    device = next(model.parameters()).device
    whole_1N = torch.from_numpy(with_context(tokens)).to(device).unsqueeze(0)
    state: State | None = None
    for first, end in windows(len(tokens), window):
        features_1TH, state = model(whole_1N[:, first:end], state)
        yield features_1TH[0], whole_1N[0, first + 1 : end + 1]


def log_probabilities(model: LanguageModel, tokens: Tokens) -> Iterator[tuple[Tensor, Tensor]]:
    """Read a stream as `read_stream` does, with no more log-probabilities at a time than a slab.

    Yields:
        Per window, ln of the probabilities of all words float[T, V], and the targets int64[T].
    """
    most = SLAB_NUMBERS // model.embedding.num_embeddings
    for features_TH, targets_T in read_stream(model, tokens, max(1, min(EVALUATION_WINDOW, most))):
        yield model.log_probabilities(features_TH), targets_T


@torch.inference_mode()
def surprisals(model: LanguageModel, tokens: Tokens) -> npt.NDArray[np.float32]:
    """-ln of the probability of every token of a stream, float32[N], in nats."""
    found = [
        F.nll_loss(logs_TV, targets_T, reduction="none").cpu().numpy()
        for logs_TV, targets_T in log_probabilities(model, tokens)
    ]
    return np.concatenate(found) if found else np.zeros(0, np.float32)


class StreamFeed:
    """The windows of a training stream, in order; see `rnnlab.train.feed.Feed`.

    Args:
        stream: the training part.
        task: whose carried state begins anew with every epoch.
        batch_size: columns.
        window: steps of a window.
        variation: of the windows' lengths around it; None where they are all the same.
        device: on which the whole stream lies.

    Raises:
        UserError: there are more columns than tokens.
    """

    def __init__(
        self,
        stream: Stream,
        task: LanguageModeling,
        *,
        batch_size: int,
        window: int,
        device: torch.device,
        variation: Variation | None = None,
    ) -> None:
        self._columns = torch.from_numpy(columns(stream.tokens, batch_size)).to(device)
        self._task, self._window, self._variation = task, window, variation

    @property
    def epoch_tokens(self) -> int:
        """Predictions of an epoch."""
        rows, length = self._columns.shape
        return rows * (length - 1)

    def batches(self, epoch: int) -> Sequence[tuple[int, int]]:
        """First and last prediction of each window."""
        length = self._columns.shape[1] - 1
        if self._variation is None:
            return windows(length, self._window)
        return varied_windows(length, self._window, self._variation, epoch)

    def begin_epoch(self) -> None:
        """Forget the carried state: every epoch begins at the stream's beginning."""
        self._task.carried = None

    def collate(self, item: tuple[int, int]) -> Window:
        """The window's tokens."""
        first, end = item
        return Window(
            self._columns[:, first:end].contiguous(),
            self._columns[:, first + 1 : end + 1].contiguous(),
        )

    def rate(self, item: tuple[int, int]) -> float:
        """Factor of the learning rate, so that short windows do not count for more than long ones:
        an update is in proportion to the steps that it reads, as a loss summed over them is."""
        if self._variation is None or self._task.scale == "time_sum":
            return 1.0
        first, end = item
        return (end - first) / self._window

    def tokens(self, item: tuple[int, int]) -> int:
        """How many predictions a window makes."""
        first, end = item
        return len(self._columns) * (end - first)

    def sums(self, item: tuple[int, int], loss: WindowLoss) -> tuple[float, ...]:
        """What is summed over an epoch: nats and targets."""
        return float(loss.nats), float(loss.targets)

    def row(self, sums: Sequence[float]) -> dict[str, float]:
        """What a row of epochs.csv says of the training part."""
        nats, targets = sums
        return {"train_loss": nats / targets, "train_perplexity": perplexity(nats / targets)}

    def state_tensors(self) -> dict[str, Tensor]:
        """The carried state by number; empty at the beginning of an epoch."""
        return {str(number): tensor for number, tensor in enumerate(self._task.carried or ())}

    def load_state_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over a state written by `state_tensors`."""
        device = self._columns.device
        state = tuple(tensors[str(number)].to(device) for number in range(len(tensors)))
        self._task.carried = state or None
