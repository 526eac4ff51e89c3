"""Heads over a vocabulary: torch's numbers and gradients; probabilities that sum to 1; one slab."""

from __future__ import annotations

import copy
import gc
import weakref

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnlab.nn import compiled, linear_cross_entropy
from rnnlab.nn.embedding import Embedding
from rnnlab.nn.heads import AdaptiveHead, LinearHead, TiedHead

WIDTH, WORDS, ROWS = 6, 23, 40
FORMS = ["compiled", "torch"]


def use(form: str, patch: pytest.MonkeyPatch) -> None:
    if form == "torch":
        patch.setattr(compiled, "available", lambda: False)
    elif not compiled.available():
        pytest.skip("the compiled kernels were not built here")
    patch.setattr(linear_cross_entropy, "SLAB_NUMBERS", 7 * WORDS)


def make(kind: str, cutoffs: tuple[int, ...] = (5, 11, 20), divide_by: float = 1.5):
    torch.manual_seed(4)
    if kind == "linear":
        return LinearHead(WIDTH, WORDS).double()
    if kind == "tied":
        head = TiedHead(Embedding(WORDS, WIDTH).double()).double()
        head.bias.data.normal_()
        return head
    return AdaptiveHead(WIDTH, WORDS, cutoffs, divide_by).double()


def problem(last: int = WORDS) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(ROWS, WIDTH, generator=generator, dtype=torch.float64)
    return features.requires_grad_(), torch.randint(last, (ROWS,), generator=generator)


KINDS = ["linear", "tied", "adaptive"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_all_words_have_probabilities_that_sum_to_one_and_give_the_nats(kind, form, monkeypatch):
    use(form, monkeypatch)
    head = make(kind)
    features, targets = problem()
    logs = head.log_probabilities(features)
    assert logs.shape == (ROWS, WORDS)
    torch.testing.assert_close(logs.exp().sum(1), torch.ones(ROWS).double(), rtol=0, atol=1e-13)
    expected = F.nll_loss(logs, targets, reduction="sum")
    found = head.nats(features, targets)
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=0)


def reference(head: nn.Module, features: Tensor, targets: Tensor) -> Tensor:
    """The same loss as torch has it, on the same parameters."""
    if isinstance(head, AdaptiveHead):
        return -nn.AdaptiveLogSoftmaxWithLoss.forward(head, features, targets).output.sum()
    return F.cross_entropy(head(features), targets, reduction="sum")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_nats_and_gradients_are_torchs(kind, form, monkeypatch):
    use(form, monkeypatch)
    head = make(kind)
    features, targets = problem()
    leaves = [features, *head.parameters()]
    leaves += [head.weight] if kind == "tied" else []
    found = head.nats(features, targets)
    expected = reference(head, features, targets)
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=0)
    for one, other in zip(
        torch.autograd.grad(found, leaves), torch.autograd.grad(expected, leaves), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-13)
        assert bool(other.any())


def test_a_cluster_without_targets_costs_nothing_and_has_a_gradient_of_zero():
    head = make("adaptive")
    features, targets = problem(last=5)
    gradients = torch.autograd.grad(head.nats(features, targets), list(head.tail.parameters()))
    assert not any(bool(gradient.any()) for gradient in gradients)
    expected = reference(head, features, targets)
    torch.testing.assert_close(head.nats(features, targets), expected, rtol=1e-13, atol=0)


def test_a_tied_head_owns_its_bias_alone_and_follows_its_embedding():
    embedding = Embedding(WORDS, WIDTH)
    module = nn.ModuleDict({"embedding": embedding, "head": TiedHead(embedding)})
    assert sorted(module.state_dict()) == ["embedding.weight", "head.bias"]
    twin = copy.deepcopy(module).double()
    twin["embedding"].weight.data.fill_(2.0)
    head = twin["head"]
    assert isinstance(head, TiedHead)
    assert head.weight is twin["embedding"].weight
    assert bool((head(torch.ones(1, WIDTH).double()) == 2 * WIDTH).all())
    assert module["head"].weight is embedding.weight  # type: ignore[union-attr]


@pytest.mark.parametrize("learns", [True, False])
def test_never_more_than_one_slab_of_logits_is_held(learns, monkeypatch):
    use("compiled", monkeypatch)
    alive: list[weakref.ref[Tensor]] = []
    slabs = 0

    def product(x: Tensor, weight: Tensor) -> Tensor:
        nonlocal slabs
        gc.collect()
        result = linear_cross_entropy_product(x, weight)
        if weight.shape[0] == WORDS:
            slabs += 1
            assert not any(reference() is not None for reference in alive)
            assert result.numel() <= 7 * WORDS
            alive.append(weakref.ref(result))
        return result

    linear_cross_entropy_product = linear_cross_entropy.product
    monkeypatch.setattr(linear_cross_entropy, "product", product)
    head = make("linear").requires_grad_(learns)
    features, targets = problem()
    found = head.nats(features if learns else features.detach(), targets)
    assert slabs == 6
    assert found.requires_grad is learns


def test_scoring_computes_no_gradients(monkeypatch):
    asked = []
    monkeypatch.setattr(
        linear_cross_entropy, "weight_gradient", lambda *tensors, **_: asked.append(tensors)
    )
    features, targets = problem()
    for kind in KINDS:
        with torch.inference_mode():
            make(kind).nats(features.detach(), targets)
    assert not asked
    make("linear").nats(features, targets)
    assert asked
