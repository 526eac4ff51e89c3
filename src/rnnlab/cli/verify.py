"""rnnlab verify: proofs that a model, its training and its data do what they say."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnnlab.cli.output import Json, Overrides, duration, print_json, print_table, say
from rnnlab.exceptions import UserError

if TYPE_CHECKING:
    from rnnlab.verify.evidence import CheckResult
    from rnnlab.verify.session import Verdict

_WORDS = {True: "passed", False: "FAILED", None: "skipped"}


def verify(
    subject: Annotated[str | None, typer.Argument(metavar="[PRESET|FILE|RUN]")] = None,
    overrides: Overrides = None,
    every: Annotated[bool, typer.Option("--all-presets", help="Prove every preset.")] = False,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="CHECK", help="This check alone; may be given again."),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Small states and vocabulary; embedded data where none is."),
    ] = False,
    self_test: Annotated[
        bool, typer.Option("--self-test", help="Plant bugs, and see whether the checks catch them.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Prove that a model, its training and its data do what they say. Exit code 1: a check failed.

    Each check gives a measured difference beside its tolerance. A RUN keeps the result in
    verify.json.
    """
    from rnnlab.cli.output import start_logging

    if sum((subject is not None, every, self_test)) != 1:
        raise UserError("name a preset, a file or a run, or give --all-presets or --self-test")
    if self_test and (only or quick):
        raise UserError("--self-test chooses its own checks: leave --only and --quick out")
    start_logging()
    if self_test:
        passed = _self_test(as_json)
    elif every:
        passed = _every_preset(only or [], quick, as_json)
    else:
        passed = _one(str(subject), overrides or [], only or [], quick, as_json)
    if not passed:
        sys.exit(1)


def _one(subject: str, overrides: list[str], only: list[str], quick: bool, as_json: bool) -> bool:
    from rnnlab.config.load import load_config
    from rnnlab.environment import available_cores, use_threads
    from rnnlab.verify.session import chosen_checks, session

    chosen_checks(only)
    run = Path(subject)
    is_run = run.is_dir()
    if is_run and overrides:
        raise UserError(f"a run is proved as it is; leave out {overrides[0]}")
    use_threads(available_cores())
    with session(_tell) as opened:
        if is_run:
            verdict = opened.verify_run(run, only, quick=quick)
        else:
            verdict = opened.verify_config(load_config(subject, overrides), only, quick=quick)
    _clear()
    if is_run and not only:
        from rnnlab.files import write_json

        write_json(run / "verify.json", verdict.to_dict())
    if as_json:
        print_json(verdict.to_dict())
    else:
        _print(verdict)
        if is_run:
            kept = f"in {run / 'verify.json'}" if not only else "nowhere, as with every --only"
            print(f"kept {kept}")
    return verdict.passed


def _print(verdict: Verdict) -> None:
    for note in verdict.notes:
        say(note)
    for check in verdict.checks:
        for exhibit in check.exhibits:
            print_table(exhibit.columns, exhibit.rows, left=exhibit.left, title=exhibit.title)
    print_table(
        ["check", "verdict", "difference", "tolerance", "time"],
        [
            [
                _title(check.name),
                _WORDS[check.passed],
                *_figures(check),
                "" if check.passed is None else f"{check.seconds:.1f} s",
            ]
            for check in verdict.checks
        ],
        left=2,
        title=verdict.subject,
    )
    for check in verdict.checks:
        for note in [check.detail] if check.passed is None else check.notes:
            say(f"{check.name}: {note}")
    for check in verdict.checks:
        if check.passed is False:
            _print_failure(check)
    counts = dict.fromkeys(_WORDS.values(), 0)
    for check in verdict.checks:
        counts[_WORDS[check.passed]] += 1
    state = "passed" if verdict.passed else "FAILED"
    say(
        f"{state}: {counts['passed']} of {len(verdict.checks)} checks passed, {counts['skipped']} "
        f"skipped, {counts['FAILED']} failed, in {duration(verdict.seconds)}"
    )


def _print_failure(check: CheckResult) -> None:
    print()
    say(f"{_title(check.name)} FAILED: {_module(check.name).PROVES}")
    say(check.detail)
    beyond = [finding for finding in check.findings if not finding.passed]
    for finding in sorted(beyond, key=lambda one: -one.badness)[:5]:
        what = f"{finding.what}, at {finding.example}" if finding.example else finding.what
        say(f"  {_short(finding.difference)} against {_short(finding.tolerance)}: {what}")
    say(check.advice)


def _every_preset(only: list[str], quick: bool, as_json: bool) -> bool:
    from rnnlab.config.load import load_config, preset_names
    from rnnlab.environment import available_cores, use_threads
    from rnnlab.verify.session import chosen_checks, session

    chosen_checks(only)
    use_threads(available_cores())
    verdicts: list[Verdict] = []
    names = preset_names()
    with session() as opened:
        for number, name in enumerate(names, 1):
            verdict = opened.verify_config(load_config(name), only, quick=quick)
            verdicts.append(verdict)
            print(
                f"{number} of {len(names)}: {name} {_WORDS[verdict.passed]}, "
                f"{duration(verdict.seconds)}",
                file=sys.stderr,
            )
    passed = all(verdict.passed for verdict in verdicts)
    if as_json:
        print_json(_all_as_dict(verdicts, passed))
    else:
        _print_all(verdicts, passed)
    return passed


def _all_as_dict(verdicts: list[Verdict], passed: bool) -> dict[str, Any]:
    whole = [verdict.to_dict() for verdict in verdicts]
    checks = [{"preset": one["subject"], **check} for one in whole for check in one.pop("checks")]
    return {"passed": passed, "presets": whole, "checks": checks}


def _print_all(verdicts: list[Verdict], passed: bool) -> None:
    rows = []
    for verdict in verdicts:
        checks = verdict.checks
        counts = [sum(check.passed is state for check in checks) for state in (True, None, False)]
        shared = sum(check.shared_with is not None for check in checks)
        rows.append([verdict.subject, *counts, shared, f"{verdict.seconds:.1f} s"])
    print_table(["preset", "passed", "skipped", "failed", "shared", "time"], rows)
    notes = sorted({note for verdict in verdicts for note in verdict.notes if "stands in" in note})
    for note in notes:
        say(note)
    for verdict in verdicts:
        for check in verdict.checks:
            if check.passed is False and check.shared_with is None:
                print(f"\n{verdict.subject}")
                _print_failure(check)
    done = sum(check.passed is True for verdict in verdicts for check in verdict.checks)
    shared = sum(
        check.passed is True and check.shared_with is not None
        for verdict in verdicts
        for check in verdict.checks
    )
    say(
        f"{'passed' if passed else 'FAILED'}: {sum(v.passed for v in verdicts)} of {len(verdicts)} "
        f"presets, {done} checks passed, in {duration(sum(v.seconds for v in verdicts))}; "
        f"{shared} of them shared: run once for presets that are equal in all that the check reads"
    )


def _self_test(as_json: bool) -> bool:
    from rnnlab.environment import available_cores, use_threads
    from rnnlab.verify.selftest import self_test

    use_threads(available_cores())
    result = self_test(told=lambda trial: _progress(trial.bug.name))
    _clear()
    if as_json:
        print_json(result)
        return result["passed"]
    print_table(
        ["planted bug", "caught by", "difference", "tolerance", "without"],
        [
            [
                trial["bug"],
                trial["check"] if trial["caught"] else f"NOT by {trial['check']}",
                "none" if trial["difference"] is None else _short(trial["difference"]),
                "" if trial["tolerance"] is None else _short(trial["tolerance"]),
                "" if trial["difference_without"] is None else _short(trial["difference_without"]),
            ]
            for trial in result["trials"]
        ],
        left=2,
        title="each bug replaces a function of rnnlab from outside",
    )
    say(
        f"{'passed' if result['passed'] else 'FAILED'}: planted {result['planted']}, caught "
        f"{result['caught']}, false alarms {result['false_alarms']}; `rnnlab verify PRESET --quick "
        "--only CHECK` is the same check on the same input, and --json names the presets"
    )
    return result["passed"]


def _figures(check: CheckResult) -> list[str]:
    if check.passed is None:
        return ["", ""]
    if check.difference is None or check.tolerance is None:
        return ["none", ""]
    return [_short(check.difference), _short(check.tolerance)]


def _short(value: float) -> str:
    from rnnlab.verify.evidence import shown

    return shown(value)


def _module(name: str) -> Any:
    from rnnlab.registry import CHECKS

    return CHECKS.load(name)


def _title(name: str) -> str:
    return f"{name}: {_module(name).TITLE}"


def _tell(subject: str, result: CheckResult) -> None:
    _progress(f"{subject}: {result.name} {_WORDS[result.passed]}")


def _progress(text: str) -> None:
    """What is being done, on one line that is written over."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text[:79]}", end="", file=sys.stderr, flush=True)


def _clear() -> None:
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
