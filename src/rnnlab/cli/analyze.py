"""rnnlab analyze: what a run gets wrong, by label, length and cue; where two runs differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from rnnlab.cli.output import Json, between, print_json, print_table, say, share

_SHOWN = 3  # errors in the terminal; the page has more
_MOST_LABELS = 8


def analyze(
    run: Annotated[Path, typer.Argument(help="Run directory, or an ensemble.")],
    other: Annotated[
        Path | None, typer.Argument(metavar="[RUN2]", help="Another run on the same texts.")
    ] = None,
    split: Annotated[str, typer.Option("--split", help="Which split: val, test ...")] = "val",
    bins: Annotated[
        str | None, typer.Option(metavar="N,N,...", help="Where bins of length begin, in tokens.")
    ] = None,
    slices: Annotated[
        list[str] | None,
        typer.Option("--slice", metavar="NAME=REGEX", help="A further cue; may be repeated."),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--column", metavar="NAME", help="Slice by a column of your table too."),
    ] = None,
    examples: Annotated[
        int, typer.Option(min=1, help="Errors on the page, for each label or case.")
    ] = 10,
    as_json: Json = False,
) -> None:
    """Read a run's errors: by label, length and cue, the most confident ones, and calibration; with
    RUN2, where both err and where one does. Writes analysis.html, analysis.json and CSV files into
    RUN. Each use of a test split is recorded in test-ledger.jsonl."""
    from rnnlab.analysis import Settings
    from rnnlab.analysis import analyze as analyze_run
    from rnnlab.analysis.bands import parse_edges
    from rnnlab.cli.output import start_logging

    start_logging()
    edges = None if bins is None else parse_edges(bins)
    settings = Settings(edges, slices or (), columns or (), examples)
    result = analyze_run(run, other, split, settings)
    if as_json:
        print_json(result)
        return
    if result["task"] == "language_modeling":
        _print_stream(result)
    else:
        _print(result)
    print(f"page: {run / 'analysis.html'}; tables: {run / 'analysis'}")


def _print(result: Mapping[str, Any]) -> None:
    print(
        f"{Path(result['run']).name} on {result['split']}: {result['examples']:,} texts, accuracy "
        f"{share(result['accuracy'])} ({between(result['accuracy_interval'])}),\n"
        f"macro F1 {share(result['macro_f1'])}, loss {result['loss']:.4f}"
    )
    _print_labels(result)
    comparison = result["comparison"]
    if comparison is not None:
        _print_comparison(result, comparison)
    for number, cut in enumerate(_cuts(result)):
        _print_bands(cut, None if comparison is None else _cuts(comparison)[number])
    _print_slices(result["slices"])
    kind = result["grouped_by"]
    say(
        "Intervals are 95 %, Wilson's, over the choice of texts"
        + (f"; texts of one {kind} are not independent, so whole {kind}s count." if kind else ".")
    )
    _print_calibration(result["calibration"])
    _print_errors("the most confident errors", result["errors"])


def _print_labels(result: Mapping[str, Any]) -> None:
    print_table(
        ["label", "precision", "recall", "F1", "texts"],
        [
            [c["label"], *(share(c[key]) for key in ("precision", "recall", "f1")), c["support"]]
            for c in result["per_class"]
        ],
    )
    names = result["labels"]
    if len(names) <= _MOST_LABELS:
        rows = [[name, *counts] for name, counts in zip(names, result["confusion"], strict=True)]
        print_table(["true \\ predicted", *names], rows)
    else:
        rows = [[c["label"], c["predicted"], c["texts"]] for c in result["confusions"][:10]]
        print_table(["label", "read as", "texts"], rows, left=2)


def _print_comparison(result: Mapping[str, Any], comparison: Mapping[str, Any]) -> None:
    counts = comparison["counts"]
    print_table(
        ["", "B right", "B errs"],
        [
            ["A right", f"{counts['both_right']:,}", f"{counts['only_second_errs']:,}"],
            ["A errs", f"{counts['only_first_errs']:,}", f"{counts['both_err']:,}"],
        ],
        title=f"A {Path(result['run']).name}\nB {Path(comparison['run']).name}",
    )
    say(
        f"B has an accuracy of {share(comparison['accuracy'])}. If both were equally good, their "
        f"lone errors would be shared so unevenly with probability {comparison['p']:.2g} "
        "(McNemar, exact)."
    )
    _print_errors("both err", comparison["examples"]["both_err"])
    _print_errors("only A errs", comparison["examples"]["only_first_errs"])
    _print_errors("only B errs", comparison["examples"]["only_second_errs"])


def _cuts(part: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [part["lengths"], *part["bands"]]


def _print_bands(cut: Mapping[str, Any], other: Mapping[str, Any] | None) -> None:
    columns = [cut["name"], "texts", "accuracy", "95 % interval"]
    rows = [
        [band["label"], f"{band['texts']:,}", share(band["accuracy"]), _ends(band["interval"])]
        for band in cut["bands"]
    ]
    if other is not None:
        columns = [cut["name"], "texts", "A", "95 % interval", "B", "95 % interval"]
        for row, band in zip(rows, other["bands"], strict=True):
            row += [share(band["accuracy"]), _ends(band["interval"])]
    print_table(columns, rows)


def _ends(interval: tuple[float, float] | None) -> str:
    return between(interval) if interval else ""


def _print_slices(slices: Sequence[Mapping[str, Any]]) -> None:
    def difference(each: Mapping[str, Any]) -> str:
        if each["difference"] is None:
            return ""
        low, high = (_signed(end) for end in each["difference_interval"])
        return f"{_signed(each['difference'])} ({low} to {high})"

    print_table(
        ["cue", "with", "accuracy", "without", "accuracy", "difference (95 %)"],
        [
            [
                each["name"],
                f"{each['present']['texts']:,}",
                share(each["present"]["accuracy"]),
                f"{each['absent']['texts']:,}",
                share(each["absent"]["accuracy"]),
                difference(each),
            ]
            for each in slices
        ],
    )


def _signed(value: float) -> str:
    return ("-" if value < 0 else "+") + share(abs(value), 3)


def _print_calibration(calibration: Mapping[str, Any]) -> None:
    scaled = calibration["temperature"]
    crosswise = ", crosswise" if scaled["crosswise"] else ""
    print_table(
        ["calibration", "ECE", "Brier", "loss"],
        [
            [name, *(f"{part[key]:.4f}" for key in ("ece", "brier", "loss"))]
            for name, part in (
                ("as it is", calibration),
                (f"temperature {scaled['value']:.3f}{crosswise}", scaled),
            )
        ],
    )
    if scaled["crosswise"]:
        say(
            "The temperature is fitted on validation; crosswise, each tenth of the texts is scaled "
            "by the temperature of the other nine."
        )


def _print_errors(title: str, errors: Sequence[Mapping[str, Any]]) -> None:
    from rnnlab.display import shortened

    print(f"\n{title}{'' if errors else ': none'}")
    for each in errors[:_SHOWN]:
        said = f"{each['predicted']} {share(each['probability'], 3)}"
        if "other_predicted" in each:
            said = f"A {said}, B {each['other_predicted']} {share(each['other_probability'], 3)}"
        print(f"  {each['label']}, read as {said}")
        print(f"    {shortened(each['text'], 74)}")


def _print_stream(result: Mapping[str, Any]) -> None:
    print(
        f"{Path(result['run']).name} on {result['split']}: perplexity {result['perplexity']:.2f} "
        f"({result['loss']:.4f} nats a token), {result['tokens']:,} tokens"
    )
    print_table(
        ["occurrences in train", "tokens", "nats a token", "perplexity", "of all nats"],
        [
            [
                band["label"],
                f"{band['tokens']:,}",
                f"{band['loss']:.3f}",
                f"{band['perplexity']:,.1f}",
                f"{band['share_of_nats']:.1%}",
            ]
            for band in result["frequency"]
        ],
    )
    print_table(
        ["hardest words", "nats a token", "tokens", "in train"],
        [
            [each["word"], f"{each['loss']:.2f}", each["tokens"], f"{each['train_tokens']:,}"]
            for each in result["hardest_words"]
        ],
    )
    print("hardest tokens")
    for each in result["hardest_tokens"][:_SHOWN]:
        print(f"  {each['nats']:5.2f}  {each['word']}  after: {each['context']}")
