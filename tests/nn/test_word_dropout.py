"""Dropout of vectors, plain and locked, and of whole words."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rnnlab.nn.dropout import Dropout, TypeDropout

COLUMNS, STEPS, WIDTH = 20, 12, 40


def ones() -> Tensor:
    return torch.ones(COLUMNS, STEPS, WIDTH, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("locked", [False, True])
def test_numbers_are_dropped_in_training_only_and_the_mean_is_kept(locked):
    torch.manual_seed(0)
    dropout, x = Dropout(0.4, locked=locked), ones()
    found = torch.cat([dropout(x).detach() for _ in range(60)])
    assert set(found.unique().tolist()) == {0.0, 1 / 0.6}
    assert float(found.mean()) == pytest.approx(1.0, abs=0.03)
    assert torch.equal(dropout.eval()(x), x)
    assert torch.equal(Dropout(0.0, locked=locked)(x), x)


def test_a_locked_mask_is_that_of_the_column_and_a_plain_one_that_of_the_step():
    torch.manual_seed(0)
    locked, plain = (Dropout(0.4, locked=is_locked)(ones()).detach() for is_locked in (True, False))
    assert torch.equal(locked, locked[:, :1].expand_as(locked))
    assert len(locked[:, 0].unique(dim=0)) == COLUMNS
    assert len(plain[0].unique(dim=0)) == STEPS


@pytest.mark.parametrize("locked", [False, True])
def test_the_gradient_goes_through_the_mask(locked):
    x = ones()
    found = Dropout(0.4, locked=locked)(x)
    (gradient,) = torch.autograd.grad(found.sum(), x)
    assert torch.equal(gradient, found.detach())


def test_a_plain_mask_draws_what_torchs_dropout_draws():
    x = ones().detach()
    torch.manual_seed(3)
    expected = torch.nn.Dropout(0.3)(x)
    torch.manual_seed(3)
    assert torch.equal(Dropout(0.3)(x), expected)


def test_a_dropped_word_is_dropped_wherever_it_stands():
    torch.manual_seed(0)
    dropout = TypeDropout(0.4, vocabulary_size=9)
    tokens = torch.randint(9, (COLUMNS, STEPS))
    shares = []
    for _ in range(300):
        x = ones()
        found = dropout(x, tokens)
        assert torch.equal(torch.autograd.grad(found.sum(), x)[0], found.detach())
        scales = {}
        for word in range(9):
            (scales[word],) = found[tokens == word].unique().tolist()
        assert set(scales.values()) <= {0.0, 1 / 0.6}
        shares.append(sum(scale == 0 for scale in scales.values()) / 9)
    assert sum(shares) / 300 == pytest.approx(0.4, abs=0.04)
    assert len(set(shares)) > 3
    assert torch.equal(dropout.eval()(ones(), tokens), ones())


def test_dropping_words_is_looking_up_a_matrix_with_rows_of_zeros():
    """The form in which the article has it: E · mask / (1 - share)."""
    weight = torch.randn(9, WIDTH, dtype=torch.float64, requires_grad=True)
    tokens = torch.randint(9, (COLUMNS, STEPS))
    torch.manual_seed(5)
    found = TypeDropout(0.4, 9)(weight[tokens], tokens)
    torch.manual_seed(5)
    mask = torch.nn.functional.dropout(torch.ones(9, dtype=torch.float64), 0.4)
    expected = (weight * mask[:, None])[tokens]
    pull = torch.randn_like(expected)
    assert torch.equal(found, expected)
    torch.testing.assert_close(
        *(torch.autograd.grad((x * pull).sum(), weight)[0] for x in (found, expected)),
        rtol=1e-12,
        atol=1e-13,
    )
