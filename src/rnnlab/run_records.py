"""What every evaluation of a run reads and writes: its config, its data, its record, the ledger."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rnnlab import compose
from rnnlab.config.load import parse_config, parse_yaml
from rnnlab.config.schema import Config
from rnnlab.data.dataset import Dataset
from rnnlab.ensemble import Ensemble, is_ensemble
from rnnlab.environment import now
from rnnlab.exceptions import UserError
from rnnlab.files import append_line
from rnnlab.train.rundir import LEDGER, RunDirectory


def one_run(path: Path) -> RunDirectory:
    """The run there, or the first member of the ensemble there."""
    return Ensemble.open(path).members[0].run if is_ensemble(path) else RunDirectory(path)


def run_data(path: Path, split: str) -> Dataset:
    """The data set of a run or of an ensemble, of which a split will be read.

    Raises:
        UserError: there is a model alone, or the data is not here or not what it was.
    """
    run = one_run(path)
    if not run.config.is_file():
        raise UserError(f"{path} is no run, and does not know its data; give a run directory")
    return same_data(run, run_config(run), split)


def run_config(run: RunDirectory) -> Config:
    """The resolved config of a run.

    Raises:
        UserError: the file is damaged.
    """
    try:
        text = run.config.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{run.config}: damaged ({error}); restore it from a backup") from error
    return parse_config(parse_yaml(text, str(run.config)), str(run.config))


def same_data(
    run: RunDirectory, config: Config, split: str, learned: bytes | None = None
) -> Dataset:
    """Open a run's data set, under what its tokenizer learned; refuse one whose train or val is no
    longer what was trained on."""
    dataset = compose.dataset_of(config, learned)
    if split in ("train", "val") and dataset.content_hash != run.read()["identity"]["data"]:
        raise UserError(
            f"{run.path}: its data has changed since it was trained, and with it which texts are "
            "validation; restore the data, or train again"
        )
    return dataset


def enter_in_ledger(
    run: RunDirectory, split: str, data: str, digest: str, figures: dict[str, float]
) -> None:
    """Note a use of test; others need none."""
    if split != "test":
        return
    line = {"time": now(), "data": data, "run": run.path.name, "hash": digest, **figures}
    append_line(run.path.resolve().parent / LEDGER, json.dumps(line))


def record_evaluation(run: RunDirectory, split: str, metrics: compose.Metrics, **more: Any) -> None:
    """Append an evaluation, and more that was found by it, to the run's record."""
    line = {"time": now(), "split": split, **metrics.to_dict(), **more}
    append_line(run.evaluations, json.dumps(line, ensure_ascii=False))
