"""Prove subjects, one check after the other; equal ones are proved once."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from rnnlab import compose
from rnnlab.config.load import parse_config
from rnnlab.config.schema import Config, Recorded
from rnnlab.environment import quiet_log
from rnnlab.evaluation import run_config
from rnnlab.exceptions import UserError
from rnnlab.language_predictor import LanguagePredictor
from rnnlab.predictor import Predictor
from rnnlab.registry import CHECKS
from rnnlab.train.rundir import RunDirectory
from rnnlab.verify.evidence import CheckResult, Evidence, NotApplicable
from rnnlab.verify.fresh import FreshProcess
from rnnlab.verify.reduction import reduced
from rnnlab.verify.standin import is_absent, stand_in
from rnnlab.verify.subject import Subject


@dataclass(frozen=True)
class Verdict:
    """What is proved of a subject.

    Attributes:
        subject: its name.
        checks: in the order of their numbers.
        notes: in what the subject differs from what the user has.
        seconds: in all.
    """

    subject: str
    checks: tuple[CheckResult, ...]
    notes: tuple[str, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return all(check.passed is not False for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "subject": self.subject,
            "passed": self.passed,
            "checks": [check.to_dict() for check in self.checks],
            "notes": list(self.notes),
            "seconds": round(self.seconds, 3),
        }


def chosen_checks(names: Sequence[str] = ()) -> dict[str, ModuleType]:
    """Checks by name in the order of their numbers, all of them or those that are named.

    Raises:
        UserError: no such check; the nearest is named.
    """
    modules = {name: CHECKS.load(name) for name in names or CHECKS.names}
    return dict(sorted(modules.items(), key=lambda item: item[1].NUMBER))


class Session:
    """Holds what checks share: a folder that is gone afterwards, a new process, prepared data.

    Args:
        told: is called with each check's result as it comes.
        fresh: a new process that others use too; by default one of its own.
    """

    def __init__(
        self,
        told: Callable[[str, CheckResult], None] | None = None,
        fresh: FreshProcess | None = None,
    ) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="rnnlab-verify-"))
        self._fresh, self._is_own = fresh or FreshProcess(), fresh is None
        self._told = told or (lambda subject, result: None)
        self._prepared: dict[str, Any] = {}
        self._results: dict[tuple[str, str], tuple[str, CheckResult]] = {}
        self._count = 0

    def close(self) -> None:
        """Remove the folder and end the process."""
        if self._is_own:
            self._fresh.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def verify_config(self, config: Config, only: Sequence[str] = (), *, quick: bool) -> Verdict:
        """Prove a preset's or a file's config.

        Raises:
            UserError: its data is not here and `quick` is not set, or is malformed.
        """
        modules = chosen_checks(only)
        started = time.monotonic()
        small, notes = reduced(config, self._folder, quick=quick)
        subject = Subject(
            name=config.name,
            config=small,
            full=config,
            notes=notes,
            folder=self._new_folder(),
            prepared=self._prepare(small, stands_in=is_absent(config)),
            in_new_process=self._fresh,
        )
        return self._verify(subject, modules, started)

    def verify_run(self, path: Path, only: Sequence[str] = (), *, quick: bool) -> Verdict:
        """Prove a finished run: its parameters, its data, its record.

        Raises:
            UserError: there is no finished run.
        """
        modules = chosen_checks(only)
        started = time.monotonic()
        run = RunDirectory.open(path)
        config, facts = run_config(run), run.read()
        if facts["status"] != "completed":
            raise UserError(
                f"{path}: the run is not finished ({facts['status']}); finish it with "
                "`rnnlab train --resume RUN`"
            )
        is_stream = config.model.module.TASK == "language_modeling"
        loaded: Any = (LanguagePredictor if is_stream else Predictor).load(run.model)
        if not is_stream:
            classes = len(loaded.labels)
            recorded = Recorded(vocabulary=len(loaded.reader.vocabulary), classes=classes)
            data = config.data.model_copy(update={"recorded": recorded})
            config = config.model_copy(update={"data": data})
        small, notes, foreign = self._of_run(config)
        dataset = compose.dataset_of(small, loaded.reader.learned)
        if not foreign and dataset.content_hash != facts["identity"]["data"]:
            raise UserError(
                f"{path}: its data has changed since it was trained; restore the data, or train "
                "again"
            )
        with quiet_log() if foreign else nullcontext():
            prepared = compose.prepare(small, dataset)
        if foreign:
            prepared = _in_vocabulary(prepared, loaded.reader)
        if quick:
            notes.append("a run is proved at its own size: --quick changes nothing")
        subject = Subject(
            name=str(path),
            config=small,
            full=config,
            notes=notes,
            folder=self._new_folder(),
            prepared=prepared,
            in_new_process=self._fresh,
            run=run,
            loaded=loaded,
            foreign_data=foreign,
        )
        return self._verify(subject, modules, started)

    def _of_run(self, config: Config) -> tuple[Config, list[str], bool]:
        """A run's config on its data, or on the embedded set where that is gone."""
        if not is_absent(config):
            return *reduced(config, self._folder, quick=False), False
        settings = config.model_dump(mode="json")
        settings["data"] = stand_in(config, self._folder)
        small, notes = reduced(parse_config(settings, config.name), self._folder, quick=False)
        name = config.data.source.name
        return small, [*notes, f"{name} is not here: the embedded set stands in for it"], True

    def _prepare(self, config: Config, *, stands_in: bool) -> Any:
        """The data of a config, shared by all that read the same."""
        key = json.dumps(
            [config.data.model_dump(mode="json"), config.model.module.TASK, config.train.metric]
        )
        if key not in self._prepared:
            with quiet_log() if stands_in else nullcontext():
                self._prepared[key] = compose.prepare(config, compose.dataset_of(config))
        return self._prepared[key]

    def _new_folder(self) -> Path:
        self._count += 1
        return self._folder / f"subject-{self._count}"

    def _verify(self, subject: Subject, modules: dict[str, ModuleType], started: float) -> Verdict:
        if "round_trip" in modules:
            self._fresh.start()
        results = []
        with quiet_log():
            for name, module in modules.items():
                result = self._result(name, module, subject)
                results.append(result)
                self._told(subject.name, result)
        shutil.rmtree(subject.folder, ignore_errors=True)
        return Verdict(
            subject.name, tuple(results), tuple(subject.notes), time.monotonic() - started
        )

    def _result(self, name: str, module: ModuleType, subject: Subject) -> CheckResult:
        key = (name, _decides(module, subject))
        if key in self._results:
            first, result = self._results[key]
            return replace(result, shared_with=first, seconds=0.0)
        result = run_check(name, module, subject)
        self._results[key] = (subject.name, result)
        return result


def _in_vocabulary(prepared: Any, reader: Any) -> Any:
    """Data of another origin as a run's model reads it."""
    from rnnlab.data.streams import Stream, stream_of

    if isinstance(prepared.train, Stream):
        streams = {}
        for split in ("train", "val"):
            ragged, types = prepared.dataset.ragged(split)
            streams[split] = stream_of(ragged, types, reader.vocabulary)
        return replace(prepared, reader=reader, **streams)
    texts = {
        f"{name}_texts": reader.encode(split.ragged, split.types)
        for name, split in (("train", prepared.train), ("val", prepared.val))
    }
    return replace(prepared, reader=reader, **texts)


def _decides(module: ModuleType, subject: Subject) -> str:
    """All that a check's result depends on, as text: subjects that are equal in it share it."""
    small, full = (each.model_dump(mode="json") for each in (subject.config, subject.full))
    parts: dict[str, Any] = {
        "model": [small["model"], small["seed"], len(subject.reader.vocabulary)],
        "data": [small["data"], small["model"]["kind"]],
        "train": [small["train"], small["seed"]],
        "full": [full["model"], full["data"]["recorded"], full["data"]["vocabulary"]],
    }
    run = None if subject.run is None else str(subject.run.path)
    return json.dumps([run, *(parts[name] for name in module.READS)], sort_keys=True)


def run_check(name: str, module: ModuleType, subject: Any) -> CheckResult:
    """Run a check; what it raises is a failure of the subject, told in a line."""
    started = time.monotonic()
    common: dict[str, Any] = {"name": name, "advice": module.ADVICE}
    try:
        evidence = module.run(subject)
    except NotApplicable as reason:
        return CheckResult(
            passed=None, difference=None, tolerance=None, detail=f"skipped: {reason}", **common
        )
    except Exception as error:
        line = " ".join(str(error).split())
        return CheckResult(
            passed=False,
            difference=None,
            tolerance=None,
            detail=f"stopped by {type(error).__name__}: {line}",
            seconds=time.monotonic() - started,
            **common,
        )
    worst = evidence.worst
    return CheckResult(
        passed=evidence.passed,
        difference=worst.difference,
        tolerance=worst.tolerance,
        detail=_detail(evidence),
        findings=tuple(evidence.findings),
        exhibits=tuple(evidence.exhibits),
        notes=tuple(evidence.notes),
        seconds=time.monotonic() - started,
        **common,
    )


def _detail(evidence: Evidence) -> str:
    worst = evidence.worst
    failed = sum(not finding.passed for finding in evidence.findings)
    parts = [f"{len(evidence.findings)} comparisons"]
    if failed:
        parts[0] += f", {failed} failed"
    at = f" (at {worst.example})" if worst.example else ""
    parts.append(f"{'worst' if failed else 'largest'}: {worst.what}{at}")
    return "; ".join(parts)


@contextmanager
def session(
    told: Callable[[str, CheckResult], None] | None = None, fresh: FreshProcess | None = None
) -> Iterator[Session]:
    """A session that cleans up after itself; see `Session`."""
    opened = Session(told, fresh)
    try:
        yield opened
    finally:
        opened.close()
