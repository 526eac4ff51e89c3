"""Padding that is read enters the result; padding that is not does not."""

from __future__ import annotations

import torch
from torch import nn

from rnnlab.models.kinds import neural

TOKENS = torch.tensor([[3, 4, 5, 0], [6, 7, 0, 0]])
LENGTHS = torch.tensor([3, 2])


def build(**settings):
    torch.manual_seed(0)
    options = neural.Options.model_validate(
        {"embedding": {"dim": 4}, "encoder": {"cell": "lstm", "hidden": 3}, **settings}
    )
    return neural.build(options, vocabulary_size=9, num_classes=3).double()


def test_it_is_the_state_after_the_padding():
    model = build(read_padding=6)
    cell = nn.LSTM(4, 3, batch_first=True).double()
    cell.load_state_dict(model.encoder.state_dict())
    whole = torch.nn.functional.pad(TOKENS, (0, 2))
    _, (final, _) = cell(model.embedding.weight[whole])
    expected = model.head(final[0])
    torch.testing.assert_close(model(TOKENS, LENGTHS), expected, rtol=0, atol=1e-12)
    narrow = model(TOKENS[1:, :2], LENGTHS[1:])  # whatever its batch mates
    torch.testing.assert_close(narrow, expected[1:], rtol=0, atol=1e-12)
    assert not torch.allclose(build()(TOKENS, LENGTHS), expected)


def test_its_vector_is_trained_and_the_models_begin_alike():
    read, masked = build(read_padding=6), build()
    for model, has_gradient in ((read, True), (masked, False)):
        model(TOKENS, LENGTHS).sum().backward()
        gradient = model.embedding.weight.grad.to_dense()
        assert bool(gradient[0].any()) is has_gradient
    states = read.state_dict(), masked.state_dict()
    assert all(
        torch.equal(states[0][name][1:], states[1][name][1:]) for name in ("embedding.weight",)
    )
    assert torch.equal(states[0]["head.weight"], states[1]["head.weight"])
