"""What is drawn from a language model: its distribution, seeds, and the limits on it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from rnnlab.data.reader import TextReader
from rnnlab.data.streams import EOS, SPECIAL
from rnnlab.data.vocabulary import Vocabulary
from rnnlab.exceptions import UserError
from rnnlab.generation import Prompt, Sampling, generate
from rnnlab.language_predictor import LanguagePredictor
from rnnlab.models.kinds import language_model
from rnnlab.registry import MODELS, TOKENIZERS, Component

WORDS = (*SPECIAL, "cat", "dog", "sees", "the")


@pytest.fixture(scope="module")
def predictor() -> LanguagePredictor:
    torch.manual_seed(1)
    options = language_model.Options.model_validate(
        {"embedding": {"dim": 3}, "encoder": {"hidden": 5, "layers": 2}, "initial_range": 1.5}
    )
    tokenizer = TOKENIZERS.load("whitespace")
    return LanguagePredictor(
        Component(MODELS, "language_model", options),
        language_model.build(options, vocabulary_size=len(WORDS)).requires_grad_(False),
        TextReader(
            Component(TOKENIZERS, "whitespace", tokenizer.Options()),
            Vocabulary(WORDS),
            None,
            "head",
        ),
    )


def next_probabilities(predictor, tokens: list[int]) -> np.ndarray:
    """Of the word after some tokens, from the model read in one piece."""
    features, _ = predictor.model(torch.tensor([[EOS, *tokens]]), None)
    return torch.softmax(predictor.model.head(features[0, -1]).double(), -1).numpy()


def test_words_are_drawn_by_their_probability(predictor):
    prompt = Prompt.read(predictor, "the cat")
    assert prompt == Prompt([5, 2], ())
    drawn = generate(predictor, prompt, Sampling(unknown=True), count=4000, tokens=1)
    counts = Counter("<eos>" if one.ended else one.tokens[0] for one in drawn)
    expected = next_probabilities(predictor, prompt.tokens)
    for word, probability in zip(WORDS, expected, strict=True):
        error = 4 * np.sqrt(probability * (1 - probability) / 4000)
        assert abs(counts[word] / 4000 - probability) < error + 1e-9


def test_the_most_probable_words_and_what_they_cost(predictor):
    prompt = Prompt.read(predictor, "dog")
    (found,) = generate(predictor, prompt, Sampling(temperature=0), tokens=6)
    tokens, nats = list(prompt.tokens), 0.0
    for _ in range(6):
        probabilities = next_probabilities(predictor, tokens)
        allowed = probabilities.copy()
        allowed[1] = 0
        tokens.append(int(allowed.argmax()))
        nats -= np.log(probabilities[tokens[-1]])
        if tokens[-1] == EOS:
            break
    written = tokens[1:-1] if tokens[-1] == EOS else tokens[1:]
    assert found.tokens == tuple(WORDS[token] for token in written)
    assert found.text == " ".join(found.tokens)
    assert found.nats == pytest.approx(nats, rel=1e-5)
    assert found.ended is (tokens[-1] == EOS)


def test_a_continuation_depends_on_its_number_alone(predictor):
    prompt = Prompt.read(predictor, "")
    many = generate(predictor, prompt, count=5, tokens=8, seed=3)
    few = generate(predictor, prompt, count=2, tokens=8, seed=3)
    assert [one.tokens for one in few] == [one.tokens for one in many[:2]]
    other = generate(predictor, prompt, count=5, tokens=8, seed=4)
    assert [one.tokens for one in other] != [one.tokens for one in many]


def test_limits_on_what_is_drawn():
    logs = torch.log(torch.tensor([0.4, 0.3, 0.15, 0.1, 0.05]))  # 1 is the unknown word
    assert Sampling(unknown=True).weights(logs).tolist() == pytest.approx(
        [0.4, 0.3, 0.15, 0.1, 0.05]
    )
    known = [0.4 / 0.7, 0, 0.15 / 0.7, 0.1 / 0.7, 0.05 / 0.7]
    assert Sampling().weights(logs).tolist() == pytest.approx(known)
    two = [0.4 / 0.55, 0, 0.15 / 0.55, 0, 0]
    assert Sampling(top_k=2).weights(logs).tolist() == pytest.approx(two)
    assert Sampling(top_p=0.75).weights(logs).tolist() == pytest.approx(two)
    assert Sampling(top_p=0.01).weights(logs).tolist() == [1, 0, 0, 0, 0]
    cold = np.array([0.4, 0, 0.15, 0.1, 0.05]) ** 2
    assert Sampling(temperature=0.5).weights(logs).tolist() == pytest.approx(cold / cold.sum())


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"temperature": -1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"top_k": 0}, "top-k"),
        ({"top_p": 0}, "top-p"),
        ({"top_p": 1.5}, "top-p"),
    ],
)
def test_limits_that_make_no_sense_are_refused(settings, part):
    with pytest.raises(UserError, match=part):
        Sampling(**settings)


def test_unknown_words_of_a_prompt_are_named(predictor):
    assert Prompt.read(predictor, "zebra cat <unk>") == Prompt([1, 2, 1], ("zebra", "<unk>"))


def test_a_temperature_near_zero_and_any_seed_draw_a_word(predictor):
    logs = torch.log(torch.tensor([0.2, 0.5, 0.3]))
    for temperature in (1e-3, 1e-300, 5e-324):
        assert Sampling(temperature=temperature).weights(logs).tolist() == [0, 0, 1]
    (found,) = generate(predictor, Prompt([], ()), tokens=3, seed=10**30)
    assert found.ended or len(found.tokens) == 3


def test_the_lines_of_a_prompt_are_texts_of_their_own(predictor):
    prompt = Prompt.read(predictor, "the cat\nzebra\n")
    assert prompt == Prompt([5, 2, EOS, 1, EOS], ("zebra",))
    assert (prompt.words, prompt.is_open) == (3, False)
    assert Prompt.read(predictor, "").is_open is False
    assert Prompt.read(predictor, "the").is_open is True


@pytest.mark.parametrize(
    ("tokenizer", "words", "prompt", "drawn", "expected"),
    [
        ("whitespace", ("cat", "sees"), "cat", "sees sees", ("sees sees", " ")),
        ("whitespace", ("cat", "sees"), "cat\n", "sees sees", ("sees sees", "")),
        ("characters", ("c", "a", "t", "▁"), "c", "a t ▁ c", ("at c", "")),
        ("characters", ("c", "a", "t", "▁"), "a", "▁ c a t", ("cat", " ")),
    ],
)
def test_a_text_goes_on_where_the_prompt_ends(
    monkeypatch, tokenizer, words, prompt, drawn, expected
):
    torch.manual_seed(0)
    options = language_model.Options.model_validate({"embedding": {"dim": 2}})
    vocabulary = Vocabulary((*SPECIAL, *words))
    writer = LanguagePredictor(
        Component(MODELS, "language_model", options),
        language_model.build(options, vocabulary_size=len(vocabulary)),
        TextReader(
            Component(TOKENIZERS, tokenizer, TOKENIZERS.load(tokenizer).Options()),
            vocabulary,
            None,
            "head",
        ),
    )
    draws = iter([*(vocabulary.words.index(word) for word in drawn.split()), EOS])
    monkeypatch.setattr("rnnlab.generation._draw", lambda *_: next(draws))
    (found,) = generate(writer, Prompt.read(writer, prompt))
    assert (found.text, found.joint) == expected
    assert found.ended
