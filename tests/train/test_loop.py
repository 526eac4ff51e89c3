"""The loop: what is divided, clipped and refused; and the loss that it is given."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnlab.exceptions import Diverged
from rnnlab.registry import OPTIMIZERS
from rnnlab.tasks.classification import Classification, LossSum, TextBatch
from rnnlab.train.loop import gradient_norm, training_steps
from rnnlab.train.optimizers import sgd
from rnnlab.train.optimizers._base import Optimizer

DIM, RATE = 4, 0.25


class Batch(NamedTuple):
    """Like a batch of texts, with a vector in place of each text."""

    tokens: Tensor
    lengths: Tensor
    labels: Tensor


class Linear(nn.Module):
    """A classifier of vectors."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.head = nn.Linear(DIM, outputs).double()

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        return self.head(tokens)


class Recorder(Optimizer):
    """Plain descent that keeps every gradient and learning rate."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model.named_parameters(), None)
        self.seen: list[list[Tensor]] = []
        self.rates: list[float] = []

    def update(self, parameters, gradients, state, lr) -> None:
        self.seen.append([gradient.clone() for gradient in gradients])
        self.rates.append(lr)
        torch._foreach_add_(parameters, gradients, alpha=-lr)


def batches(sizes: list[int], num_classes: int, scale: float = 1.0) -> list[Batch]:
    generator = torch.Generator().manual_seed(1)
    return [
        Batch(
            scale * torch.randn(size, DIM, generator=generator, dtype=torch.float64),
            torch.ones(size, dtype=torch.int64),
            torch.randint(num_classes, (size,), generator=generator),
        )
        for size in sizes
    ]


def steps(model: nn.Module, data: list[Any], optimizer: Any, **changes: Any) -> Any:
    settings: dict[str, Any] = {
        "learning_rate": lambda: RATE,
        "clip_norm": None,
        "first_step": 0,
        **changes,
    }
    task = settings.pop("task", Classification())
    return training_steps(model, task.loss_sum, data, optimizer, **settings)


def reference_logits(model: nn.Module, batch: Batch) -> Tensor:
    """Two logits where the model has one, so that torch's cross entropy applies."""
    logits = model(batch.tokens, batch.lengths)
    return F.pad(logits, (1, 0)) if logits.shape[1] == 1 else logits


def assert_close(actual: Any, expected: Any) -> None:
    for found, wanted in zip(actual, expected, strict=True):
        one, other = (torch.as_tensor(x, dtype=torch.float64) for x in (found, wanted))
        allowed = 1e-12 * float(other.detach().abs().max())
        torch.testing.assert_close(one, other, rtol=0, atol=allowed)


@pytest.mark.parametrize("num_classes", [2, 3])
def test_each_update_follows_the_mean_over_its_examples(num_classes):
    outputs = 1 if num_classes == 2 else num_classes
    model, reference = Linear(outputs), Linear(outputs)
    optimizer = Recorder(model)
    data = batches([5, 1, 3], num_classes)
    infos = []
    for number, info in enumerate(steps(model, data, optimizer)):
        batch = data[number]
        logits = reference_logits(reference, batch)
        loss = F.cross_entropy(logits, batch.labels)  # torch's own mean
        expected = torch.autograd.grad(loss, list(reference.parameters()))
        assert_close(optimizer.seen[number], expected)
        norm = torch.cat([gradient.flatten() for gradient in expected]).norm()
        assert info.gradient_norm == pytest.approx(float(norm), rel=1e-12)
        assert_close([info.loss.nats / info.loss.targets], [loss])
        assert float(info.loss.targets) == len(batch.labels)
        assert int(info.loss.hits) == int((logits.argmax(dim=1) == batch.labels).sum())
        assert isinstance(info.loss.nats, float)
        with torch.no_grad():
            for parameter, gradient in zip(reference.parameters(), expected, strict=True):
                parameter.sub_(RATE * gradient)
        assert_close(model.parameters(), reference.parameters())
        assert all(parameter.grad is None for parameter in model.parameters())
        infos.append(info)
    assert len(infos) == len(data)


def test_the_mean_over_batches_weighs_examples_not_batches():
    model = Linear(3)
    data = batches([7, 1, 2], 3)
    infos = list(steps(model, data, Recorder(model), learning_rate=lambda: 0.0))
    found = sum(info.loss.nats for info in infos) / sum(info.loss.targets for info in infos)
    everything = Batch(*(torch.cat(parts) for parts in zip(*data, strict=True)))
    expected = F.cross_entropy(model(everything.tokens, everything.lengths), everything.labels)
    assert_close([found], [expected])
    means = torch.tensor([info.loss.nats / info.loss.targets for info in infos])
    assert abs(float(means.mean() - expected.detach())) > 1e-3


@pytest.mark.parametrize("share", [0.01, 0.6, 0.99, 1.01, 100.0, None])
def test_clipping_equals_torchs(share):
    """The limit is given as a share of the norm, so that both of its sides are met closely."""
    model, reference = Linear(3), Linear(3)
    optimizer = Recorder(model)
    (batch,) = batches([6], 3, scale=3)
    F.cross_entropy(reference(batch.tokens, batch.lengths), batch.labels).backward()
    norm = float(nn.utils.get_total_norm([p.grad for p in reference.parameters()]))
    clip_norm = None if share is None else share * norm
    (info,) = steps(model, [batch], optimizer, clip_norm=clip_norm)
    nn.utils.clip_grad_norm_(reference.parameters(), clip_norm or math.inf)
    assert info.gradient_norm == pytest.approx(norm, rel=1e-12)
    assert_close(optimizer.seen[0], [parameter.grad for parameter in reference.parameters()])


def test_gradient_norm_skips_parameters_without_gradient():
    parameters = [
        nn.Parameter(torch.ones(3)),
        nn.Parameter(torch.ones(2)),
        nn.Parameter(torch.ones(())),
    ]
    parameters[0].grad = torch.tensor([1.0, 2.0, 2.0])
    parameters[2].grad = torch.tensor(4.0)
    assert float(gradient_norm(iter(parameters))) == 5.0


def test_the_learning_rate_is_asked_before_each_update():
    model = Linear(1)
    optimizer = Recorder(model)
    rates = iter([0.5, 0.25, 0.125])
    list(steps(model, batches([2, 2, 2], 2), optimizer, learning_rate=lambda: next(rates)))
    assert optimizer.rates == [0.5, 0.25, 0.125]


def test_nothing_runs_ahead_of_the_caller():
    model = Linear(1)
    optimizer = Recorder(model)
    taken = []

    def source() -> Any:
        for batch in batches([2, 3, 4], 2):
            taken.append(len(batch.labels))
            yield batch

    running = steps(model, source(), optimizer)
    assert taken == []
    next(running)
    assert taken == [2]
    assert len(optimizer.seen) == 1
    next(running)
    assert taken == [2, 3]
    assert len(optimizer.seen) == 2


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("name", sorted(OPTIMIZERS.names))
def test_divergence_stops_before_the_update(name, bad):
    model = Linear(3)
    module = OPTIMIZERS.load(name)
    optimizer = module.Optimizer(model.named_parameters(), module.Options())
    data = batches([3, 3, 3], 3)
    data[1].tokens[0, 0] = bad
    running = steps(model, data, optimizer, first_step=17, clip_norm=1.0)
    next(running)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    state = {key: value.clone() for key, value in optimizer.state_tensors().items()}
    with pytest.raises(Diverged, match="at step 18") as caught:
        next(running)
    assert caught.value.step == 18
    for parameter, kept in zip(model.parameters(), before, strict=True):
        assert torch.equal(parameter, kept)
        assert parameter.grad is None
    assert all(torch.equal(value, state[key]) for key, value in optimizer.state_tensors().items())


def test_frozen_parameters_take_no_part():
    model = Linear(3)
    model.head.bias.requires_grad_(False)
    kept = model.head.bias.detach().clone()
    trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    optimizer = sgd.Optimizer(trained, sgd.Options())
    weight = model.head.weight.detach().clone()
    (batch,) = batches([4], 3)
    F.cross_entropy(model(batch.tokens, batch.lengths), batch.labels).backward()
    expected = float(model.head.weight.grad.norm())
    model.zero_grad()
    (info,) = steps(model, [batch], optimizer)
    assert info.gradient_norm == pytest.approx(expected, rel=1e-12)
    assert torch.equal(model.head.bias, kept)
    assert not torch.equal(model.head.weight, weight)


@pytest.mark.parametrize("num_classes", [2, 3, 5])
def test_the_class_weighted_loss_is_torchs_weighted_mean(num_classes):
    weights = torch.linspace(0.2, 3, num_classes, dtype=torch.float64)
    model = Linear(1 if num_classes == 2 else num_classes)
    optimizer = Recorder(model)
    (batch,) = batches([11], num_classes)
    assert len(batch.labels.unique()) > 1
    expected = F.cross_entropy(reference_logits(model, batch), batch.labels, weight=weights)
    gradients = torch.autograd.grad(expected, list(model.parameters()))
    (info,) = steps(model, [batch], optimizer, task=Classification(weights))
    assert_close([info.loss.nats / info.loss.targets], [expected])
    assert_close([info.loss.targets], [weights[batch.labels].sum()])
    assert_close(optimizer.seen[0], gradients)


def test_equal_class_weights_change_nothing():
    model = Linear(3)
    (batch,) = batches([6], 3)
    text_batch = TextBatch(*batch)
    plain = Classification().loss_sum(model, text_batch)
    weighted = Classification(torch.full((3,), 2.0, dtype=torch.float64)).loss_sum(
        model, text_batch
    )
    assert isinstance(plain, LossSum)
    assert_close([weighted.nats / weighted.targets], [plain.nats / plain.targets])
    assert torch.equal(weighted.hits, plain.hits)


@pytest.mark.parametrize("num_classes", [2, 3, 5])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_smoothed_loss_is_that_of_mixed_targets(num_classes, weighted):
    smooth = 0.2
    model = Linear(1 if num_classes == 2 else num_classes)
    (batch,) = batches([11], num_classes)
    weights = torch.linspace(0.2, 3, num_classes, dtype=torch.float64) if weighted else None
    targets = (1 - smooth) * F.one_hot(batch.labels, num_classes).double() + smooth / num_classes
    nats = -(targets * torch.log_softmax(reference_logits(model, batch), dim=1)).sum(dim=1)
    weight_B = torch.ones_like(nats) if weights is None else weights[batch.labels]
    found = Classification(weights, smooth).loss_sum(model, TextBatch(*batch))
    assert_close([found.nats, found.targets], [(weight_B * nats).sum(), weight_B.sum()])
