"""Do a run: find or make its directory, train, save, record; evaluate it later."""

from __future__ import annotations

import json
import logging
import os
import platform
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import rnnlab
from rnnlab import compose
from rnnlab.config.load import dump_config, parse_config, parse_yaml
from rnnlab.config.schema import Config
from rnnlab.data.dataset import Dataset, TokenSplit
from rnnlab.exceptions import Diverged, Interrupted, UserError
from rnnlab.files import append_line, replacing, write_text
from rnnlab.metrics import ClassificationMetrics
from rnnlab.predictor import Predictor
from rnnlab.train.rundir import RunDirectory
from rnnlab.train.state import Watcher

log = logging.getLogger(__name__)

LEDGER = "test-ledger.jsonl"
_LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn", "pyarrow", "safetensors")


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def library_versions() -> dict[str, str]:
    """Versions of Python, rnnlab and the libraries that numbers depend on."""
    found = {"python": platform.python_version(), "rnnlab": rnnlab.__version__}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def use_threads(count: int) -> None:
    """Set the threads of this process; see `rnnlab.nn.process`."""
    from rnnlab.nn.process import use_machine

    use_machine(count)


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


def train_run(
    config: Config, *, runs_root: Path, out: Path | None, watcher: Watcher
) -> dict[str, Any]:
    """Do the run that a config describes, or go on with it, or report that it is done.

    Args:
        config: as loaded; "auto" device and threads are resolved here.
        runs_root: folder of default run directories.
        out: the run directory; by default `runs_root/NAME-HASH8-sSEED`.
        watcher: see `rnnlab.train.state.Watcher`.

    Returns:
        The facts in run.json, and `run`, the directory.

    Raises:
        UserError: the input is bad, or the directory holds another run.
        Interrupted: the user stopped it; it can be resumed.
        Diverged: the loss or the gradient was not finite.
    """
    device = compose.resolve_device(config.device) if config.model.module.TRAINED else "cpu"
    config = compose.with_resources(config, config.threads or available_cores(), device)
    dataset = compose.dataset_of(config)
    identity = compose.identity(config, dataset)
    digest = compose.identity_hash(identity)
    path = out or runs_root / f"{config.name}-{digest[:8]}-s{config.seed}"
    run = RunDirectory.create(path)
    with run.locked():
        facts = run.read()
        if facts and facts["identity"] != identity:
            difference = _difference(facts["identity"], identity)
            raise UserError(f"{path} holds another run ({difference}); choose another --out")
        if facts and run.config.is_file():
            # the same threads as before, for the same bits; but where the data lies now
            kept = run_config(run)
            config = config.model_copy(update={"threads": kept.threads, "name": kept.name})
            if (portable := compose.portable(config)) != kept:
                write_text(run.config, dump_config(portable))
        if facts.get("status") == "completed":
            return {**facts, "run": str(path), "already_done": True}
        if not facts:
            run.write(
                {
                    "name": config.name,
                    "seed": config.seed,
                    "status": "running",
                    "started": now(),
                    "hash": digest,
                    "identity": identity,
                }
            )
        if not run.config.is_file():
            write_text(run.config, dump_config(compose.portable(config)))
        return _train(config, dataset, run, watcher)


def resume_run(path: Path, *, watcher: Watcher) -> dict[str, Any]:
    """Go on with an unfinished run as if it had never stopped.

    Raises:
        UserError: no such run, or its data is no longer the same.
    """
    run = RunDirectory.open(path)
    with run.locked():
        config = run_config(run)
        facts = run.read()
        if facts["status"] == "completed":
            return {**facts, "run": str(path), "already_done": True}
        dataset = compose.dataset_of(config)
        identity = compose.identity(config, dataset)
        if identity != facts["identity"]:
            difference = _difference(facts["identity"], identity)
            raise UserError(f"{path}: cannot go on: {difference}; train anew into another --out")
        return _train(config, dataset, run, watcher)


def _train(config: Config, dataset: Dataset, run: RunDirectory, watcher: Watcher) -> dict[str, Any]:
    if config.model.module.TRAINED:
        use_threads(config.threads or 1)
    started = time.monotonic()
    facts = {**run.read(), "status": "running"}
    facts.pop("reason", None)  # of an earlier failure
    run.write(facts)
    try:
        prepared = compose.prepare(config, dataset)
        watcher.prepared(prepared, time.monotonic() - started)
        with _stop_on_signal(config.model.module.TRAINED) as stop_requested:
            trained = compose.train(config, prepared, run, watcher, stop_requested)
    except (Interrupted, KeyboardInterrupt):
        run.write({**facts, "status": "interrupted"})
        raise Interrupted(str(run.path)) from None
    except Diverged as error:
        run.write({**facts, "status": "diverged", "reason": str(error)})
        raise
    except UserError as error:
        run.write({**facts, "status": "failed", "reason": str(error)})
        raise
    predictor = trained.predictor
    best = trained.facts.pop("best", {})
    earlier = trained.facts.pop("earlier_seconds", 0.0)
    val, probabilities = compose.score(predictor, prepared.val_texts, prepared.val.labels)
    predictor.save(run.model)
    save_predictions(run, "val", prepared.val, probabilities, predictor.labels)
    facts |= {
        "status": "completed",
        "finished": now(),
        "seconds": round(earlier + time.monotonic() - started, 3),
        **trained.facts,
        "train": {
            "examples": len(prepared.train),
            "loss": best.get("train_loss"),
            "accuracy": best.get("train_accuracy"),
        },
        "val": val.to_dict(),
        "data": {
            "vocabulary": len(prepared.reader.vocabulary),
            "labels": list(predictor.labels),
            "train": prepared.train_texts.facts(),
            "val": prepared.val_texts.facts(),
        },
        "threads": config.threads,
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": available_cores(),
            "system": platform.platform(),
        },
        "versions": library_versions(),
    }
    run.write(facts)
    record_evaluation(run, "val", val)
    _keep_last_checkpoint(run)
    watcher.finished(run)
    return {**facts, "run": str(run.path)}


def _keep_last_checkpoint(run: RunDirectory) -> None:
    """A finished run keeps its last checkpoint, as proof of where it ended, and no more."""
    for old in sorted(run.checkpoints.glob("step-*"))[:-1]:
        shutil.rmtree(old, ignore_errors=True)
    for best in run.checkpoints.glob("best-*"):
        best.unlink()


def evaluate_run(path: Path, split: str) -> dict[str, Any]:
    """Score a finished run on a split; record it, and in the ledger if the split is test.

    Raises:
        UserError: the run is not finished, has no such split, or meets a label it does not know.
    """
    run = RunDirectory.open(path)
    config = run_config(run)
    predictor = Predictor.load(run.model)
    if config.model.module.TRAINED:
        use_threads(config.threads or available_cores())
    dataset = compose.dataset_of(config)
    if split in ("train", "val") and dataset.content_hash != run.read()["identity"]["data"]:
        raise UserError(
            f"{path}: its data has changed since it was trained, and with it which texts are "
            "validation; restore the data, or train again"
        )
    tokens = dataset.tokens(split, predictor.labels)
    texts = predictor.reader.encode(tokens.ragged, tokens.types)
    metrics, probabilities = compose.score(predictor, texts, tokens.labels)
    if split == "test":
        line = {
            "time": now(),
            "data": dataset.name,
            "run": run.path.name,
            "hash": run.read()["hash"],
            "accuracy": metrics.accuracy,
            "macro_f1": metrics.macro_f1,
        }
        append_line(run.path.resolve().parent / LEDGER, json.dumps(line))
    save_predictions(run, split, tokens, probabilities, predictor.labels)
    record_evaluation(run, split, metrics)
    return {"run": str(path), "split": split, **metrics.to_dict(), "texts": texts.facts()}


def load_model(path: Path) -> Predictor:
    """The trained model of a run directory, or of a copy of its model folder alone.

    Raises:
        UserError: there is none, or it is damaged.
    """
    alone = (path / "model.json").is_file()
    return Predictor.load(path if alone else RunDirectory.open(path).model)


def predict_table(
    predictor: Predictor, source: Path, target: Path, column: str | None
) -> dict[str, Any]:
    """Label a table in one pass, row by row in its order; memory does not grow with it.

    Adds the columns label, probability and p_LABEL. A column of the input with such a name is kept
    as input_NAME.

    Args:
        predictor: a trained model.
        source, target: tables; the extensions name the formats.
        column: of the texts; by default the one that the run was trained on, or "text".

    Raises:
        UserError: a table is malformed or has no such column.
    """
    from rnnlab.data.tables import open_table, open_writer

    table = open_table(source)
    column = column or predictor.text_column
    table.require(column, "--text")
    added = ["label", "probability", *(f"p_{name}" for name in predictor.labels)]
    kept = {name: f"input_{name}" if name in added else name for name in table.columns}
    counts = {"texts": 0, "texts_cut": 0, "texts_empty": 0}
    with open_writer(target, [*kept.values(), *added], like=table) as writer:
        for chunk in table.chunks():
            result = predictor.predict(chunk.texts(column))
            best = result.probabilities.argmax(axis=1)
            columns = {kept[name]: values for name, values in chunk.columns.items()}
            columns["label"] = [predictor.labels[i] for i in best]
            columns["probability"] = result.probabilities.max(axis=1)
            for number, name in enumerate(predictor.labels):
                columns[f"p_{name}"] = result.probabilities[:, number]
            writer.write(columns)
            counts["texts"] += len(chunk)
            counts["texts_cut"] += result.texts_cut
            counts["texts_empty"] += result.texts_empty
    return {"output": str(target), **counts, "max_tokens": predictor.reader.max_tokens}


def record_evaluation(run: RunDirectory, split: str, metrics: ClassificationMetrics) -> None:
    """Append an evaluation to the run's record."""
    line = {"time": now(), "split": split, **metrics.to_dict()}
    append_line(run.evaluations, json.dumps(line, ensure_ascii=False))


def save_predictions(
    run: RunDirectory,
    split: str,
    tokens: TokenSplit,
    probabilities: npt.NDArray[np.float32],
    labels: tuple[str, ...],
) -> None:
    """Write predictions/SPLIT.parquet: row, label, predicted, and one probability per label."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = pa.array(labels, pa.string())
    columns = {
        "row": pa.array(tokens.rows),
        "label": names.take(pa.array(tokens.labels)),
        "predicted": names.take(pa.array(probabilities.argmax(axis=1))),
        **{f"p_{name}": pa.array(probabilities[:, i]) for i, name in enumerate(labels)},
    }
    with replacing(run.predictions / f"{split}.parquet") as temporary:
        pq.write_table(pa.table(columns), temporary)


@contextmanager
def _stop_on_signal(resumable: bool) -> Iterator[Callable[[], bool]]:
    """Turn the first SIGINT or SIGTERM into a request to stop; a second one interrupts at once.

    A training that cannot be resumed is interrupted by the first.
    """
    requested: list[int] = [] if resumable else [0]

    def handle(number: int, frame: object) -> None:
        if requested:
            raise KeyboardInterrupt
        requested.append(number)
        log.warning("stopping after this step; press again to stop at once")

    try:
        before = {
            number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)
        }
    except ValueError:  # not in the main thread: nobody sends signals here
        before = {}
    try:
        yield lambda: bool(requested)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _difference(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> str:
    """Name the first key in which two identities differ."""
    for key in sorted({*old, *new}):
        left, right = old.get(key), new.get(key)
        if left == right:
            continue
        if isinstance(left, dict) and isinstance(right, dict):
            return _difference(left, right, f"{prefix}{key}.")
        if key == "data" and not prefix:
            return "its data has changed since"
        name = f"{prefix}{key}".removeprefix("settings.")
        return f"{name} was {left}, is now {right}"
    return "no difference"
