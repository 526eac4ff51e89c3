"""The same model in Flax, jitted: `nnx.RNN` over `OptimizedLSTMCell`, `GRUCell` or `SimpleCell`.

Exact: `nnx.RNN` is told each sequence's length. Lengths are padded to a multiple of 64 tokens, so
that few shapes are compiled. JAX, Flax and Optax are optional: pip install 'rnnlab[jax]'.
"""

# pyright: reportMissingImports=false

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from rnnlab.bench.contenders import Batch
from rnnlab.bench.workloads import Workload

_TIME_STEP = 64


class _Model(nnx.Module):
    def __init__(self, workload: Workload, rngs: nnx.Rngs) -> None:
        cell = {
            "lstm": nnx.OptimizedLSTMCell,
            "gru": nnx.GRUCell,
            "rnn": nnx.SimpleCell,
        }[workload.cell or ""]
        self.workload = workload
        self.embedding = nnx.Embed(workload.vocabulary, workload.embedding, rngs=rngs)
        layers = []
        for width in workload.widths:
            forward = nnx.RNN(cell(width, workload.hidden, rngs=rngs))
            if workload.bidirectional:
                backward = nnx.RNN(cell(width, workload.hidden, rngs=rngs))
                layers.append(nnx.Bidirectional(forward, backward))
            else:
                layers.append(forward)
        self.layers = nnx.List(layers)
        self.head = nnx.Linear(workload.features, workload.outputs, rngs=rngs)

    def __call__(self, tokens_BT: Any, lengths_B: Any) -> Any:
        hidden = self.embedding(tokens_BT)
        for layer in self.layers:
            hidden = layer(hidden, seq_lengths=lengths_B)
        if self.workload.pooling == "mean":
            mask_BT1 = (jnp.arange(hidden.shape[1]) < lengths_B[:, None])[..., None]
            return self.head((hidden * mask_BT1).sum(1) / lengths_B[:, None])
        last = jnp.take_along_axis(hidden, (lengths_B - 1)[:, None, None], axis=1)[:, 0]
        if self.workload.bidirectional:  # the backward direction ends at the first token
            last = jnp.concatenate(
                [last[:, : self.workload.hidden], hidden[:, 0, self.workload.hidden :]], axis=1
            )
        return self.head(last)


class Flax:
    """Flax and Optax's Adam."""

    name, is_exact, is_bucketed = "flax", True, True

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        self.model = _Model(workload, nnx.Rngs(0))
        self.optimizer = nnx.Optimizer(self.model, optax.adam(1e-3), wrt=nnx.Param)

        def loss(model: Any, tokens_BT: Any, lengths_B: Any, labels_B: Any) -> Any:
            logits = model(tokens_BT, lengths_B)
            if workload.outputs == 1:
                return optax.sigmoid_binary_cross_entropy(logits[:, 0], labels_B).mean()
            return optax.softmax_cross_entropy_with_integer_labels(logits, labels_B).mean()

        @nnx.jit
        def update(model: Any, optimizer: Any, *batch: Any) -> Any:
            value, gradients = nnx.value_and_grad(loss)(model, *batch)
            optimizer.update(model, gradients)
            return value

        self._update = update
        self._forward = nnx.jit(lambda model, tokens_BT, lengths_B: model(tokens_BT, lengths_B))

    def step(self, batch: Batch) -> None:
        """One update, waited for."""
        jax.block_until_ready(self._update(self.model, self.optimizer, *self._arrays(batch)))

    def predict(self, batch: Batch) -> Any:
        """Logits."""
        return jax.block_until_ready(self._forward(self.model, *self._arrays(batch)[:2]))

    def _arrays(self, batch: Batch) -> tuple[Any, ...]:
        tokens, lengths, labels = (np.asarray(each) for each in batch)
        time = -(-tokens.shape[1] // _TIME_STEP) * _TIME_STEP
        if self.workload.max_tokens:
            time = min(time, max(self.workload.max_tokens, tokens.shape[1]))
        padded = np.zeros((len(tokens), time), np.int32)
        padded[:, : tokens.shape[1]] = tokens
        dtype = np.float32 if self.workload.outputs == 1 else np.int32
        return padded, lengths.astype(np.int32), labels.astype(dtype)
