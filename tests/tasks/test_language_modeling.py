"""Perplexity against an oracle in NumPy; windows, scales and the carried state.

Legend: T tokens, D input width, H state width, V vocabulary.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from rnnlab.data.streams import Stream, Variation
from rnnlab.models.kinds import language_model
from rnnlab.models.language_model import LanguageModel
from rnnlab.nn import compiled
from rnnlab.tasks.language_modeling import LanguageModeling, StreamFeed, Window
from rnnlab.train.loop import training_steps
from rnnlab.train.optimizers import sgd

VOCABULARY = 7


def build(cell: str = "lstm", **options: object) -> LanguageModel:
    torch.manual_seed(3)
    settings = {
        "embedding": {"dim": 3},
        "encoder": {"cell": cell, "hidden": 4, "layers": 2},
        "initial_range": 0.9,
        **options,
    }
    chosen = language_model.Options.model_validate(settings)
    return language_model.build(chosen, vocabulary_size=VOCABULARY).double()


def stream(count: int, seed: int = 0) -> Stream:
    drawn = np.random.default_rng(seed).integers(0, VOCABULARY, count).astype(np.int32)
    return Stream(drawn, texts=1, alien=0)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def oracle(cell: str, model: LanguageModel, tokens: np.ndarray) -> float:
    """Nats of all tokens, one token at a time: the chain rule, from the end of a text on."""
    p = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    hidden = [np.zeros(4), np.zeros(4)]
    memory = [np.zeros(4), np.zeros(4)]
    context, total = 0, 0.0
    for token in tokens:
        x = p["embedding.weight"][context]
        for layer in range(2):
            w, u, b, c = (
                p[f"encoder.{name}_l{layer}"]
                for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            h = hidden[layer]
            if cell == "lstm":
                i, f, g, o = np.split(w @ x + b + u @ h + c, 4)
                memory[layer] = sigmoid(f) * memory[layer] + sigmoid(i) * np.tanh(g)
                h = sigmoid(o) * np.tanh(memory[layer])
            else:
                (xr, xz, xn), (hr, hz, hn) = np.split(w @ x + b, 3), np.split(u @ h + c, 3)
                z = sigmoid(xz + hz)
                h = (1 - z) * np.tanh(xn + sigmoid(xr + hr) * hn) + z * h
            hidden[layer] = x = h
        logits = p["head.weight"] @ x + p["head.bias"]
        total -= logits[token] - math.log(np.exp(logits).sum())
        context = token
    return total


@pytest.mark.parametrize("form", ["native", "dense"])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_perplexity_is_that_of_the_chain_rule_whatever_the_window(monkeypatch, cell, form):
    if form == "dense":
        monkeypatch.setattr(compiled, "available", lambda: False)
    model, text = build(cell, dropout=0.5, embedding={"dim": 3, "dropout": 0.5}), stream(437)
    expected = oracle(cell, model, text.tokens)
    for window in (1, 10, 35, 200, 512):
        scores = LanguageModeling().score(model, text, window)
        assert scores.nats == pytest.approx(expected, rel=1e-12)
        assert scores.tokens == 437
        assert scores.perplexity == pytest.approx(math.exp(expected / 437), rel=1e-12)
    assert scores.unknown == int((text.tokens == 1).sum())


def test_float32_differs_by_rounding_alone():
    model, text = build(), stream(400)
    exact = LanguageModeling().score(model, text).perplexity
    single = model.float()
    found = [LanguageModeling().score(single, text, window).perplexity for window in (10, 35, 200)]
    assert found == pytest.approx([exact] * 3, rel=1e-5)


def test_scoring_leaves_the_carried_state_of_training_alone():
    model, task = build(), LanguageModeling()
    task.loss_sum(model, feed(task).collate((0, 5)))
    before = [tensor.clone() for tensor in task.carried or ()]
    task.score(model, stream(50))
    assert all(map(torch.equal, before, task.carried or ()))
    assert len(before) == 2


def feed(task: LanguageModeling, window: int = 5, count: int = 60, batch: int = 3) -> StreamFeed:
    device = torch.device("cpu")
    return StreamFeed(stream(count), task, batch_size=batch, window=window, device=device)


def test_windows_with_carried_state_read_what_one_pass_reads():
    model = build()
    whole, parts = LanguageModeling(), LanguageModeling()
    (one,) = feed(whole, window=100).batches(0)
    expected = whole.loss_sum(model, feed(whole, window=100).collate(one))
    pieces = feed(parts, window=7)
    losses = [parts.loss_sum(model, pieces.collate(item)) for item in pieces.batches(0)]
    assert [int(loss.targets) for loss in losses] == [21, 21, 18]
    found = sum(loss.nats.item() for loss in losses)
    assert found == pytest.approx(expected.nats.item(), rel=1e-12)
    for left, right in zip(whole.carried or (), parts.carried or (), strict=True):
        torch.testing.assert_close(left, right, rtol=1e-12, atol=1e-12)
    pieces.begin_epoch()
    assert parts.carried is None


def test_gradients_end_where_the_window_begins():
    model, task = build(), LanguageModeling()
    windows = feed(task)
    first = task.loss_sum(model, windows.collate((0, 5)))
    assert all(not tensor.requires_grad for tensor in task.carried or ())
    second = task.loss_sum(model, windows.collate((5, 10)))
    model.zero_grad()
    second.nats.backward()  # does not need the first window's graph
    model.zero_grad()
    first.nats.backward()


def gradients(scale: str) -> list[Tensor]:
    model, task = build(), LanguageModeling(scale)
    loss = task.loss_sum(model, feed(task).collate((0, 5)))
    task.objective(loss).backward()
    return [p.grad.to_dense() for p in model.parameters() if p.grad is not None]


def test_a_loss_summed_over_time_is_as_many_times_the_mean_as_there_are_steps():
    for mean, summed in zip(gradients("token_mean"), gradients("time_sum"), strict=True):
        torch.testing.assert_close(5 * mean, summed, rtol=1e-12, atol=1e-14)


def trained(scale: str, lr: float, clip_norm: float) -> list[Tensor]:
    model, task = build(), LanguageModeling(scale)
    windows = feed(task)
    optimizer = sgd.Optimizer(model.named_parameters(), sgd.Options(lr=lr))
    steps = training_steps(
        model.train(),
        task.loss_sum,
        map(windows.collate, windows.batches(0)),
        optimizer,
        learning_rate=lambda: lr,
        clip_norm=clip_norm,
        first_step=0,
        objective=task.objective,
    )
    norms = [step.gradient_norm for step in steps]
    assert max(norms) > clip_norm  # or the test tests no clipping
    return [p.detach() for p in model.parameters()]


def test_published_rates_and_clips_convert_by_the_window():
    """lr 1 and clip .5 on the sum over 5 steps are lr 5 and clip .1 on the mean of tokens."""
    for one, other in zip(
        trained("time_sum", 1.0, 0.5), trained("token_mean", 5.0, 0.1), strict=True
    ):
        # clipping adds 1e-6 to the norm, whatever its scale
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def varied(scale: str = "token_mean", seed: int = 0) -> StreamFeed:
    return StreamFeed(
        stream(3000),
        LanguageModeling(scale),
        batch_size=3,
        window=12,
        device=torch.device("cpu"),
        variation=Variation(half_share=0.3, deviation=3.0, least=2, seed=seed),
    )


def test_windows_of_varied_lengths_predict_everything_once_in_every_epoch():
    windows = varied()
    assert windows.batches(0) != windows.batches(1)
    assert windows.batches(0) != varied(seed=1).batches(0)
    for epoch in range(3):
        targets = [windows.collate(item).targets for item in windows.batches(epoch)]
        expected = stream(3000).tokens.reshape(3, 1000)
        assert np.array_equal(torch.cat(targets, dim=1).numpy(), expected)
        assert sum(map(windows.tokens, windows.batches(epoch))) == windows.epoch_tokens == 3000


def test_an_update_is_in_proportion_to_the_length_of_its_window_under_both_losses():
    windows, summed = varied(), varied("time_sum")
    for first, end in windows.batches(0):
        assert windows.rate((first, end)) == (end - first) / 12
        assert summed.rate((first, end)) == 1
    assert feed(LanguageModeling(), window=7).rate((0, 4)) == 1  # windows that are all the same


def test_all_parameters_lie_within_the_initial_range():
    model = build(initial_range=0.05)
    for parameter in model.parameters():
        assert parameter.abs().max() <= 0.05
    assert model.embedding.weight.abs().max() > 0.03
    usual = build(initial_range=None)
    assert usual.embedding.weight.abs().max() > 1


def test_dropout_falls_on_inputs_between_layers_and_on_outputs():
    batch = Window(torch.zeros(1, 4, dtype=torch.int64), torch.zeros(1, 4, dtype=torch.int64))
    places = (
        {"embedding": {"dim": 3, "dropout": 0.5}},
        {"encoder": {"hidden": 4, "layers": 2, "dropout": 0.5}},
        {"dropout": 0.5},
    )
    for place in places:
        model = build(**place)
        drawn = {LanguageModeling().loss_sum(model.train(), batch).nats.item() for _ in range(9)}
        assert len(drawn) > 1
        model.eval()
        drawn = {LanguageModeling().loss_sum(model, batch).nats.item() for _ in range(3)}
        assert len(drawn) == 1


def test_a_model_learns_a_text_by_heart():
    torch.manual_seed(0)
    model, task = build(encoder={"cell": "lstm", "hidden": 24}), LanguageModeling()
    text = Stream(np.array([2, 3, 4, 5, 6, 0] * 20, np.int32), texts=20, alien=0)
    windows = StreamFeed(text, task, batch_size=2, window=10, device=torch.device("cpu"))
    optimizer = sgd.Optimizer(model.named_parameters(), sgd.Options(lr=0.5))
    for _ in range(40):
        windows.begin_epoch()
        steps = training_steps(
            model.train(),
            task.loss_sum,
            map(windows.collate, windows.batches(0)),
            optimizer,
            learning_rate=lambda: 0.5,
            clip_norm=None,
            first_step=0,
        )
        for _ in steps:
            pass
    assert task.score(model, text).perplexity < 1.2


@pytest.mark.slow
def test_the_treebank_reads_the_same_in_windows_of_10_35_and_200(data_folder):
    from rnnlab import compose
    from rnnlab.compose.language_modeling import read_stream
    from rnnlab.config.load import load_config

    config = load_config("ptb-lstm")
    dataset = compose.dataset_of(config)
    prepared = compose.prepare(config, dataset)
    text = read_stream(dataset, "test", prepared.reader)
    torch.manual_seed(0)
    model = config.model.module.build(
        config.model.options, vocabulary_size=len(prepared.reader.vocabulary)
    )
    found = [LanguageModeling().score(model, text, window) for window in (10, 35, 200)]
    assert {scores.tokens for scores in found} == {82_430}
    for scores in found:
        assert scores.perplexity == pytest.approx(found[0].perplexity, rel=1e-6)
