"""Who is measured: this package, and what a user would write with torch instead.

A contender is built for a workload; `step` is one whole update, `predict` a forward pass.
A batch of texts is (tokens int64[B, T], lengths int64[B], labels); a window of a stream is
int64[T + 1, B].
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rnnlab.bench.workloads import Workload
from rnnlab.models.classifier import Classifier
from rnnlab.models.language_model import LanguageModel
from rnnlab.nn.embedding import Embedding
from rnnlab.nn.recurrent import Recurrent
from rnnlab.registry import CELLS
from rnnlab.tasks.classification import Classification, TextBatch
from rnnlab.tasks.language_modeling import LanguageModeling, Window
from rnnlab.train.loop import training_steps
from rnnlab.train.optimizers import adam, sgd

_CLIP_NORM = 0.25
"""Of the language models, for a loss averaged over tokens."""

Batch = Any


class Contender(Protocol):
    """What is timed.

    Attributes:
        name: in tables.
        is_exact: whether padding has no part in the result.
        is_bucketed: whether texts of near length share a batch.
    """

    name: str
    is_exact: bool
    is_bucketed: bool

    def step(self, batch: Batch) -> None:
        """Forward, backward and update."""

    def predict(self, batch: Batch) -> Any:
        """Forward alone."""


class Ours:
    """This package: its classifier or language model, its loop, its optimizers."""

    name, is_exact, is_bucketed = "rnnlab", True, True

    def __init__(self, workload: Workload) -> None:
        torch.manual_seed(0)
        self.workload = workload
        if workload.window:
            embedding = Embedding(workload.vocabulary, workload.embedding)
            self.model: nn.Module = LanguageModel(embedding, _our_layers(workload))
            self.loss_sum: Callable[..., Any] = LanguageModeling().loss_sum
            self.optimizer: Any = sgd.Optimizer(self.model.named_parameters(), sgd.Options(lr=1.0))
            self.clip_norm: float | None = _CLIP_NORM
        else:
            self.model = _our_classifier(workload)
            self.loss_sum = Classification().loss_sum
            self.optimizer = adam.Optimizer(self.model.named_parameters(), adam.Options())
            self.clip_norm = None

    def steps(self, batches: Iterable[Batch]) -> Iterator[Any]:
        """The package's training loop over collated batches."""
        return training_steps(
            self.model.train(),
            self.loss_sum,
            batches,
            self.optimizer,
            learning_rate=lambda: 1e-3,
            clip_norm=self.clip_norm,
            first_step=0,
        )

    def step(self, batch: Batch) -> None:
        """One turn of the loop."""
        item = _window(batch) if self.workload.window else TextBatch(*batch)
        for _ in self.steps([item]):
            pass

    @torch.inference_mode()
    def predict(self, batch: Batch) -> Any:
        """Logits."""
        return self.model.eval()(batch[0], batch[1])


def _window(batch: Tensor) -> Window:
    """A window of a stream as the task reads it."""
    return Window(batch[:-1].T.contiguous(), batch[1:].T.contiguous())


class Torch:
    """torch.nn's layers and optimizers, as the reported systems used them.

    Args:
        workload: what to build.
        name: "reference", random batches and packed sequences; "packed_bucketed", the same with
            near lengths in a batch; "padded", near lengths and no packing, so that the backward
            direction and the final state read padding.
    """

    def __init__(self, workload: Workload, name: str) -> None:
        torch.manual_seed(0)
        self.name = name
        self.workload = workload
        self.is_exact = name != "padded"
        self.is_bucketed = name != "reference"
        layers = None
        if workload.cell:
            layers = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[workload.cell](
                workload.embedding,
                workload.hidden,
                workload.layers,
                batch_first=True,
                bidirectional=workload.bidirectional,
            )
        self.model = _Plain(workload, layers)
        self.state: Any = None
        optimizer = torch.optim.SGD if workload.window else torch.optim.Adam
        self.optimizer = optimizer(self.model.parameters(), lr=1e-3)

    def step(self, batch: Batch) -> None:
        """One update as in torch's tutorials."""
        self.model.train()
        self.optimizer.zero_grad()
        if self.workload.window:
            inputs_BT, targets_BT = batch[:-1].T.contiguous(), batch[1:].T
            outputs, state = self.model.recurrent(self.model.embedding(inputs_BT), self.state)
            self.state = (
                tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
            )
            logits = self.model.head(outputs)
            F.cross_entropy(logits.flatten(0, 1), targets_BT.flatten()).backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), _CLIP_NORM)
        else:
            logits = self._logits(batch)
            if self.workload.outputs == 1:
                loss = F.binary_cross_entropy_with_logits(logits.squeeze(1), batch[2].float())
            else:
                loss = F.cross_entropy(logits, batch[2])
            loss.backward()
        self.optimizer.step()

    @torch.inference_mode()
    def predict(self, batch: Batch) -> Any:
        """Logits."""
        self.model.eval()
        return self._logits(batch)

    def _logits(self, batch: Batch) -> Tensor:
        tokens_BT, lengths_B, _ = batch
        hidden = self.model.embedding(tokens_BT)
        last = None
        if self.model.recurrent is not None:
            if self.is_exact:
                hidden = pack_padded_sequence(
                    hidden, lengths_B, batch_first=True, enforce_sorted=False
                )
            hidden, last = self.model.recurrent(hidden)
            last = last[0] if isinstance(last, tuple) else last
        if self.workload.pooling == "final":
            assert last is not None
            directions = 2 if self.workload.bidirectional else 1
            return self.model.head(torch.cat(list(last[-directions:]), dim=-1))
        if self.is_exact and last is not None:
            hidden, _ = pad_packed_sequence(hidden, batch_first=True)
        mask_BT1 = (torch.arange(hidden.shape[1]) < lengths_B.unsqueeze(1)).unsqueeze(-1)
        return self.model.head((hidden * mask_BT1).sum(1) / lengths_B.unsqueeze(1))


class _Plain(nn.Module):
    """Embedding, recurrent layers, linear head."""

    def __init__(self, workload: Workload, recurrent: Any) -> None:
        super().__init__()
        padding = None if workload.window else 0
        self.embedding = nn.Embedding(workload.vocabulary, workload.embedding, padding_idx=padding)
        self.recurrent = recurrent
        self.head = nn.Linear(workload.features, workload.outputs)


def _our_layers(workload: Workload) -> Recurrent:
    cell = CELLS.load(workload.cell or "")
    return Recurrent(
        cell,
        cell.Options(),
        input_size=workload.embedding,
        hidden_size=workload.hidden,
        num_layers=workload.layers,
        bidirectional=workload.bidirectional,
    )


def _our_classifier(workload: Workload) -> Classifier:
    return Classifier(
        Embedding(workload.vocabulary, workload.embedding, padding_idx=0),
        _our_layers(workload) if workload.cell else None,
        pooling=[workload.pooling],
        num_classes=max(workload.outputs, 2),
    )
