"""Make an ensemble of finished runs from their saved predictions on validation; no model runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnlab.data.folds import fold_numbers
from rnnlab.ensemble import Ensemble, Member, average, is_ensemble, recorded_digest
from rnnlab.environment import now
from rnnlab.exceptions import UserError
from rnnlab.metrics import ClassificationMetrics
from rnnlab.predictions import PredictedRows
from rnnlab.train.rundir import RunDirectory

_HALVINGS = 10

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Score:
    """How good some answers on validation are."""

    accuracy: float
    macro_f1: float
    loss: float

    @staticmethod
    def of(metrics: ClassificationMetrics) -> Score:
        """The figures that are compared."""
        return Score(metrics.accuracy, metrics.macro_f1, metrics.loss)


@dataclass(frozen=True)
class MemberResult:
    """A member beside the others.

    Attributes:
        run: its directory.
        weight: its share in the saved ensemble.
        fitted_weight: its share where the validation loss is least.
        score: of the run alone.
    """

    run: str
    weight: float
    fitted_weight: float
    score: Score


@dataclass(frozen=True)
class EnsembleResult:
    """An ensemble and its figures on validation.

    Attributes:
        directory: where it was saved.
        weighting: which weights it has, "fitted" or "equal".
        examples: rows of validation.
        members: its runs.
        equal: of the plain mean.
        fitted: of the fitted weights, on the rows that they were fitted on: it flatters.
        cross_fitted: each half of the rows with the weights that were fitted on the other half;
            mean over ten random halvings.
    """

    directory: str
    weighting: str
    examples: int
    members: list[MemberResult]
    equal: Score
    fitted: Score
    cross_fitted: Score

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def fit_weights(chosen: Floats) -> Floats:
    """Find the weights, at least 0 and adding up to 1, whose mean has the least log loss.

    The problem is convex; the search starts at equal weights and has no random part.

    Args:
        chosen: probability that each member gives to the true class, float64[n, members].
    """
    from scipy.optimize import minimize

    num_members = chosen.shape[1]
    equal = np.full(num_members, 1 / num_members)

    def mean(weights: Floats) -> Floats:
        return np.maximum(chosen @ weights, np.finfo(np.float32).tiny)

    def loss(weights: Floats) -> float:
        return float(-np.log(mean(weights)).mean())

    found: Any = minimize(
        loss,
        equal,
        jac=lambda weights: -(chosen / mean(weights)[:, None]).mean(axis=0),
        method="SLSQP",
        bounds=[(0, 1)] * num_members,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
        options={"ftol": 1e-12, "maxiter": 1000},
    )
    weights = np.maximum(found.x, 0)
    weights /= weights.sum()
    return weights if loss(weights) < loss(equal) else equal


def make_ensemble(
    runs: Sequence[Path], *, fitted: bool, runs_root: Path, out: Path | None
) -> EnsembleResult:
    """Weigh finished runs and save them as an ensemble.

    Args:
        runs: directories of at least two runs with the same data, labels and validation rows.
        fitted: save the weights with the least log loss on validation, instead of equal ones.
        runs_root: folder of the default directory.
        out: the ensemble's directory; by default `runs_root/ensemble-HASH8`.

    Raises:
        UserError: a run is not finished, is given twice or does not fit the others, or the
            directory holds something else.
    """
    members = _open(runs)
    answers = [_validation(run) for run in members]
    _require_same(members, answers)
    first = answers[0]
    probabilities = [part.probabilities for part in answers]
    best = _fit(probabilities, first.labels)
    equal = np.full(len(members), 1 / len(members))
    saved = best if fitted else equal

    def score(part: PredictedRows) -> Score:
        return Score.of(part.metrics())

    def mixed(weights: Floats) -> PredictedRows:
        return replace(first, probabilities=average(probabilities, weights.tolist()))

    ensemble = Ensemble(tuple(map(Member.of, members, saved.tolist())))
    folder = out or runs_root / f"ensemble-{ensemble.digest[:8]}"
    result = EnsembleResult(
        directory=str(folder),
        weighting="fitted" if fitted else "equal",
        examples=len(first.rows),
        members=[
            MemberResult(str(run.path), weight, fit, score(part))
            for run, weight, fit, part in zip(
                members, saved.tolist(), best.tolist(), answers, strict=True
            )
        ],
        equal=score(mixed(equal)),
        fitted=score(mixed(best)),
        cross_fitted=_cross_fitted(first, probabilities),
    )
    _save(folder, ensemble, result, mixed(saved))
    return result


def _open(paths: Sequence[Path]) -> list[RunDirectory]:
    if len(paths) < 2:
        raise UserError("an ensemble needs at least two runs")
    members: dict[Path, RunDirectory] = {}
    for path in paths:
        if is_ensemble(path):
            raise UserError(f"{path} is an ensemble itself; name its runs")
        run = RunDirectory.open(path)
        if (status := run.read()["status"]) != "completed":
            raise UserError(f"{path} is not finished ({status}): rnnlab train --resume {path}")
        if path.resolve() in members:
            raise UserError(f"{path} is named twice")
        members[path.resolve()] = run
    return list(members.values())


def _validation(run: RunDirectory) -> PredictedRows:
    labels = tuple(run.read()["data"]["labels"])
    return PredictedRows.read(run.predictions / "val.parquet", labels)


def _require_same(members: list[RunDirectory], answers: list[PredictedRows]) -> None:
    """Refuse runs whose probabilities do not belong to the same rows and classes."""
    first, facts = answers[0], members[0].read()
    for run, part in zip(members[1:], answers[1:], strict=True):
        pair = f"{members[0].path} and {run.path}"
        if part.names != first.names:
            raise UserError(f"{pair} have different labels; train both on the same data")
        if run.read()["identity"]["data"] != facts["identity"]["data"]:
            raise UserError(f"{pair} were trained on different data; train both on the same")
        if not np.array_equal(part.rows, first.rows):
            raise UserError(f"{pair} validate on different rows; give both one data.validation")


def _fit(probabilities: Sequence[npt.NDArray[np.float32]], labels: npt.NDArray[np.int64]) -> Floats:
    rows = np.arange(len(labels))
    return fit_weights(np.stack([p[rows, labels] for p in probabilities], axis=1).astype(float))


def _cross_fitted(first: PredictedRows, probabilities: Sequence[npt.NDArray[np.float32]]) -> Score:
    scores = []
    for seed in range(_HALVINGS):
        halves = fold_numbers(first.labels, None, folds=2, seed=seed)
        mixed = np.empty_like(probabilities[0])
        for half in (1, 2):
            inside = halves == half
            weights = _fit([p[~inside] for p in probabilities], first.labels[~inside])
            mixed[inside] = average([p[inside] for p in probabilities], weights.tolist())
        scores.append(astuple(Score.of(replace(first, probabilities=mixed).metrics())))
    return Score(*np.mean(scores, axis=0).tolist())


def _save(folder: Path, ensemble: Ensemble, result: EnsembleResult, val: PredictedRows) -> None:
    run = RunDirectory(folder)
    if not is_ensemble(folder):
        RunDirectory.create(folder)
        if run.facts.exists():
            raise UserError(f"{folder} holds a run; choose another --out")
        ensemble.save(folder, {"created": now(), "labels": val.names, "val": result.to_dict()})
    elif recorded_digest(folder) != ensemble.digest:
        raise UserError(f"{folder} holds another ensemble; choose another --out")
    val.write(run.predictions / "val.parquet")
