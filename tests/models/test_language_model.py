"""Language models with tied weights, other widths on top and adaptive softmax, against models that
are written down in plain torch.

Legend: B columns, T steps, D embedding width, H state width, V vocabulary.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from pydantic import ValidationError
from torch import Tensor, nn

from rnnlab.exceptions import UserError
from rnnlab.models.kinds import language_model
from rnnlab.models.language_model import LanguageModel
from rnnlab.nn import compiled
from rnnlab.registry import OPTIMIZERS
from rnnlab.tasks.activation_penalties import Penalties
from rnnlab.tasks.language_modeling import LanguageModeling, Window

VOCABULARY, DIM, HIDDEN = 11, 3, 4
FORMS = ["compiled", "torch"]
SHAPES: dict[str, dict[str, Any]] = {
    "projected": {"tied": True},
    "square": {"tied": True, "embedding": {"dim": HIDDEN}},
    "narrow-top": {"tied": True, "encoder": {"hidden": 5, "layers": 3, "last_hidden": DIM}},
    "projected-top": {"tied": True, "encoder": {"hidden": 3, "layers": 2, "last_hidden": 5}},
    "untied-top": {"encoder": {"hidden": 3, "layers": 2, "last_hidden": 6}},
    "adaptive": {"adaptive": {"cutoffs": [3, 7], "divide_by": 1.5}},
}
OPTIMIZERS_OF_TORCH = {
    "sgd": (torch.optim.SGD, {"lr": 0.3, "weight_decay": 0.01}),
    "adam": (torch.optim.Adam, {"lr": 0.01}),
}


def use(form: str, patch: pytest.MonkeyPatch) -> None:
    if form == "torch":
        patch.setattr(compiled, "available", lambda: False)
    elif not compiled.available():
        pytest.skip("the compiled kernels were not built here")


def build(seed: int = 3, **settings: Any) -> LanguageModel:
    torch.manual_seed(seed)
    base = {"embedding": {"dim": DIM}, "encoder": {"hidden": HIDDEN, "layers": 2}}
    options = language_model.Options.model_validate({**base, **settings})
    return language_model.build(options, vocabulary_size=VOCABULARY).double()


class Plain(nn.Module):
    """The same in plain torch, one nn.LSTM a layer; weights are taken over by name."""

    def __init__(self, model: LanguageModel) -> None:
        super().__init__()
        self.embedding = nn.Embedding.from_pretrained(
            model.embedding.weight.detach().clone(), freeze=False
        )
        layers = [(model.encoder, number) for number in range(model.encoder.num_layers)]
        layers += [(model.top, 0)] if model.top is not None else []
        self.layers = nn.ModuleList()
        for recurrent, number in layers:
            weights = recurrent.weights(number, "")
            layer = nn.LSTM(weights[0].shape[1], recurrent.hidden_size, batch_first=True).double()
            for name, weight in zip(("ih", "hh"), weights[:2], strict=True):
                layer.get_parameter(f"weight_{name}_l0").data.copy_(weight)
            for name, bias in zip(("ih", "hh"), weights[2:], strict=True):
                layer.get_parameter(f"bias_{name}_l0").data.copy_(bias)
            self.layers.append(layer)
        self.projection, self.head = copy.deepcopy((model.projection, model.head))
        self.is_tied = "head.weight" not in model.state_dict()

    def loss(self, batch: Window, states: list[Any]) -> tuple[Tensor, list[Any]]:
        """Mean nats of a window, and the states after it."""
        x, after = self.embedding(batch.inputs), []
        for layer, state in zip(self.layers, states, strict=True):
            x, last = layer(x, state)
            after.append(tuple(part.detach() for part in last))
        x = (x if self.projection is None else x @ self.projection.weight.T).flatten(0, 1)
        targets = batch.targets.flatten()
        if isinstance(self.head, nn.AdaptiveLogSoftmaxWithLoss):
            return nn.AdaptiveLogSoftmaxWithLoss.forward(self.head, x, targets).loss, after
        matrix = self.embedding.weight if self.is_tied else self.head.weight
        return F.cross_entropy(F.linear(x, matrix, self.head.bias), targets), after

    def named(self) -> dict[str, Tensor]:
        """Parameters under the names of the other model."""
        found: dict[str, Tensor] = {"embedding.weight": self.embedding.weight}
        for number, layer in enumerate(self.layers):
            for name, parameter in layer.named_parameters():
                found[f"{number}/{name[:-1]}"] = parameter
        if self.projection is not None:
            found["projection.weight"] = self.projection.weight
        for name, parameter in self.head.named_parameters():
            found[f"head.{name}"] = parameter
        return found


def named(model: LanguageModel) -> dict[str, Tensor]:
    """Parameters with the layers numbered through."""
    found = {}
    for name, parameter in model.named_parameters():
        module, _, own = name.partition(".")
        if module in ("encoder", "top"):
            number = int(own[-1]) if module == "encoder" else model.encoder.num_layers
            found[f"{number}/{own[:-1]}"] = parameter
        else:
            found[name] = parameter
    return found


def batches(count: int) -> list[Window]:
    generator = torch.Generator().manual_seed(8)
    stream = torch.randint(VOCABULARY, (2, 5 * count + 1), generator=generator)
    return [
        Window(stream[:, 5 * n : 5 * n + 5], stream[:, 5 * n + 1 : 5 * n + 6]) for n in range(count)
    ]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", SHAPES)
def test_loss_gradients_and_updates_are_those_of_plain_torch(shape, form, monkeypatch):
    use(form, monkeypatch)
    for name, (theirs, settings) in OPTIMIZERS_OF_TORCH.items():
        model = build(**SHAPES[shape]).train()
        plain = Plain(model)
        assert named(model).keys() == plain.named().keys()
        task = LanguageModeling()
        states: list[Any] = [None] * len(plain.layers)
        module = OPTIMIZERS.load(name)
        ours = module.Optimizer(model.named_parameters(), module.Options(**settings))
        reference = theirs(list(plain.named().values()), **settings)
        for batch in batches(6):
            loss = task.loss_sum(model, batch)
            task.objective(loss).backward()
            expected, states = plain.loss(batch, states)
            expected.backward()
            torch.testing.assert_close(task.objective(loss), expected, rtol=1e-12, atol=0)
            for key, parameter in plain.named().items():
                gradient = named(model)[key].grad
                assert gradient is not None
                wanted = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
                torch.testing.assert_close(gradient.to_dense(), wanted, rtol=1e-10, atol=1e-13)
                parameter.grad = wanted
            ours.step(settings["lr"])
            reference.step()
            ours.zero_grad()
            reference.zero_grad()
        for key, parameter in plain.named().items():
            torch.testing.assert_close(named(model)[key], parameter, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_a_tied_matrix_has_the_gradients_of_both_uses(form, monkeypatch):
    use(form, monkeypatch)
    model = build(tied=True)
    (batch,) = batches(1)

    def gradient(looked_up: bool, multiplied: bool) -> Tensor:
        twin = build(tied=True)
        twin.embedding.weight.requires_grad_(looked_up)
        head_weight = model.embedding.weight.detach().clone().requires_grad_(multiplied)
        reading = twin.read(batch.inputs, None)
        logits = F.linear(reading.features.flatten(0, 1), head_weight, twin.head.bias)
        F.cross_entropy(logits, batch.targets.flatten(), reduction="sum").backward()
        leaf = twin.embedding.weight if looked_up else head_weight
        assert leaf.grad is not None
        return leaf.grad.to_dense()

    LanguageModeling().loss_sum(model, batch).nats.backward()
    found = model.embedding.weight.grad
    assert found is not None
    expected = gradient(True, False) + gradient(False, True)
    torch.testing.assert_close(found.to_dense(), expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_tied_matrix_is_owned_saved_and_counted_once(shape):
    model = build(**SHAPES[shape])
    names = set(model.state_dict())
    assert ("head.weight" in names) == (shape == "untied-top")
    assert names == {name for name, _ in model.named_parameters()}
    with torch.device("meta"):
        empty = build(**SHAPES[shape])
    empty.load_state_dict(model.state_dict(), assign=True)
    (batch,) = batches(1)
    one, other = (LanguageModeling().loss_sum(each.eval(), batch).nats for each in (model, empty))
    assert torch.equal(one, other)


@pytest.mark.parametrize("shape", SHAPES)
def test_state_carried_from_window_to_window_is_that_of_one_pass(shape):
    model = build(**SHAPES[shape]).eval()
    whole = torch.randint(VOCABULARY, (2, 12), generator=torch.Generator().manual_seed(2))
    features, after = model(whole, None)
    left, state = model(whole[:, :5], None)
    right, last = model(whole[:, 5:], state)
    torch.testing.assert_close(torch.cat([left, right], 1), features, rtol=0, atol=1e-12)
    for one, other in zip(last, after, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_weight_drop_draws_one_mask_a_window_for_every_layer_and_none_in_evaluation():
    model = build(
        encoder={"hidden": 5, "layers": 3, "last_hidden": 4, "weight_drop": 0.5}, tied=True
    )
    (batch,) = batches(1)
    losses = {LanguageModeling().loss_sum(model.train(), batch).nats.item() for _ in range(9)}
    assert len(losses) > 5
    LanguageModeling().loss_sum(model, batch).nats.backward()
    for name, parameter in model.named_parameters():
        if "weight_hh" in name:
            assert parameter.grad is not None
            assert 0.2 < float((parameter.grad == 0).double().mean()) < 0.8
    losses = {LanguageModeling().loss_sum(model.eval(), batch).nats.item() for _ in range(3)}
    assert len(losses) == 1


PLACES: dict[str, dict[str, Any]] = {
    "words": {"embedding": {"dim": DIM, "type_dropout": 0.5}},
    "inputs": {"embedding": {"dim": DIM, "dropout": 0.5, "locked": True}},
    "between": {"encoder": {"hidden": 4, "layers": 2, "dropout": 0.5, "locked": True}},
    "below the top": {"encoder": {"hidden": 4, "layers": 2, "last_hidden": 3, "dropout": 0.5}},
    "outputs": {"dropout": 0.5, "locked": True},
}


@pytest.mark.parametrize("place", PLACES)
def test_dropout_falls_where_it_should_and_in_training_alone(place):
    model = build(tied=True, **PLACES[place])
    (batch,) = batches(1)
    losses = {LanguageModeling().loss_sum(model.train(), batch).nats.item() for _ in range(9)}
    assert len(losses) > 3
    losses = {LanguageModeling().loss_sum(model.eval(), batch).nats.item() for _ in range(3)}
    assert len(losses) == 1


@pytest.mark.parametrize("place", ["inputs", "between", "outputs"])
def test_a_locked_mask_holds_for_all_steps_of_a_window(place):
    """Units that are zero at one step are zero at all, where the dropped numbers can be seen."""
    model = build(**PLACES[place]).train()
    seen: list[Tensor] = []
    for module in (model.embedding, model.encoder, model.output_dropout, model.input_dropout):
        module.register_forward_hook(lambda _m, _i, out: seen.append(out))
    tokens = torch.full((6, 9), 4)
    if place == "between":
        with torch.no_grad():  # the upper layer's input weights show what it reads
            for name, parameter in model.encoder.named_parameters():
                parameter.fill_(0.7 if name == "bias_ih_l0" else 0.0)
            model.encoder.get_parameter("weight_ih_l1").copy_(torch.eye(4).repeat(4, 1))
    reading = model.read(tokens, None)
    dropped = {
        "inputs": lambda: seen[1],
        "outputs": lambda: reading.dropped,
        "between": lambda: reading.outputs,
    }[place]()
    is_zero = dropped == 0
    assert torch.equal(is_zero, is_zero[:, :1].expand_as(is_zero))
    assert 0.2 < float(is_zero.double().mean()) < 0.8


@pytest.mark.parametrize("form", FORMS)
def test_activation_penalties_are_their_definition(form, monkeypatch):
    use(form, monkeypatch)
    model = build(**SHAPES["narrow-top"], dropout=0.5, locked=True).train()
    (batch,) = batches(1)
    task = LanguageModeling(penalties=Penalties(ar=2.0, tar=3.0))
    torch.manual_seed(1)
    loss = task.loss_sum(model, batch)
    torch.manual_seed(1)
    with torch.no_grad():
        reading = model.read(batch.inputs, None)
    assert bool((reading.dropped == 0).any())
    assert not bool((reading.outputs == 0).any())
    total = 2.0 * sum(float(x) ** 2 for x in reading.dropped.flatten()) / reading.dropped.numel()
    steps = reading.outputs
    differences = [
        float(steps[b, t + 1, h] - steps[b, t, h]) ** 2
        for b in range(2)
        for t in range(4)
        for h in range(DIM)
    ]
    total += 3.0 * sum(differences) / len(differences)
    penalty, objective = loss.penalty.item(), task.objective(loss)
    assert penalty == pytest.approx(total, rel=1e-12)
    assert objective.item() == pytest.approx(loss.nats.item() / 10 + total, rel=1e-12)
    summed = LanguageModeling("time_sum", penalties=Penalties(2.0, 3.0))
    assert summed.objective(loss).item() == pytest.approx(5 * objective.item(), rel=1e-12)
    (gradient,) = torch.autograd.grad(objective, [model.embedding.weight])
    assert bool(gradient.to_dense().any())


def test_a_window_of_one_step_has_no_differences():
    model = build().train()
    window = Window(torch.tensor([[1]]), torch.tensor([[2]]))
    loss = LanguageModeling(penalties=Penalties(tar=3.0)).loss_sum(model, window)
    assert float(loss.penalty) == 0


def test_initial_values_lie_where_they_are_asked_for():
    tied = build(tied=True).requires_grad_(False)
    assert 0.08 < float(tied.embedding.weight.abs().max()) <= 0.1
    assert not bool(tied.head.bias.any())
    named_range = build(embedding={"dim": DIM, "initial_range": 0.02}).requires_grad_(False)
    assert 0.015 < float(named_range.embedding.weight.abs().max()) <= 0.02
    usual = build().requires_grad_(False)
    assert torch.equal(named_range.encoder.weight_hh_l0, usual.encoder.weight_hh_l0)
    assert float(usual.embedding.weight.abs().max()) > 1
    every = build(tied=True, initial_range=0.03).requires_grad_(False)
    assert all(float(p.abs().max()) <= 0.03 for p in every.parameters())
    assert float(every.head.bias.abs().max()) > 0.01


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ({"tied": True, "adaptive": {"cutoffs": [3]}}, ["tied", "adaptive", "leave out"]),
        ({"adaptive": {"cutoffs": [7, 3]}}, ["cutoffs", "rise"]),
        ({"adaptive": {"cutoffs": [3, 3]}}, ["cutoffs", "rise"]),
        ({"adaptive": {"cutoffs": []}}, ["at least 1"]),
        ({"adaptive": {"cutoffs": [3, 7]}}, ["divide_by=4", "cluster 2", "lower"]),
        ({"encoder": {"hidden": 4, "layers": 1, "last_hidden": 3}}, ["last_hidden", "hidden"]),
        (
            {"initial_range": 0.1, "embedding": {"initial_range": 0.1}},
            ["embedding.initial_range", "leave one out"],
        ),
        ({"tide": True}, ["'tide'", "'tied'"]),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings, parts):
    with pytest.raises(ValidationError) as error:
        build(**settings)
    assert all(part in str(error.value) for part in parts), error.value


def test_a_cutoff_beyond_the_vocabulary_is_refused():
    with pytest.raises(UserError, match=r"model.adaptive.cutoffs: 11 is not below .* 11; lower"):
        build(adaptive={"cutoffs": [3, 11], "divide_by": 1.0})
