"""rnnlab suggest: what to train on a table, with commands to paste and their times."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from rnnlab.cli.output import Json, print_json, print_table, program, say
from rnnlab.wording import duration

_MOST_LABELS = 12


def suggest(
    table: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, TSV, JSONL or Parquet.")],
    text: Annotated[
        str | None, typer.Option("--text", help="Column of the texts; guessed if left out.")
    ] = None,
    label: Annotated[
        str | None, typer.Option("--label", help="Column of the labels; guessed if left out.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Describe a table, and suggest models with ready commands and measured times."""
    from rnnlab.cli.output import start_logging
    from rnnlab.suggestion import suggest as suggest_for

    start_logging()
    facts = suggest_for(table, text, label)
    if as_json:
        print_json(facts)
        return
    _print_facts(facts)
    print()
    for number, item in enumerate(facts["suggestions"], 1):
        most = "at most" if "epochs" in item else "about"
        time = f"{most} {duration(item['seconds'])}" if item["seconds"] >= 1 else "under a second"
        say(f"{number}. {item['title']}: {time}")
        say(f"   {item['reason']}")
        print(_folded([program(), *shlex.split(item["command"])[1:]]))
    say(
        f"Times were measured on these texts, for {facts['threads']} thread(s); networks stop "
        "sooner where validation no longer improves."
    )


def _print_facts(facts: dict[str, Any]) -> None:
    rows, lengths, same = facts["rows"], facts["lengths"], facts["repeats"]
    falling = sorted(facts["labels"].items(), key=lambda item: -item[1])
    shown = falling if len(falling) <= _MOST_LABELS else falling[: _MOST_LABELS - 1]
    cells = [[name, f"{count:,}", f"{count / rows:.1%}"] for name, count in shown]
    if len(shown) < len(falling):
        rest = falling[len(shown) :]
        count = sum(count for _, count in rest)
        cells.append([f"({len(rest)} more)", f"{count:,}", f"{count / rows:.1%}"])
    print(f"{facts['file']}: {rows:,} texts in {facts['text']!r}, labels in {facts['label']!r}")
    print_table(["label", "texts", "share"], cells)
    say(
        f"tokens of a text: median {lengths['median']:g}, 95 % have at most {lengths['p95']:.0f}, "
        f"longest {lengths['max']:,}; repeated texts: {same['exact']:,} exactly, "
        f"{same['normalised']:,} but for case and punctuation"
    )
    for note in facts["notes"]:
        say(f"note: {note}")


def _folded(words: list[str]) -> str:
    """A shell command on lines of 80 columns at most, where its words allow."""
    lines = [""]
    for word in map(shlex.quote, words):
        if lines[-1] and len(lines[-1]) + len(word) > 74:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else f"   {word}"
    return " \\\n   ".join(lines)
