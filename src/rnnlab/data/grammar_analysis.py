"""What can be said about the grammar of opinions: the structure of a text, and the exact accuracy
of the best possible bag of words.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from fractions import Fraction
from typing import Any, TypeVar

from rnnlab.data.grammar import LABELS, LEXICON, Choose, Lexicon, Opinion, compose

T = TypeVar("T")

WORD_CLASSES = Lexicon(
    positive=("POSITIVE",),
    negative=("NEGATIVE",),
    aspects=("ASPECT",) * 3,
    wholes=("WHOLE",),
    outer_negations=("{}OUTER",),
    near_negations=("{}NEAR",),
    intensifiers=("INTENSIFIER",),
    degrees=(),
    tails=(),
)
"""One stand-in per class of phrases, for `best_bag_of_words_accuracy`."""


def _any_of(phrases: Sequence[str]) -> str:
    intensifier = f"(?:(?:{'|'.join(LEXICON.intensifiers)}) )?"
    return "(?:" + "|".join(phrase.replace("{}", intensifier) for phrase in phrases) + ")"


_OUTER = re.compile(_any_of(LEXICON.outer_negations))
_STRESS = re.compile(rf"\b{_any_of(LEXICON.intensifiers)}\b")
_CLAUSE = re.compile(
    rf"(?P<outer>(?:{_OUTER.pattern} )*)"
    rf"the (?P<subject>{_any_of(LEXICON.aspects + LEXICON.wholes)}) was "
    rf"(?P<near>{_any_of(LEXICON.near_negations)} )?"
    rf"(?:{_any_of(LEXICON.intensifiers)} )?"
    rf"(?:{_any_of(LEXICON.degrees)} )?"
    rf"(?P<adjective>{_any_of(LEXICON.positive + LEXICON.negative)})\b"
    rf"(?: {_any_of(LEXICON.tails)})?"
)
_DECIDING_CLAUSE = {
    "#": ("lone", 0),
    "# , but #": ("but", 1),
    "although # , #": ("although first", 1),
    "# , although #": ("although last", 0),
    "although # , # , but #": ("although but", 2),
    "# , but # , although #": ("but although", 1),
}


def parse(text: str) -> Opinion:
    """Read a text of the grammar back: its label, depth and frame follow from the words alone.

    Raises:
        ValueError: the text is not in the language of the grammar.
    """
    clauses = list(_CLAUSE.finditer(text))
    values = [_is_positive(clause) for clause in clauses]
    skeleton = _CLAUSE.sub("#", text)
    if skeleton == "# and #":
        frame, deciding = _deciding_of_and(clauses, values)
    elif skeleton in _DECIDING_CLAUSE:
        frame, deciding = _DECIDING_CLAUSE[skeleton]
    else:
        raise ValueError(f"not a text of the grammar: '{text}'")
    depth = len(clauses) - 1 + sum(_num_negations(clause) for clause in clauses)
    return Opinion(text, LABELS[values[deciding]], depth, frame)


def _deciding_of_and(clauses: list[re.Match[str]], values: list[bool]) -> tuple[str, int]:
    """Clauses that agree decide together; else the film outweighs an aspect, and stress none."""
    if values[0] == values[1]:
        return "and, agreeing", 0
    about_whole = [clause["subject"] in LEXICON.wholes for clause in clauses]
    stressed = [_STRESS.search(clause[0]) is not None for clause in clauses]
    for kind, marks in (("whole", about_whole), ("stressed", stressed)):
        if sum(marks) == 1:
            deciding = marks.index(True)
            position = ("first", "second")[deciding]
            name = f"{position} {kind}" if kind == "stressed" else f"{kind} {position}"
            return f"and, {name}", deciding
    raise ValueError("two clauses disagree and neither decides")


def _num_negations(clause: re.Match[str]) -> int:
    return len(_OUTER.findall(clause["outer"])) + (clause["near"] is not None)


def _is_positive(clause: re.Match[str]) -> bool:
    return (clause["adjective"] in LEXICON.positive) == (_num_negations(clause) % 2 == 0)


def outcomes(make: Callable[[Choose], T]) -> Iterator[tuple[Fraction, T]]:
    """Yield every outcome of a random construction with its probability.

    An outcome that several sequences of choices lead to is yielded once for each of them.

    Args:
        make: builds one outcome, taking all its decisions with the `Choose` that it is given.
    """
    pending: list[tuple[int, ...]] = [()]
    while pending:
        search = _Search(pending.pop())
        outcome = make(search.choose)
        pending.extend(search.alternatives)
        yield search.probability, outcome


class _Search:
    """Follows given choices, then always takes the first option and notes the others."""

    def __init__(self, path: tuple[int, ...]) -> None:
        self.path = path
        self.num_choices = 0
        self.probability = Fraction(1)
        self.alternatives: list[tuple[int, ...]] = []

    def choose(self, options: Sequence[Any], weights: Sequence[int] | None = None) -> Any:
        total_weights: dict[Hashable, int] = defaultdict(int)  # equal options count as one
        for option, weight in zip(options, weights or [1] * len(options), strict=True):
            total_weights[option] += weight
        distinct = list(total_weights)
        if self.num_choices == len(self.path):
            self.alternatives += [(*self.path, index) for index in range(1, len(distinct))]
            self.path = (*self.path, 0)
        chosen = distinct[self.path[self.num_choices]]
        self.num_choices += 1
        self.probability *= Fraction(total_weights[chosen], sum(total_weights.values()))
        return chosen


def bag_distribution(
    lowest: int, highest: int, lexicon: Lexicon = WORD_CLASSES
) -> dict[frozenset[tuple[str, int]], dict[str, Fraction]]:
    """Return P(bag of words, label) for a range of depths, both labels being equally frequent.

    Returns:
        For each bag, as a set of (word, count), the probability of each label that it occurs with.
    """
    table: dict[frozenset[tuple[str, int]], dict[str, Fraction]] = {}
    for label in LABELS:

        def make(choose: Choose, label: str = label) -> Opinion:
            return compose(choose, label, lowest, highest, lexicon)

        for probability, opinion in outcomes(make):
            bag = frozenset(Counter(opinion.text.split()).items())
            by_label = table.setdefault(bag, dict.fromkeys(LABELS, Fraction(0)))
            by_label[label] += probability / len(LABELS)
    return table


def best_bag_of_words_accuracy(
    lowest: int, highest: int, lexicon: Lexicon = WORD_CLASSES
) -> Fraction:
    """Return the accuracy of the best classifier that sees words and their counts, not their order.

    No function of the bag of words, of any form and however well trained, is more often right on
    texts from `compose`. The value is exact: the sum over bags of max over labels P(bag, label).

    With the default lexicon of word classes the value is that of every full lexicon, because
    phrases are drawn uniformly from their class whatever the label, so given the counts of the
    classes they say nothing more about it, and because the counts can be read off the words (no
    phrase is made up of the words of others). Degrees and tails are left out: each clause draws
    them by the same odds, whatever else is in the text.

    Args:
        lowest: least depth of the texts.
        highest: greatest depth of the texts.
        lexicon: a full lexicon gives the same value by brute force; only tiny ones are feasible.
    """
    table = bag_distribution(lowest, highest, lexicon)
    return sum((max(by_label.values()) for by_label in table.values()), Fraction(0))
