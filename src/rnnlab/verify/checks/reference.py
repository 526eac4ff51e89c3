"""The form that ships = torch's packed form = the definition, step by step; gradients included."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rnnlab.nn import compiled, reference
from rnnlab.nn.recurrent import Recurrent
from rnnlab.verify.evidence import Evidence, NotApplicable
from rnnlab.verify.examples import Example, batch_of, token_losses
from rnnlab.verify.subject import Subject
from rnnlab.verify.weights import gradients

NUMBER = 4
TITLE = "fast form = reference"
PROVES = (
    "The kernel that runs here, torch's packed form and a step-by-step reference give the same "
    "outputs and gradients."
)
ADVICE = (
    "The fast form computes something else: look at gate order, biases and the direction that runs "
    "backwards."
)
READS = ("model", "data")

_MOST_STEPS = 12


class _Definition(nn.Module):
    """Runs layers one token of one sequence at a time."""

    def __init__(self, layers: Recurrent) -> None:
        super().__init__()
        self.layers, self.cell = layers, layers.cell

    def forward(self, x_BTD: Tensor, lengths_B: Tensor | None, state: Any = None) -> Any:
        if lengths_B is None:
            lengths_B = torch.full((len(x_BTD),), x_BTD.shape[1])
        return reference.recurrent(self.layers, x_BTD, lengths_B, state)


class _Packed(nn.Module):
    """Runs the same parameters in torch.nn's layers, over a packed batch."""

    def __init__(self, layers: Recurrent, kind: type[nn.Module], settings: dict[str, Any]) -> None:
        super().__init__()
        self.cell = layers.cell
        width = layers.weights(0, "")[0].shape[1]
        self.layers = kind(
            width,
            layers.hidden_size,
            layers.num_layers,
            batch_first=True,
            bidirectional=len(layers.suffixes) == 2,
            **settings,
        ).to(layers.weights(0, "")[0].dtype)
        self.layers.load_state_dict(layers.state_dict())
        self.cell = layers.cell

    def forward(self, x_BTD: Tensor, lengths_B: Tensor | None, state: Any = None) -> Any:
        if lengths_B is None:
            lengths_B = torch.full((len(x_BTD),), x_BTD.shape[1])
        packed = pack_padded_sequence(x_BTD, lengths_B, batch_first=True, enforce_sorted=False)
        outputs, last = self.layers(packed)
        outputs, _ = pad_packed_sequence(outputs, batch_first=True, total_length=x_BTD.shape[1])
        lasts = last if isinstance(last, tuple) else (last,)
        directions = 2 if self.layers.bidirectional else 1
        final = lasts[0][-directions:].transpose(0, 1).flatten(1)
        return outputs, final, lasts


def torch_twin(layers: Recurrent) -> tuple[type[nn.Module], dict[str, Any]] | None:
    """The layer of torch.nn that computes the same, or None where torch has none."""
    name = layers.cell.__name__.rpartition(".")[2]
    options = layers.options.model_dump()
    if name == "rnn" and options["activation"] != "sigmoid":
        return nn.RNN, {"nonlinearity": options["activation"]}
    if name == "lstm" and options["activation"] == "tanh":
        return nn.LSTM, {}
    if name == "gru" and (options["reset"], options["activation"]) == ("after", "tanh"):
        return nn.GRU, {}
    return None


def run(subject: Subject) -> Evidence:
    """Compare the model with itself, its recurrence replaced."""
    subject.require("network", "language_model", reason="it has no recurrence")
    evidence = Evidence()
    model = subject.network()
    if model.encoder is None:
        _bag(subject, evidence)
        return evidence
    kernel = model.encoder.kernel(next(model.parameters()))
    evidence.notes.append(f"kernel: {kernel}")
    definition = subject.network()
    _replace(definition, _Definition)
    _compare(subject, evidence, model, definition, f"{kernel} = step by step, float64")
    twin = torch_twin(model.encoder)
    if twin is None:
        evidence.notes.append("torch.nn has no layer for this cell's settings")
    else:
        packed = subject.network()
        _replace(packed, lambda layers: _Packed(layers, *twin))
        what = f"{kernel} = torch.nn.{twin[0].__name__} packed, float64"
        _compare(subject, evidence, model, packed, what)
    if kernel != "torch":
        dense = subject.network()
        for name in recurrences(dense):
            getattr(dense, name)._is_native = lambda x_BTD: False
        _compare(subject, evidence, dense, definition, "torch's operators = step by step, float64")
    single, what = subject.network(torch.float32), f"{kernel} in float32 = step by step in float64"
    _compare(subject, evidence, single, definition, what, dtype=torch.float32)
    return evidence


def recurrences(model: Any) -> list[str]:
    """Names of the layers that recur: a language model may have one of another width on top."""
    return [name for name in ("encoder", "top") if getattr(model, name, None) is not None]


def _replace(model: Any, form: Callable[[Recurrent], nn.Module]) -> None:
    """Let a model run its recurrence in another form, and look its words up one by one."""
    table = model.embedding
    table.words = partial(
        nn.functional.embedding, weight=table.weight, padding_idx=table.padding_idx
    )
    for name in recurrences(model):
        setattr(model, name, form(getattr(model, name)))


def _compare(
    subject: Subject,
    evidence: Evidence,
    model: Any,
    other: Any,
    what: str,
    *,
    dtype: torch.dtype = torch.float64,
) -> None:
    outputs, loss, names = _forward(subject, model)
    expected, expected_loss, _ = _forward(subject, other)
    evidence.compare(f"{what}: outputs", outputs.double(), expected, names=names, dtype=dtype)
    renamed = {
        name.replace(".layers.", "."): gradient
        for name, gradient in gradients(other, expected_loss).items()
    }
    found = {name: value.double() for name, value in gradients(model, loss).items()}
    evidence.compare_gradients(f"{what}: gradients", found, renamed, dtype=dtype)


def _forward(subject: Subject, model: Any) -> tuple[Tensor, Tensor, list[str]]:
    """Outputs, a loss, and the names of the outputs' rows."""
    if subject.kind == "language_model":
        rows = subject.windows
        features, _ = model(rows[:, :-1], None)
        loss = token_losses(model, features, rows[:, 1:]).mean()
        return features, loss, [f"column {number + 1}" for number in range(len(rows))]
    examples = [Example(one.tokens[:_MOST_STEPS], one.label) for one in subject.examples]
    batch = batch_of(examples)
    logits = model(batch.tokens, batch.lengths)
    loss = subject.task.loss_sum(model, batch).nats
    return logits, loss, [example.name for example in examples]


def _bag(subject: Subject, evidence: Evidence) -> None:
    """Without recurrence: the pooled word vectors, one text at a time, by torch alone."""
    model = subject.network()
    if list(subject.config.model.options.pooling) != ["mean"]:
        raise NotApplicable("it has no recurrence, and torch's own operators do the rest")
    kernel = compiled.name() if model.embedding.has_mean else "torch"
    evidence.notes.append(f"kernel: {kernel}")

    class _OneByOne(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.head, self.hidden = model.embedding, model.head, model.hidden

        def forward(self, tokens_BT: Tensor, lengths_B: Tensor) -> Tensor:
            rows = []
            for tokens_T, length in zip(tokens_BT, lengths_B.tolist(), strict=True):
                vectors = nn.functional.embedding(tokens_T[:length], self.embedding.weight)
                total = vectors[0]
                for vector in vectors[1:]:
                    total = total + vector
                rows.append(total / length)
            features = torch.stack(rows)
            if model.activation is not None:
                features = getattr(torch, model.activation)(features)
            if self.hidden is not None:
                features = torch.relu(self.hidden(features))
            return self.head(features)

    _compare(subject, evidence, model, _OneByOne(), f"{kernel} = word by word, float64")
