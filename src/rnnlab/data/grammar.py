"""A grammar of short opinions in which structure, not vocabulary, decides the label.

A text is a frame ("although A , B") whose clauses are opinions on aspects of a film ("i would not
say that the plot was dull"). The frame says which clause decides; every negation in that clause
turns its opinion round. The depth of a text is its number of operators: negations, plus joins of
clauses.

The same code draws a random text and enumerates all texts: it takes every decision through a
`Choose`, which is either a random generator or a systematic search (`grammar_analysis`).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Any, NamedTuple, Protocol

LABELS = ("negative", "positive")
SLOTS_PER_CLAUSE = 3  # two outer negations, then one beside the adjective
STRESS_ODDS = (4, 1)  # plain to stressed, where the frame leaves it open
DEGREE_ODDS = (3, 1)  # without to with
TAIL_ODDS = (3, 1)


class Choose(Protocol):
    """Takes one decision."""

    def __call__(self, options: Sequence[Any], weights: Sequence[int] | None = None) -> Any:
        """Return one of the options; the weights are positive, None makes all equal."""
        ...


class Opinion(NamedTuple):
    """One text of the grammar.

    Attributes:
        text: words and punctuation marks, lower case, separated by single spaces.
        label: "negative" or "positive".
        depth: number of operators, negations plus joins of clauses.
        frame: name of the frame that joins the clauses.
    """

    text: str
    label: str
    depth: int
    frame: str


@dataclass(frozen=True)
class Lexicon:
    """Phrases by class; a phrase is drawn uniformly from its class.

    The bag-of-words analysis needs that the words of a text tell its phrases: no phrase may be
    made up of the words of others. A `{}` marks the place of an intensifier.
    """

    positive: tuple[str, ...]
    negative: tuple[str, ...]
    aspects: tuple[str, ...]
    wholes: tuple[str, ...]
    outer_negations: tuple[str, ...]
    near_negations: tuple[str, ...]
    intensifiers: tuple[str, ...]
    degrees: tuple[str, ...]
    tails: tuple[str, ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


LEXICON = Lexicon(
    positive=_words(
        "brilliant charming clever delightful enjoyable excellent fresh good great lovely"
        " moving witty"
    ),
    negative=_words("awful bad boring clumsy dull feeble flat messy poor stale tedious weak"),
    aspects=_words("acting camera dialogue ending music pacing plot setting"),
    wholes=("film", "movie"),
    outer_negations=(
        "i would {}not say that",
        "{}nobody thinks that",
        "it is {}wrong to claim that",
        "i {}doubt that",
        "{}few people agree that",
    ),
    near_negations=("{}not", "{}never", "{}by no means", "{}in no way", "{}anything but"),
    intensifiers=("certainly", "clearly", "definitely", "truly", "undoubtedly"),
    degrees=("very", "really", "so", "particularly"),
    tails=("in the end", "for me", "this time", "from start to finish", "on the whole"),
)


@dataclass(frozen=True)
class Frame:
    """How clauses make a text.

    Attributes:
        template: the text, with `{0}`, `{1}`, ... for the clauses.
        signs: per clause, 1 where its opinion is the label and -1 where it is the opposite.
        weight: relative frequency among the frames that fit the depths.
        stressed: the clause that carries an intensifier, where the frame is decided by it.
        whole: the clause about the film and not one aspect, where the frame is decided by it.
    """

    template: str
    signs: tuple[int, ...]
    weight: int
    stressed: int | None = None
    whole: int | None = None

    @property
    def joins(self) -> int:
        """Operators that join clauses."""
        return len(self.signs) - 1

    def depths(self, lowest: int, highest: int) -> list[int]:
        """Depths in the range at which no word of this frame tells the label.

        Where clauses disagree, every depth will do. A lone clause needs even and odd numbers of
        negations equally often; two clauses that agree need an odd number between them, so that
        one adjective of each side occurs.
        """
        deepest = self.joins + SLOTS_PER_CLAUSE * len(self.signs)
        fitting = [d for d in range(lowest, highest + 1) if self.joins <= d <= deepest]
        if self.signs == (1,):
            return [d for d in fitting if d ^ 1 in fitting]
        if self.signs == (1, 1):
            return [d for d in fitting if d % 2 == 0]
        return fitting


FRAMES = {
    "lone": Frame("{0}", (1,), 8),
    "but": Frame("{0} , but {1}", (-1, 1), 3),
    "although first": Frame("although {0} , {1}", (-1, 1), 2),
    "although last": Frame("{0} , although {1}", (1, -1), 2),
    "although but": Frame("although {0} , {1} , but {2}", (1, -1, 1), 1),
    "but although": Frame("{0} , but {1} , although {2}", (-1, 1, -1), 1),
    "and, agreeing": Frame("{0} and {1}", (1, 1), 2),
    "and, first stressed": Frame("{0} and {1}", (1, -1), 3, stressed=0),
    "and, second stressed": Frame("{0} and {1}", (-1, 1), 3, stressed=1),
    "and, whole first": Frame("{0} and {1}", (1, -1), 3, whole=0),
    "and, whole second": Frame("{0} and {1}", (-1, 1), 3, whole=1),
}


def random_choose(rng: random.Random) -> Choose:
    """Choices from a generator; the same for a seed on every platform and Python version.

    `Random.random` is the only method whose sequence Python promises to keep.
    """

    def choose(options: Sequence[Any], weights: Sequence[int] | None = None) -> Any:
        if weights is None:
            return options[int(rng.random() * len(options))]
        left = int(rng.random() * sum(weights))
        for option, weight in zip(options, weights, strict=True):
            left -= weight
            if left < 0:
                return option
        raise AssertionError("weights must be positive")

    return choose


def compose(
    choose: Choose, label: str, lowest: int, highest: int, lexicon: Lexicon = LEXICON
) -> Opinion:
    """Make one text: frame, then depth, then which places are negated, then the words.

    Args:
        choose: takes all decisions.
        label: "negative" or "positive".
        lowest: least depth.
        highest: greatest depth; with `highest` > `lowest` some frame always fits.
        lexicon: the words; a class of degrees or tails may be empty.
    """
    names = tuple(name for name, frame in FRAMES.items() if frame.depths(lowest, highest))
    name = choose(names, [FRAMES[name].weight for name in names])
    frame = FRAMES[name]
    depths = frame.depths(lowest, highest)
    depth = choose(depths, [2 ** (highest // 2 - d // 2) for d in depths])
    negated = choose(_negated_places(len(frame.signs), depth - frame.joins))
    aspects = list(lexicon.aspects)
    clauses: list[str] = []
    for number, sign in enumerate(frame.signs):
        start = number * SLOTS_PER_CLAUSE
        places = [start + slot in negated for slot in range(SLOTS_PER_CLAUSE)]
        if frame.stressed is None and frame.whole is None:
            stressed = choose((False, True), STRESS_ODDS)
        else:
            stressed = number == frame.stressed
        subject = choose(lexicon.wholes if number == frame.whole else aspects)
        if number != frame.whole:
            aspects.remove(subject)
        opinion_is_positive = (label == "positive") == (sign > 0)
        clauses.append(_clause(choose, lexicon, subject, opinion_is_positive, places, stressed))
    return Opinion(frame.template.format(*clauses), label, depth, name)


@cache
def _negated_places(num_clauses: int, num_negations: int) -> tuple[tuple[int, ...], ...]:
    return tuple(combinations(range(num_clauses * SLOTS_PER_CLAUSE), num_negations))


def _clause(
    choose: Choose,
    lexicon: Lexicon,
    subject: str,
    is_positive: bool,
    places: list[bool],
    stressed: bool,
) -> str:
    """Word one clause; an intensifier stands before the outermost negation or the adjective."""
    *outer_places, near_place = places
    phrases = [choose(lexicon.outer_negations) for place in outer_places if place]
    num_negations = len(phrases) + near_place
    phrases.append(f"the {subject} was")
    if near_place:
        phrases.append(choose(lexicon.near_negations))
    if lexicon.degrees and choose((False, True), DEGREE_ODDS):
        phrases.append(choose(lexicon.degrees))
    adjective_is_positive = is_positive == (num_negations % 2 == 0)
    phrases.append(choose(lexicon.positive if adjective_is_positive else lexicon.negative))
    if lexicon.tails and choose((False, True), TAIL_ODDS):
        phrases.append(choose(lexicon.tails))
    text = " ".join(phrases)
    intensifier = f"{choose(lexicon.intensifiers)} " if stressed else ""
    if num_negations == 0:
        return text.replace(" was ", f" was {intensifier}")
    head, _, rest = text.partition("{}")
    return head + intensifier + rest.replace("{}", "")
