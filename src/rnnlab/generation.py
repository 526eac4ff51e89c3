"""Let a language model go on with a text.

Legend: C continuations, H state width, V vocabulary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnlab.data.streams import EOS, stream_of
from rnnlab.data.tokenizing import joined
from rnnlab.data.vocabulary import UNKNOWN
from rnnlab.exceptions import UserError
from rnnlab.language_predictor import LanguagePredictor

if TYPE_CHECKING:
    from torch import Generator, Tensor


@dataclass(frozen=True)
class Sampling:
    """How the next word is drawn.

    Attributes:
        temperature: of the softmax; 0 takes the most probable word.
        top_k: only so many most probable words; None for all.
        top_p: only the most probable words that together have this probability, the word that
            reaches it among them (Holtzman et al. 2020, arXiv:1904.09751); 1 for all.
        unknown: whether the unknown word may be drawn.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    unknown: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.temperature) and self.temperature >= 0):
            raise UserError(f"temperature {self.temperature} must be 0 or more")
        if self.top_k is not None and self.top_k < 1:
            raise UserError(f"top-k {self.top_k} must be 1 or more")
        if not 0 < self.top_p <= 1:
            raise UserError(f"top-p {self.top_p} must be more than 0, and at most 1")

    def weights(self, log_probabilities_V: Tensor) -> Tensor:
        """Probability of being drawn of every word, float64[V], from ln of the model's own."""
        import torch

        logs_V = log_probabilities_V.double().clone()
        if not self.unknown:
            logs_V[UNKNOWN] = -math.inf
        if self.temperature == 0:
            return torch.nn.functional.one_hot(logs_V.argmax(), len(logs_V)).double()
        logs_V -= logs_V.max()  # or a temperature near 0 leaves no word
        logs_V /= self.temperature
        order_V = torch.argsort(logs_V, descending=True, stable=True)
        weights_V = torch.softmax(logs_V[order_V], dim=0)
        before_V = weights_V.cumsum(dim=0) - weights_V
        weights_V[before_V >= self.top_p] = 0
        if self.top_k is not None:
            weights_V[self.top_k :] = 0
        return torch.empty_like(weights_V).scatter_(0, order_V, weights_V / weights_V.sum())


@dataclass(frozen=True)
class Continuation:
    """What a model wrote.

    Attributes:
        tokens: after the prompt, the end of the text left out.
        text: the same as text.
        joint: what stands between the prompt and the text: a space, or nothing where they are one
            word.
        ended: whether the text came to its end, rather than to the most tokens.
        nats: -ln of the probability that the model itself gives to what it wrote, the end counted.
    """

    tokens: tuple[str, ...]
    text: str
    joint: str
    ended: bool
    nats: float


@dataclass(frozen=True)
class Prompt:
    """A beginning as a model reads it.

    Attributes:
        tokens: vocabulary indices.
        unknown: which of its words the model does not know.
    """

    tokens: list[int]
    unknown: tuple[str, ...]

    @staticmethod
    def read(predictor: LanguagePredictor, text: str) -> Prompt:
        """Tokenize what a text begins with. Its lines are texts of their own, as in training: what
        ends with a line end, or is empty, is before the beginning of a text."""
        ragged, types = predictor.reader.tokenize(text.split("\n"))
        stream = stream_of(ragged, types, predictor.reader.vocabulary)
        tokens = stream.tokens[:-1].tolist()  # without the end of the last line
        known = predictor.reader.vocabulary.index
        words = (types[int(number)] for number in ragged.tokens)
        return Prompt(tokens, tuple(word for word in words if word not in known))

    @property
    def words(self) -> int:
        """How many tokens it has, ends of lines not counted."""
        return len(self.tokens) - self.tokens.count(EOS)

    @property
    def is_open(self) -> bool:
        """Whether what follows belongs to the same line."""
        return bool(self.tokens) and self.tokens[-1] != EOS


def generate(
    predictor: LanguagePredictor,
    prompt: Prompt,
    sampling: Sampling | None = None,
    *,
    count: int = 1,
    tokens: int = 50,
    seed: int = 0,
) -> list[Continuation]:
    """Continue a text several times, each until its end or `tokens` tokens.

    A continuation depends on the seed and its own number, not on how many there are.

    Args:
        predictor: a language model.
        prompt: what is gone on with.
        sampling: how words are drawn.
        count: continuations.
        tokens: of a continuation, at most.
        seed: of what is drawn.
    """
    import torch

    sampling = sampling or Sampling()
    seeds = [(seed * 1_000_003 + number) % 2**63 for number in range(count)]
    draws = [torch.Generator().manual_seed(one) for one in seeds]
    model = predictor.model.eval()
    device = next(model.parameters()).device
    written: list[list[int]] = [[] for _ in draws]
    nats = [0.0] * count
    with torch.inference_mode():
        heard_1T = torch.tensor([[EOS, *prompt.tokens]], device=device)
        features_CTH, state = model(heard_1T, None)
        features_CTH = features_CTH[:, -1:].expand(count, -1, -1)
        state = tuple(part.repeat_interleave(count, dim=1) for part in state)
        going = list(range(count))
        for _ in range(tokens):
            logs_CV = model.log_probabilities(features_CTH[:, -1]).cpu()
            drawn = [
                _draw(sampling.weights(logs_V), draws[number])
                for logs_V, number in zip(logs_CV, going, strict=True)
            ]
            for row, (number, token) in enumerate(zip(going, drawn, strict=True)):
                written[number].append(token)
                nats[number] -= float(logs_CV[row, token])
            kept = [row for row, token in enumerate(drawn) if token != EOS]
            going = [going[row] for row in kept]
            if not going:
                break
            if len(kept) < len(drawn):
                state = tuple(part[:, kept] for part in state)
            next_C1 = torch.tensor([[drawn[row]] for row in kept], device=device)
            features_CTH, state = model(next_C1, state)
    return [
        _continuation(predictor, prompt, found, cost)
        for found, cost in zip(written, nats, strict=True)
    ]


def _draw(weights_V: Tensor, chance: Generator) -> int:
    import torch

    return int(torch.multinomial(weights_V, 1, generator=chance))


def _continuation(
    predictor: LanguagePredictor, prompt: Prompt, written: list[int], nats: float
) -> Continuation:
    ended = bool(written) and written[-1] == EOS
    words = predictor.reader.vocabulary.words
    tokens = tuple(words[token] for token in (written[:-1] if ended else written))
    within = joined(predictor.reader.tokenizer, tokens)
    text = within.lstrip()
    joint = " " if prompt.is_open and text != within else ""
    return Continuation(tokens, text, joint, ended, nats)
