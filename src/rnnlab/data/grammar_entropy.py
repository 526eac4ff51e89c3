"""How probable a text of the grammar of opinions is, and the entropy of its language: no language
model can do better than this.

A text's skeleton has the name of a class in place of every phrase of the lexicon, and neither
degrees nor tails. Phrases are drawn uniformly from their class, degrees and tails independently in
every clause, so that P(text) = P(skeleton) x the probabilities of its phrases. There are few
skeletons; P(skeleton) is summed over every derivation, in fractions.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property

from rnnlab.data.grammar import (
    DEGREE_ODDS,
    LABELS,
    LEXICON,
    TAIL_ODDS,
    Choose,
    Lexicon,
    Opinion,
    compose,
)
from rnnlab.data.grammar_analysis import WORD_CLASSES, outcomes

_ASPECT, _INTENSIFIER, _DEGREE, _TAIL = "ASPECT", "INTENSIFIER", "DEGREE", "TAIL"


class TextDistribution:
    """The language of `rnnlab.data.grammar.compose` with both labels equally frequent.

    Args:
        lowest: least depth.
        highest: greatest depth.
        lexicon: the words.
    """

    def __init__(self, lowest: int, highest: int, lexicon: Lexicon = LEXICON) -> None:
        self._range, self._lexicon = (lowest, highest), lexicon
        self._phrases: dict[str, tuple[str, ...]] = {
            "OUTER": lexicon.outer_negations,
            "NEAR": lexicon.near_negations,
            _TAIL: lexicon.tails,
            "POSITIVE": lexicon.positive,
            "NEGATIVE": lexicon.negative,
            _ASPECT: lexicon.aspects,
            "WHOLE": lexicon.wholes,
            _INTENSIFIER: lexicon.intensifiers,
            _DEGREE: lexicon.degrees,
        }

    def nats(self, text: str) -> float:
        """-ln P(text).

        Raises:
            ValueError: the text is not in the language.
        """
        skeleton, removed = self._skeleton(text)
        probability = self._skeletons.get(skeleton)
        if probability is None:
            raise ValueError(f"not a text of the grammar: '{text}'")
        return self._skeleton_nats(skeleton, probability) + sum(
            self._optional_nats(name, odds, removed[name], _clauses(skeleton))
            for name, odds in ((_DEGREE, DEGREE_ODDS), (_TAIL, TAIL_ODDS))
        )

    @cached_property
    def entropy(self) -> float:
        """Expected nats of a text."""
        fixed = sum(
            float(probability) * self._skeleton_nats(skeleton, probability)
            for skeleton, probability in self._skeletons.items()
        )
        return fixed + self._mean_clauses * sum(
            self._optional_entropy(name, odds)
            for name, odds in ((_DEGREE, DEGREE_ODDS), (_TAIL, TAIL_ODDS))
        )

    @cached_property
    def mean_words(self) -> float:
        """Expected words and punctuation marks of a text."""
        fixed = sum(
            float(probability) * sum(self._mean_length(word) for word in skeleton.split())
            for skeleton, probability in self._skeletons.items()
        )
        return fixed + self._mean_clauses * sum(
            odds[1] / sum(odds) * self._mean_length(name)
            for name, odds in ((_DEGREE, DEGREE_ODDS), (_TAIL, TAIL_ODDS))
            if self._phrases[name]
        )

    @cached_property
    def _skeletons(self) -> Mapping[str, Fraction]:
        table: dict[str, Fraction] = defaultdict(Fraction)
        for label in LABELS:

            def make(choose: Choose, label: str = label) -> Opinion:
                return compose(choose, label, *self._range, WORD_CLASSES)

            for probability, opinion in outcomes(make):
                table[opinion.text] += probability / len(LABELS)
        return dict(table)

    @cached_property
    def _mean_clauses(self) -> float:
        return sum(float(p) * _clauses(skeleton) for skeleton, p in self._skeletons.items())

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        stress = f"(?:(?:{'|'.join(map(re.escape, self._lexicon.intensifiers))}) )?"
        branches = []
        for name, phrases in self._phrases.items():
            forms = [
                stress.join(map(re.escape, phrase.split("{}")))
                for phrase in sorted(phrases, key=len, reverse=True)
            ]
            if forms:
                branches.append(f"(?P<{name}>{'|'.join(forms)})")
        return re.compile(rf"(?<!\S)(?:{'|'.join(branches)})(?!\S)")

    def _skeleton(self, text: str) -> tuple[str, Counter[str]]:
        """The skeleton, and how many degrees and tails were left out of it."""
        removed: Counter[str] = Counter()

        def stand_in(found: re.Match[str]) -> str:
            name = str(found.lastgroup)
            if name in (_DEGREE, _TAIL):
                removed[name] += 1
                return ""
            words = found[0].split()
            stressed = name != _INTENSIFIER and any(w in self._lexicon.intensifiers for w in words)
            return f"{_INTENSIFIER} {name}" if stressed else name

        return " ".join(self._pattern.sub(stand_in, text).split()), removed

    def _skeleton_nats(self, skeleton: str, probability: Fraction) -> float:
        """Of a skeleton and its phrases; no aspect is drawn twice for a text."""
        counts = Counter(word for word in skeleton.split() if word in self._phrases)
        ways = math.perm(len(self._lexicon.aspects), counts.pop(_ASPECT, 0))
        for name, count in counts.items():
            ways *= len(self._phrases[name]) ** count
        return math.log(ways) - math.log(probability)

    def _optional_nats(self, name: str, odds: tuple[int, int], present: int, clauses: int) -> float:
        """Of which phrases of a class the clauses of a text have."""
        if not self._phrases[name]:
            return 0.0
        without, with_one = (math.log(sum(odds) / weight) for weight in odds)
        of_a_phrase = with_one + math.log(len(self._phrases[name]))
        return (clauses - present) * without + present * of_a_phrase

    def _optional_entropy(self, name: str, odds: tuple[int, int]) -> float:
        without, with_one = (weight / sum(odds) for weight in odds)
        absent, present = (self._optional_nats(name, odds, count, 1) for count in (0, 1))
        return without * absent + with_one * present

    def _mean_length(self, word: str) -> float:
        """Words of a phrase of a class, on average; 1 for a word that stands for itself."""
        phrases = self._phrases.get(word)
        if phrases is None:
            return 1.0
        return sum(len(phrase.replace("{}", "").split()) for phrase in phrases) / len(phrases)


def _clauses(skeleton: str) -> int:
    return skeleton.split().count("was")
