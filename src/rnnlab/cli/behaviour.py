"""rnnlab behaviour: how often models behave as expected on texts made from templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from rnnlab.cli.output import Json, print_json, print_table, say, share
from rnnlab.exceptions import UserError

_SHOWN = 1  # failures of each test in the terminal


def behaviour(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Runs or ensembles.")],
    templates: Annotated[
        Path | None,
        typer.Option(
            "--templates", metavar="FILE", help="Your own tests; by default English sentiment."
        ),
    ] = None,
    roles: Annotated[
        list[str] | None,
        typer.Option(
            "--role", metavar="ROLE=LABEL", help="What the model calls it, as positive=good."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Test how models behave: negation, contrast, intensifiers, and what must not matter (names,
    numbers, typos); pass rates of each."""
    from rnnlab.behaviour import run_suite
    from rnnlab.behaviour.templates import SHIPPED, read_suite
    from rnnlab.cli.output import start_logging
    from rnnlab.evaluation import load_model

    start_logging()
    path = templates or SHIPPED
    suite = read_suite(path)
    given = _pairs(roles or [])
    results = {str(run): run_suite(load_model(run), suite, given) for run in runs}
    if as_json:
        print_json({"templates": str(path), "runs": results})
        return
    _print(results)


def _pairs(given: Sequence[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for each in given:
        name, _, label = each.partition("=")
        pairs[name] = label
        if not name or not label:
            raise UserError(f"--role {name}: give a role and a label, as in --role positive=good")
    return pairs


def _print(results: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    letters = [chr(ord("A") + number) for number in range(len(results))]
    several = len(results) > 1
    if several:
        for letter, run in zip(letters, results, strict=True):
            print(f"{letter} {Path(run).name}")
    columns = letters if several else ["pass rate"]
    rows = []
    for tests in zip(*results.values(), strict=True):
        first = tests[0]
        rates = [share(test["rate"], 3) for test in tests]
        rows.append([first["about"], first["name"], first["kind"], first["cases"], *rates])
    print_table(["about", "test", "kind", "cases", *columns], rows, left=3)
    say(
        "MFT: the text has the expected label. INV: a change does not change the label. DIR: a "
        "change does not move the probability the wrong way by more than .1, or the test's own "
        "tolerance. A case passes if all its changes do."
    )
    for letter, tests in zip(letters, results.values(), strict=True):
        failing = [test for test in tests if test["failures"]]
        if failing:
            print(f"\nfailures{f' of {letter}' if several else ''}, one a test")
        for test in failing:
            for failure in test["failures"][:_SHOWN]:
                print(f"  {test['name']}")
                print(f"    {failure['text']}  {_said(failure, '')}")
                if "changed" in failure:
                    print(f"    {failure['changed']}  {_said(failure, 'changed_')}")


def _said(failure: Mapping[str, Any], which: str) -> str:
    label = failure["changed_to"] if which else failure["label"]
    return f"[{label} {share(failure[which + 'probability'], 3)}]"
