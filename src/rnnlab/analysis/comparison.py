"""Two runs on the same texts: where both err, and where only one does."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import binomtest

from rnnlab.analysis.answers import Answers
from rnnlab.analysis.errors import example, surest

CASES = ("both_right", "only_first_errs", "only_second_errs", "both_err")


def compare(first: Answers, second: Answers, count: int) -> dict[str, Any]:
    """Count the texts by who errs, and show the surest errors of each case.

    `p` is McNemar's, exact: how often texts on which one run alone errs would be shared so unevenly
    if both runs were equally good. It takes texts as independent.

    Args:
        first, second: on the same texts.
        count: examples of each case, at most.
    """
    cases = {
        "both_right": first.correct & second.correct,
        "only_first_errs": ~first.correct & second.correct,
        "only_second_errs": first.correct & ~second.correct,
        "both_err": ~first.correct & ~second.correct,
    }
    counts = {name: int(cases[name].sum()) for name in CASES}
    alone = counts["only_first_errs"], counts["only_second_errs"]
    sureness = {
        "only_first_errs": first.confidence,
        "only_second_errs": second.confidence,
        "both_err": (first.confidence + second.confidence) / 2,
    }
    return {
        "run": str(second.path),
        "accuracy": float(second.correct.mean()),
        "counts": counts,
        "same_label": int((first.guesses == second.guesses).sum()),
        "p": float(binomtest(alone[0], sum(alone)).pvalue) if sum(alone) else 1.0,
        "examples": {
            name: [
                _pair(first, second, number)
                for number in surest(sureness[name], np.flatnonzero(cases[name]))[:count]
            ]
            for name in sureness
        },
    }


def rows(first: Answers, second: Answers) -> list[dict[str, Any]]:
    """Every text on which a run errs, and who does."""
    wrong = np.flatnonzero(~first.correct | ~second.correct)
    case = np.where(first.correct, CASES[2], np.where(second.correct, CASES[1], CASES[3]))
    return [
        {"case": str(case[number]), **_pair(first, second, number)} for number in wrong.tolist()
    ]


def _pair(first: Answers, second: Answers, number: int) -> dict[str, Any]:
    other = example(second, number)
    return {
        **example(first, number),
        "other_predicted": other["predicted"],
        "other_probability": other["probability"],
    }
