"""What a finished run gets wrong: `analyze` reads a run, and another on the same texts if there is
one, and returns JSON values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnlab.analysis import bands, errors, files, slices, streams
from rnnlab.analysis.answers import Answers, check_same_texts, read_answers
from rnnlab.analysis.calibration import calibration_of
from rnnlab.analysis.columns import by_column
from rnnlab.analysis.comparison import compare
from rnnlab.ensemble import is_ensemble
from rnnlab.exceptions import UserError
from rnnlab.intervals import accuracy_interval
from rnnlab.language_evaluation import is_language_model
from rnnlab.train.rundir import RunDirectory


@dataclass(frozen=True)
class Settings:
    """How texts are cut.

    Attributes:
        edges: of the bins of length, in tokens; chosen by the data where None.
        patterns: further cues, NAME=REGEX each.
        columns: of the table, to slice by.
        examples: errors to show, for each label or case.
    """

    edges: Sequence[int] | None = None
    patterns: Sequence[str] = ()
    columns: Sequence[str] = ()
    examples: int = 10


def analyze(
    run: Path, other: Path | None = None, split: str = "val", settings: Settings | None = None
) -> dict[str, Any]:
    """Analyze what a run answers; write `analysis.json`, `analysis.html` and a folder of CSV files
    into it.

    Args:
        run: directory of a finished run or an ensemble.
        other: of another on the same texts, or None.
        split: of the data set; a use of test is recorded in the ledger, for each run.
        settings: how texts are cut.

    Raises:
        UserError: a run is not finished, they are not comparable, or a setting is wrong.
    """
    settings = settings or Settings()
    if not is_ensemble(run) and is_language_model(RunDirectory.open(run)):
        if other is not None:
            raise UserError(f"{run}: a language model is analyzed alone; leave out {other}")
        result = streams.analyze_stream(run, split, settings.examples)
        files.write_stream(result, run)
        return result
    slices.parse_patterns(settings.patterns)  # a mistake is told before anything is computed
    answers = read_answers(run, split)
    second = None if other is None else read_answers(other, split)
    if second is not None:
        check_same_texts(answers, second)
    result = {
        **_figures(answers),
        **_cuts(answers, answers.correct, settings),
        "calibration": calibration_of(answers),
        "confusions": errors.confusions(answers),
        "errors": errors.confident_errors(answers, settings.examples),
        "comparison": second
        and {
            **compare(answers, second, settings.examples),
            **_cuts(answers, second.correct, settings),
        },
    }
    files.write(result, answers, second)
    return result


def _figures(answers: Answers) -> dict[str, Any]:
    metrics = answers.predicted.metrics()
    figures = metrics.to_dict()
    kind = answers.dataset.source.group_kind
    return {
        "run": str(answers.path),
        "task": "classification",
        "data": answers.dataset.name,
        "split": answers.split,
        "labels": list(answers.predicted.names),
        "grouped_by": kind if answers.groups is not None else None,
        **figures,
        "accuracy_interval": accuracy_interval(answers.correct, answers.groups),
    }


def _cuts(answers: Answers, correct: npt.NDArray[np.bool_], settings: Settings) -> dict[str, Any]:
    """The same texts by length, shares, columns and cues; `correct` says whose accuracy."""
    groups = answers.groups
    edges = settings.edges or bands.length_edges(answers.lengths)
    cut = [
        bands.by_quarter("unknown words", "share", answers.unknown, correct, groups),
        bands.by_quarter("rare words", "share", answers.rare, correct, groups),
        *(by_column(answers, name, correct) for name in settings.columns),
    ]
    cues = slices.shipped_cues() | slices.parse_patterns(settings.patterns)
    return {
        "lengths": bands.by_length(answers.lengths, edges, correct, groups).to_dict(),
        "bands": [each.to_dict() for each in cut],
        "slices": [each.to_dict() for each in slices.by_cue(cues, answers.texts, correct, groups)],
    }
