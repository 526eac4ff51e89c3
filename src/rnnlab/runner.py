"""Do a run: find or make its directory, train, save, record."""

from __future__ import annotations

import logging
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from rnnlab import compose
from rnnlab.claims import claimed, free_cores
from rnnlab.config.load import dump_config
from rnnlab.config.schema import Config
from rnnlab.data.dataset import Dataset
from rnnlab.environment import library_versions, machine, now, peak_memory_bytes, use_threads
from rnnlab.evaluation import record_evaluation, run_config
from rnnlab.exceptions import Diverged, Interrupted, UserError
from rnnlab.files import write_text
from rnnlab.identity import identity_hash, identity_of
from rnnlab.tracking import require_tracker, tracked
from rnnlab.train.rundir import RunDirectory
from rnnlab.train.state import Watcher

log = logging.getLogger(__name__)


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
    require_tracker(config)
    device = compose.resolve_device(config.device) if config.model.module.TRAINED else "cpu"
    config = compose.with_resources(config, config.threads or free_cores(), device)
    dataset = compose.dataset_of(config)
    identity = identity_of(config, dataset)
    digest = identity_hash(identity)
    path = out or runs_root / f"{config.name}-{digest[:8]}-s{config.seed}"
    run = RunDirectory.create(path)
    with run.locked():
        facts = run.read()
        if facts and facts["identity"] is None:  # it failed before its data could be read
            facts = {}
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
        with tracked(config, run, watcher) as watchers:
            return _train(config, dataset, run, watchers)


def resume_run(path: Path, *, watcher: Watcher) -> dict[str, Any]:
    """Go on with an unfinished run as if it had never stopped.

    Raises:
        UserError: no such run, or its data is no longer the same.
    """
    run = RunDirectory.open(path)
    if run.read()["identity"] is None:
        return train_run(run_config(run), runs_root=path.parent, out=path, watcher=watcher)
    with run.locked():
        config = run_config(run)
        facts = run.read()
        if facts["status"] == "completed":
            return {**facts, "run": str(path), "already_done": True}
        dataset = compose.dataset_of(config)
        identity = identity_of(config, dataset)
        if identity != facts["identity"]:
            difference = _difference(facts["identity"], identity)
            raise UserError(f"{path}: cannot go on: {difference}; train anew into another --out")
        require_tracker(config)
        with tracked(config, run, watcher) as watchers:
            return _train(config, dataset, run, watchers)


def _train(config: Config, dataset: Dataset, run: RunDirectory, watcher: Watcher) -> dict[str, Any]:
    threads = nullcontext()
    if config.model.module.TRAINED:
        use_threads(config.threads or 1)
        threads = claimed(config.threads or 1)
    started = time.monotonic()
    facts = {**run.read(), "status": "running"}
    facts.pop("reason", None)  # of an earlier failure
    run.write(facts)
    try:
        prepared = compose.prepare(config, dataset)
        _record_tokenizer(run, facts, prepared.reader.provenance())
        watcher.prepared(prepared, time.monotonic() - started)
        with _stop_on_signal(config.model.module.TRAINED) as stop_requested, threads:
            trained = compose.train(config, prepared, run, watcher, stop_requested)
    except (Interrupted, KeyboardInterrupt):
        run.write({**facts, "status": "interrupted"})
        raise Interrupted(f"rnnlab train --resume {run.path}") from None
    except Diverged as error:
        run.write({**facts, "status": "diverged", "reason": str(error)})
        raise
    except Exception as error:
        with suppress(OSError):  # the disk may be what failed
            run.write({**facts, "status": "failed", "reason": reason_of(error)})
        raise
    earlier = trained.facts.pop("earlier_seconds", 0.0)
    finish = compose.finish(config, prepared, trained, run)
    facts |= {
        "status": "completed",
        "finished": now(),
        "seconds": round(earlier + time.monotonic() - started, 3),
        **trained.facts,
        "train": finish.train,
        "val": finish.val.to_dict(),
        "data": finish.data,
        "cost": finish.cost,
        "threads": config.threads,
        "peak_memory_bytes": peak_memory_bytes(),
        "machine": machine(),
        "versions": library_versions(),
    }
    run.write(facts)
    record_evaluation(run, "val", finish.val)
    _keep_last_checkpoint(run)
    watcher.finished(run)
    return {**facts, "run": str(run.path)}


def reason_of(error: BaseException) -> str:
    """Why something failed, in a line."""
    text = " ".join(str(error).split())
    if isinstance(error, UserError | Diverged):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def record_failure(path: Path, config: Config, reason: str) -> None:
    """Record that a run came to nothing, also where it failed before its directory was made.

    Raises:
        OSError: it cannot be written.
    """
    run = RunDirectory.create(path)
    facts = run.read() or {"name": config.name, "seed": config.seed, "hash": None, "identity": None}
    if not run.config.is_file():
        write_text(run.config, dump_config(compose.portable(config)))
    run.write({**facts, "status": "failed", "reason": reason})


def _record_tokenizer(run: RunDirectory, facts: dict[str, Any], provenance: dict[str, Any]) -> None:
    """Record what the tokens depend on besides the identity; refuse to go on with other tokens."""
    before = facts.get("tokenizer", provenance)
    facts["tokenizer"] = provenance
    if before != provenance and any(run.checkpoints.glob("step-*")):
        difference = _difference(before, provenance)
        raise UserError(
            f"{run.path}: cannot go on: of its tokenizer, {difference}; "
            "restore that, or train anew into another --out"
        )
    run.write(facts)


def _keep_last_checkpoint(run: RunDirectory) -> None:
    """A finished run keeps its last checkpoint, as proof of where it ended, and no more."""
    for old in sorted(run.checkpoints.glob("step-*"))[:-1]:
        shutil.rmtree(old, ignore_errors=True)
    for best in run.checkpoints.glob("best-*"):
        best.unlink()


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
