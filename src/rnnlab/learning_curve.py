"""Would more data help? Runs on growing parts of train, scored on one validation part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rnnlab.config.schema import Config, Subset
from rnnlab.exceptions import UserError
from rnnlab.files import sha256_json, write_json
from rnnlab.plots.learning_curve import plot_learning_curve
from rnnlab.power_law import Estimate, Laws, draw_laws
from rnnlab.series import MakeWatcher, train_series
from rnnlab.train.rundir import write_csv

LITTLE_POINTS = 0.5  # of accuracy: about what another seed changes

Answer = Literal["more", "little", "unknown"]


@dataclass(frozen=True)
class CurveRun:
    """One run of the curve.

    Attributes:
        fraction: share of the training part.
        examples: so many texts of it.
        seed: of the run and of the choice of the texts.
        accuracy, macro_f1, loss: on validation.
        run: directory.
    """

    fraction: float
    examples: int
    seed: int
    accuracy: float
    macro_f1: float
    loss: float
    run: str


@dataclass(frozen=True)
class CurvePoint:
    """All runs of one size.

    Attributes:
        fraction: share of the training part.
        examples: texts, their mean over the runs (whole groups differ a little).
        runs: how many.
        accuracy, loss: mean on validation.
        accuracy_deviation, loss_deviation: standard deviation (n - 1); None for one run.
    """

    fraction: float
    examples: float
    runs: int
    accuracy: float
    accuracy_deviation: float | None
    loss: float
    loss_deviation: float | None


@dataclass(frozen=True)
class Verdict:
    """Whether more data would help.

    Attributes:
        answer: "more" helps, "little", or "unknown".
        statement: the same in words.
        points: of accuracy, for twice the data, with a 95 % interval; None where nothing can be
            told.
    """

    answer: Answer
    statement: str
    points: Estimate | None


@dataclass(frozen=True)
class LearningCurve:
    """A learning curve.

    Attributes:
        directory: holds curve.csv, curve.png and curve.json.
        validation_examples: texts that every run was scored on.
        sizes: figures by size.
        runs: what they were made of.
        verdict: whether more data would help.
        csv, plot: paths.
    """

    directory: str
    validation_examples: int
    sizes: list[CurvePoint]
    runs: list[CurveRun]
    verdict: Verdict
    csv: str
    plot: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def learning_curve(
    config: Config,
    *,
    sizes: Sequence[float],
    seeds: int,
    runs_root: Path,
    make_watcher: MakeWatcher,
) -> LearningCurve:
    """Do the runs that are missing, and tell from all of them whether more data would help.

    Args:
        config: of the runs. Validation is the same for all; of what is left for training each run
            takes its share, and with the same seed the smaller part lies in the larger.
        sizes: shares in (0, 1], three at least.
        seeds: runs of each size, with seeds from the config's upwards. Models without a seed have
            one run at size 1, where nothing is left to chance.
        runs_root: folder of the run directories and of the result.
        make_watcher: gives a watcher for a run's title.

    Raises:
        UserError: the sizes are not such shares, or the config names a part itself.
        Interrupted: the user stopped it; called again, it goes on.
        Diverged: see `rnnlab.runner.train_run`.
    """
    if config.data.subset is not None:
        raise UserError("data.subset is set by learning-curve for each run; leave it out")
    sizes = _checked(sizes)
    planned = list(_plan(config, sizes, seeds))
    titled = [(f"{100 * size:g} % of the data, seed {run.seed}", run) for size, run in planned]
    done = train_series(titled, runs_root=runs_root, make_watcher=make_watcher)
    digest = sha256_json([facts["hash"] for facts in done])
    directory = runs_root / f"{config.name}-curve-{digest[:8]}-s{config.seed}"
    runs = [_curve_run(size, facts) for (size, _), facts in zip(planned, done, strict=True)]
    points = {size: _point([run for run in runs if run.fraction == size]) for size in sizes}
    examples = np.array([points[run.fraction].examples for run in runs])
    errors = np.array([1 - run.accuracy for run in runs])
    validation_examples = done[0]["val"]["examples"]
    laws = draw_laws(examples, errors, resolution=1 / validation_examples)
    csv, plot = directory / "curve.csv", directory / "curve.png"
    rows = [asdict(run) for run in runs]
    write_csv(csv, rows)
    plot_learning_curve(plot, rows, laws, directory.name)
    result = LearningCurve(
        directory=str(directory),
        validation_examples=validation_examples,
        sizes=list(points.values()),
        runs=runs,
        verdict=judge(laws, round(examples.max())),
        csv=str(csv),
        plot=str(plot),
    )
    write_json(directory / "curve.json", result.to_dict())
    return result


def judge(laws: Laws | None, examples: int) -> Verdict:
    """Say in plain words whether more data would help.

    Args:
        laws: of the error over the training texts; None where there can be none.
        examples: the largest number of training texts.
    """
    if laws is None:
        statement = (
            "Cannot tell whether more data would help: without two runs of some size, and three "
            "sizes, nothing shows what is chance; use --seeds 3."
        )
        return Verdict("unknown", statement, None)
    if 100 * laws.misfit > LITTLE_POINTS:
        statement = (
            "Cannot tell whether more data would help: the error does not fall as a + b n^-c does "
            f"({100 * laws.misfit:.1f} points off at one size), so nothing can be said beyond the "
            "sizes that were run; larger --sizes alone may follow it."
        )
        return Verdict("unknown", statement, None)
    gain = laws.gain()
    points = Estimate(100 * gain.value, 100 * gain.low, 100 * gain.high)
    value, low, high = (f"{round(each, 1) + 0.0:.1f}" for each in astuple(points))  # no -0.0
    about = f"{value} points for twice the {examples:,} texts (95 %: {low} to {high})"
    answer: Answer
    if points.low > 0 and points.value >= LITTLE_POINTS:
        answer, statement = "more", f"More data would help: about {about}."
    elif points.low > 0 or points.high < LITTLE_POINTS:
        answer, statement = "little", f"More data would help little: about {about}."
    else:
        answer = "unknown"
        statement = (
            f"Cannot tell whether more data would help: {about}. The runs disagree too much; more "
            "seeds or more sizes would tell."
        )
    return Verdict(answer, statement, points)


def _checked(sizes: Sequence[float]) -> list[float]:
    for size in sizes:
        if not 0 < size <= 1:
            raise UserError(f"--sizes: {size:g} is not a share of the data; above 0, at most 1")
    distinct = sorted(set(sizes))
    if len(distinct) < 3:
        raise UserError("--sizes: a curve needs three different sizes, as in 0.1,0.3,1")
    return distinct


def _plan(config: Config, sizes: Sequence[float], seeds: int) -> Iterator[tuple[float, Config]]:
    """The runs, the small ones first."""
    for size in sizes:
        chance = size < 1 or config.model.module.TRAINED
        for seed in range(config.seed, config.seed + (seeds if chance else 1)):
            subset = Subset(fraction=size, seed=seed) if size < 1 else None
            data = config.data.model_copy(update={"subset": subset})
            yield size, config.model_copy(update={"seed": seed, "data": data})


def _curve_run(size: float, facts: dict[str, Any]) -> CurveRun:
    val = facts["val"]
    return CurveRun(
        fraction=size,
        examples=facts["train"]["examples"],
        seed=facts["seed"],
        accuracy=val["accuracy"],
        macro_f1=val["macro_f1"],
        loss=val["loss"],
        run=facts["run"],
    )


def _point(runs: list[CurveRun]) -> CurvePoint:
    accuracies, losses = [run.accuracy for run in runs], [run.loss for run in runs]
    return CurvePoint(
        fraction=runs[0].fraction,
        examples=float(np.mean([run.examples for run in runs])),
        runs=len(runs),
        accuracy=float(np.mean(accuracies)),
        accuracy_deviation=_deviation(accuracies),
        loss=float(np.mean(losses)),
        loss_deviation=_deviation(losses),
    )


def _deviation(values: list[float]) -> float | None:
    return float(np.std(values, ddof=1)) if len(values) > 1 else None
