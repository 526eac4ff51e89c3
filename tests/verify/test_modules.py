"""`check_module` passes what is right, and names what is wrong."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rnnlab.verify import check_module


def make_tokens(length, generator):
    return torch.randint(2, 50, (length,), generator=generator)


def make_features(length, generator):
    return torch.randn(length, 3, generator=generator)


class Mean(nn.Module):
    """Right: a mean over each sequence's own steps."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(50, 6, padding_idx=0)
        self.head = nn.Linear(6, 2)

    def forward(self, tokens, lengths):
        mask = torch.arange(tokens.shape[1]) < lengths.unsqueeze(1)
        return self.head((self.embedding(tokens) * mask.unsqueeze(-1)).sum(1) / lengths[:, None])


class DividesByTheBatch(Mean):
    def forward(self, tokens, lengths):
        return self.head(self.embedding(tokens).mean(1))


class AlwaysDrops(Mean):
    def forward(self, tokens, lengths):
        return nn.functional.dropout(super().forward(tokens, lengths), 0.5)


class CutOff(Mean):
    def forward(self, tokens, lengths):
        with torch.no_grad():
            mask = torch.arange(tokens.shape[1]) < lengths.unsqueeze(1)
            mean = (self.embedding(tokens) * mask.unsqueeze(-1)).sum(1) / lengths[:, None]
        return self.head(mean)


class NotANumberForOne(Mean):
    def forward(self, tokens, lengths):
        spread = (lengths - 1).to(self.head.weight).unsqueeze(1)
        return super().forward(tokens, lengths) * spread / spread


class Constant(Mean):
    def forward(self, tokens, lengths):
        return super().forward(tokens, lengths) * 0


class Crashes(Mean):
    def forward(self, tokens, lengths):
        raise RuntimeError("no such\nshape")


def test_what_is_right_passes_and_is_left_as_it_is():
    module = Mean().train()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    report = check_module(module, make_tokens)
    assert report, report
    assert module.training
    assert module.head.weight.dtype == torch.float32
    assert module.head.weight.grad is None
    assert all(torch.equal(before[name], t) for name, t in module.state_dict().items())
    assert "Mean: passed" in str(report)
    assert report.to_dict()["checks"][0]["difference"] < 1e-10


@pytest.mark.parametrize(
    ("module", "failed"),
    [
        (DividesByTheBatch, {"batching", "padding", "learning"}),
        (AlwaysDrops, {"batching", "padding", "determinism", "learning"}),
        (CutOff, {"learning"}),
        (NotANumberForOne, {"batching", "padding", "extremes", "determinism", "learning"}),
        (Constant, {"batching", "learning"}),
    ],
)
def test_what_is_wrong_is_named(module, failed):
    torch.manual_seed(0)
    report = check_module(module(), make_tokens)
    assert set(report.failed) == failed, report
    assert not report


def test_a_module_that_raises_fails_in_one_line():
    report = check_module(Crashes(), make_tokens, only=["extremes"])
    (check,) = report.checks
    assert check.passed is False
    assert check.detail == "stopped by RuntimeError: no such shape"


class Tagger(nn.Module):
    def __init__(self, masks=True):
        super().__init__()
        self.gru, self.head = nn.GRU(3, 5, batch_first=True), nn.Linear(5, 4)
        self.masks = masks

    def forward(self, x, lengths):
        return self.head(self.gru(x)[0])

    def loss(self, x, lengths):
        nats = -self(x, lengths).log_softmax(-1)[..., 0]
        mask = torch.arange(x.shape[1]) < lengths.unsqueeze(1)
        if not self.masks:
            return nats.sum(), nats.numel()
        return (nats * mask).sum(), mask.sum()


def test_outputs_and_losses_of_each_token():
    options = {"per_token": True, "loss": Tagger.loss}
    report = check_module(Tagger(), make_features, **options)
    assert report, report
    wrong = check_module(Tagger(masks=False), make_features, **options)
    assert wrong.failed == ("loss",)


def test_a_backward_direction_reads_padding():
    class Both(Tagger):
        def __init__(self):
            super().__init__()
            self.gru, self.head = (
                nn.GRU(3, 5, batch_first=True, bidirectional=True),
                nn.Linear(10, 4),
            )

    report = check_module(Both(), make_features, per_token=True)
    assert set(report.failed) == {"batching", "padding", "learning"}


def test_float32_is_held_to_its_own_tolerance():
    report = check_module(Mean(), make_tokens, dtype=None)
    assert report, report
    asked = [check for check in report.checks if check.passed is not None]
    assert {check.tolerance for check in asked} == {1e-5, 0.0}


def test_what_is_asked_for_has_to_make_sense():
    with pytest.raises(ValueError, match="did you mean 'padding'"):
        check_module(Mean(), make_tokens, only=["paddin"])
    with pytest.raises(ValueError, match="two different ones"):
        check_module(Mean(), make_tokens, lengths=[3, 3])
    report = check_module(
        Mean(), make_tokens, call=lambda m, x, n: m(x, n).sum(), only=["batching"]
    )
    assert "has to return a row for each" in report.checks[0].detail
