"""The classifier as a whole: sizes, outputs, padding, gradients, and that it can learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from rnnlab.data.ragged import Ragged
from rnnlab.exceptions import UserError
from rnnlab.models.classifier import Classifier, num_outputs, probabilities
from rnnlab.models.kinds import neural
from rnnlab.registry import CELLS, OPTIMIZERS, POOLINGS
from rnnlab.tasks.classification import Classification, TextBatch

CELL_NAMES = sorted(CELLS.names)
POOLING_NAMES = sorted(POOLINGS.names)
WITHOUT_ENCODER = [name for name in POOLING_NAMES if not POOLINGS.load(name).NEEDS_ENCODER]
VOCABULARY = 20


def build(
    cell: str | None = "lstm",
    pooling: str | list[str] = "final",
    *,
    num_classes: int = 2,
    dim: int = 6,
    encoder: dict[str, Any] | None = None,
    seed: int = 0,
    **settings: Any,
) -> Classifier:
    layers = None if cell is None else {"cell": cell, "hidden": 5, **(encoder or {})}
    options = neural.Options.model_validate(
        {"embedding": {"dim": dim}, "encoder": layers, "pooling": pooling, **settings}
    )
    torch.manual_seed(seed)
    return neural.build(options, vocabulary_size=VOCABULARY, num_classes=num_classes)


def texts(lengths: list[int], seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(1, VOCABULARY, (length,), generator=generator) for length in lengths]


def batch_of(pieces: list[Tensor], value: int = 0) -> tuple[Tensor, Tensor]:
    tokens_BT = nn.utils.rnn.pad_sequence(pieces, batch_first=True, padding_value=value)
    return tokens_BT, torch.tensor([len(piece) for piece in pieces])


def assert_close(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(
        actual, expected, rtol=0, atol=1e-12 * float(expected.detach().abs().max())
    )


@pytest.mark.parametrize("num_classes", [2, 3, 5])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("num_layers", [1, 3])
@pytest.mark.parametrize("cell", CELL_NAMES)
def test_number_of_parameters(cell, num_layers, bidirectional, num_classes):
    dim, hidden = 6, 5
    model = build(
        cell,
        ["final", "mean"],
        num_classes=num_classes,
        dim=dim,
        encoder={"hidden": hidden, "layers": num_layers, "bidirectional": bidirectional},
    )
    directions = 2 if bidirectional else 1
    rows = CELLS.load(cell).GATES * hidden
    recurrent = 0
    for layer in range(num_layers):
        width = directions * hidden if layer else dim
        recurrent += directions * rows * (width + hidden + 2)
    outputs = 1 if num_classes == 2 else num_classes
    head = (2 * directions * hidden + 1) * outputs
    assert sum(p.numel() for p in model.parameters()) == VOCABULARY * dim + recurrent + head


@pytest.mark.parametrize("num_classes", [2, 3, 4])
def test_two_classes_share_one_logit_and_probabilities_sum_to_one(num_classes):
    model = build(num_classes=num_classes)
    logits_BC = model(*batch_of(texts([3, 1, 5])))
    assert logits_BC.shape == (3, 1 if num_classes == 2 else num_classes)
    assert num_outputs(num_classes) == logits_BC.shape[1]
    shares = probabilities(logits_BC)
    assert shares.shape == (3, num_classes)
    assert shares.dtype == torch.float32
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(3), rtol=0, atol=1e-6)
    odds = torch.log(shares[:, 1:] / shares[:, :-1])
    expected = logits_BC if num_classes == 2 else logits_BC.diff(dim=1)
    torch.testing.assert_close(odds, expected, rtol=0, atol=1e-5)


def test_probabilities_of_extreme_logits():
    shares = probabilities(torch.tensor([[-80.0], [0.0], [80.0]]))
    assert shares[1].tolist() == [0.5, 0.5]
    assert shares[0, 0] == 1
    assert 0 < shares[0, 1] < 1e-34
    assert shares[2].tolist() == shares[0].flip(0).tolist()
    assert probabilities(torch.tensor([[1e4, 0.0, -1e4]])).tolist() == [[1, 0, 0]]


@pytest.mark.parametrize("pooling", [*POOLING_NAMES, POOLING_NAMES], ids=str)
@pytest.mark.parametrize("cell", CELL_NAMES)
@settings(max_examples=5, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 7), min_size=1, max_size=5),
    seed=st.integers(0, 2**20),
    garbage=st.integers(0, VOCABULARY - 1),
)
def test_a_text_scores_the_same_alone_and_in_any_batch(cell, pooling, lengths, seed, garbage):
    model = build(
        cell,
        pooling,
        encoder={"layers": 2, "bidirectional": True},
        num_classes=3,
        activation="tanh",
        seed=seed,
    ).double()
    pieces = texts(lengths, seed)
    together = model(*batch_of(pieces))
    assert_close(model(*batch_of(pieces, garbage)), together)
    alone = torch.cat([model(*batch_of([piece])) for piece in pieces])
    assert_close(alone, together)


@pytest.mark.parametrize("pooling", WITHOUT_ENCODER)
def test_a_bag_of_embeddings_needs_no_encoder_and_knows_no_order(pooling):
    model = build(None, pooling).double()
    assert model.encoder is None
    names = [name for name, _ in model.named_parameters()]
    assert {name.split(".")[0] for name in names} <= {"embedding", "pooling", "head"}
    pieces = texts([4, 1, 6])
    together = model(*batch_of(pieces, 7))
    assert_close(torch.cat([model(*batch_of([piece])) for piece in pieces]), together)
    assert_close(model(*batch_of([piece.flip(0) for piece in pieces])), together)


def test_the_mean_bag_of_embeddings_by_hand():
    model = build(None, "mean", num_classes=3, activation="relu").double()
    (piece,) = texts([5])
    features = torch.relu(model.embedding.weight[piece].mean(dim=0))
    assert_close(model(*batch_of([piece]))[0], model.head.weight @ features + model.head.bias)


@pytest.mark.parametrize("pooling", [name for name in POOLING_NAMES if name not in WITHOUT_ENCODER])
def test_a_pooling_that_reads_the_final_state_is_refused_without_encoder(pooling):
    with pytest.raises(UserError, match=rf"model\.pooling '{pooling}'.*choose mean or max"):
        build(None, ["mean", pooling])


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid", None])
def test_poolings_are_concatenated_in_order_then_activated(activation):
    model = build("gru", ["max", "final", "mean"], activation=activation).double()
    tokens_BT, lengths_B = batch_of(texts([4, 2]))
    outputs_BTH, final_BH, _ = model.encoder(model.embedding(tokens_BT), lengths_B)
    rows = [outputs_BTH[row, :length] for row, length in enumerate(lengths_B)]
    features_BF = torch.stack(
        [
            torch.cat([row.max(dim=0).values, final_BH[i], row.mean(dim=0)])
            for i, row in enumerate(rows)
        ]
    )
    if activation is not None:
        features_BF = getattr(torch, activation)(features_BF)
    assert_close(model(tokens_BT, lengths_B), features_BF @ model.head.weight.T + model.head.bias)


@pytest.mark.parametrize("pooling", [*POOLING_NAMES, POOLING_NAMES], ids=str)
@pytest.mark.parametrize("cell", CELL_NAMES)
def test_every_parameter_gets_a_gradient(cell, pooling):
    model = build(cell, pooling, encoder={"layers": 2, "bidirectional": True})
    tokens_BT, lengths_B = batch_of(texts([4, 2, 5]))
    batch = TextBatch(tokens_BT, lengths_B, torch.tensor([0, 1, 1]))
    Classification().loss_sum(model, batch).nats.backward()
    gradients = {}
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        gradient = gradients[name] = parameter.grad.to_dense()
        assert bool(gradient.isfinite().all()), name
        assert bool((gradient != 0).any()), name
    used = torch.zeros(VOCABULARY, dtype=torch.bool)
    used[tokens_BT.unique()] = True
    used[0] = False
    touched = (gradients["embedding.weight"] != 0).any(dim=1)
    assert not bool(touched[~used].any())
    if pooling != "max":
        assert torch.equal(touched, used)


@pytest.mark.parametrize("num_classes", [2, 3])
@pytest.mark.parametrize("cell", CELL_NAMES)
def test_learns_one_batch_by_heart(cell, num_classes):
    model = build(cell, encoder={"hidden": 12}, num_classes=num_classes)
    tokens_BT, lengths_B = batch_of(texts([5, 3, 6, 2, 4, 5], seed=3))
    batch = TextBatch(tokens_BT, lengths_B, torch.arange(6) % num_classes)
    task, adam = Classification(), OPTIMIZERS.load("adam")
    optimizer = adam.Optimizer(model.named_parameters(), adam.Options())
    first = float(task.loss_sum(model, batch).nats.detach()) / 6
    for _ in range(40):
        task.loss_sum(model, batch).nats.div(6).backward()
        optimizer.step(0.03)
        optimizer.zero_grad()
    last = task.loss_sum(model, batch)
    assert first > 0.4
    assert float(last.nats.detach()) / 6 < 0.05
    assert int(last.hits) == 6


def test_dropout_is_off_in_evaluation_and_on_in_training():
    model = build(embedding={"dim": 6, "dropout": 0.5}, dropout=0.5)
    plain = build()
    batch = batch_of(texts([4, 2]))
    assert torch.equal(model.eval()(*batch), plain(*batch))
    model.train()
    assert not torch.equal(model(*batch), model(*batch))
    for on, off in (
        (model.embedding_dropout, model.dropout),
        (model.dropout, model.embedding_dropout),
    ):
        on.p, off.p = 0.5, 0.0
        assert not torch.equal(model(*batch), model(*batch))


def test_embedding_row_of_padding_is_zero_and_std_scales_the_others():
    model = build(embedding={"dim": 400, "std": 0.1}, dim=400)
    weight = model.embedding.weight.detach()
    assert bool((weight[0] == 0).all())
    assert float(weight[1:].std()) == pytest.approx(0.1, rel=0.05)
    assert not build(embedding={"dim": 6, "frozen": True}).embedding.weight.requires_grad


@pytest.mark.parametrize("cell", CELL_NAMES)
def test_probabilities_of_ragged_texts_come_in_their_order(cell, monkeypatch):
    monkeypatch.setattr("rnnlab.tasks.classification._EVALUATION_TOKENS", 12)
    model = build(cell, num_classes=3, dropout=0.5).train()
    pieces = texts([3, 9, 1, 1, 20, 4, 3], seed=1)
    ragged = Ragged.from_lengths(
        torch.cat(pieces).numpy().astype(np.int32), np.array([len(p) for p in pieces])
    )
    found = Classification().probabilities(model, ragged)
    assert not model.training
    with torch.no_grad():
        alone = torch.cat([probabilities(model(*batch_of([piece]))) for piece in pieces])
    np.testing.assert_allclose(found, alone.numpy(), rtol=0, atol=1e-6)
    assert np.unique(found.round(5), axis=0).shape[0] > 3


@pytest.mark.parametrize("num_classes", [2, 4])
def test_a_hidden_layer_before_the_outputs(num_classes):
    model = build(num_classes=num_classes, head_hidden=7).eval()
    tokens_BT, lengths_B = batch_of(texts([3, 1]))
    _, final_BH, _ = model.encoder(model.embedding(tokens_BT), lengths_B)
    weights = dict(model.named_parameters())
    hidden = torch.relu(final_BH @ weights["hidden.weight"].T + weights["hidden.bias"])
    expected = hidden @ weights["head.weight"].T + weights["head.bias"]
    assert hidden.shape == (2, 7)
    torch.testing.assert_close(model(tokens_BT, lengths_B), expected)
