"""rnnlab data: which data sets there are, and what is in them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from rnnlab.cli.output import Json, Overrides, print_json, print_table

app = typer.Typer(help="Data sets: list, fetch, stats, check.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME|PRESET", help="A data set, preset or file.")]


@app.command("list")
def list_sources(as_json: Json = False) -> None:
    """List the data sets and whether their files are here."""
    from rnnlab.data.checks import list_sources as listed

    rows = listed()
    if as_json:
        print_json({"sources": rows})
        return
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        print(f"{row['name']:{width}}  {row['summary']}\n{'':{width}}  {row['state']}")


@app.command("fetch")
def fetch(
    name: Annotated[str, typer.Argument(help="A data set; see `rnnlab data list`.")],
    as_json: Json = False,
) -> None:
    """Find a data set's files, downloading them if need be."""
    from rnnlab.cli.output import start_logging
    from rnnlab.data.checks import fetch as fetch_files

    start_logging()
    paths = fetch_files(name)
    if as_json:
        print_json({"name": name, "files": paths})
    elif paths:
        print("\n".join(f"{name}: {path}" for path in paths))
    else:
        print(f"{name}: needs no files")


@app.command("stats")
def stats(name: Name, overrides: Overrides = None, as_json: Json = False) -> None:
    """Count examples, tokens, labels and lengths per split."""
    from rnnlab.cli.output import start_logging
    from rnnlab.data_report import data_stats

    start_logging()
    facts = data_stats(name, overrides or [])
    if as_json:
        print_json(facts)
        return
    print_table(
        ["split", "examples", "tokens", "mean", "median", "min", "max"],
        [
            [
                split,
                f"{item['examples']:,}",
                f"{item['tokens']:,}",
                f"{item['length']['mean']:.1f}",
                f"{item['length']['median']:g}",
                item["length"]["min"],
                item["length"]["max"],
            ]
            for split, item in facts["splits"].items()
        ],
        title=f"{name}: tokens by '{facts['tokenizer']}', lengths in tokens",
    )
    splits = facts["splits"]
    if facts["labels"]:
        print_table(
            ["label", *splits],
            [
                [label, *(item["labels"].get(label, "") for item in splits.values())]
                for label in facts["labels"]
            ],
        )
    if "preset" in facts:
        _print_preset(facts["preset"])


def _print_preset(facts: dict[str, Any]) -> None:
    print(f"what the model sees; vocabulary of the training part: {facts['vocabulary']:,} entries")
    parts = facts["splits"].items()
    if any("cut_tokens" in item for _, item in parts):
        columns = {"tokens cut": "cut_tokens", "texts cut": "cut_texts"}
        cells = {name: [f"{item[key]:.2%}" for _, item in parts] for name, key in columns.items()}
    else:
        columns = {"tokens": "tokens", "unknown": "unknown"}
        cells = {name: [f"{item[key]:,}" for _, item in parts] for name, key in columns.items()}
    known = [[part, f"{item['examples']:,}", f"{item['coverage']:.2%}"] for part, item in parts]
    print_table(
        ["part", "examples", "tokens known", *cells],
        [[*row, *rest] for row, *rest in zip(known, *cells.values(), strict=True)],
    )


@app.command("check")
def check(name: Name, overrides: Overrides = None, as_json: Json = False) -> None:
    """Find texts that repeat, within and across splits."""
    from rnnlab.cli.output import start_logging
    from rnnlab.data_report import data_check

    start_logging()
    facts = data_check(name, overrides or [])
    if as_json:
        print_json(facts)
        return
    normalised = facts["normalised"]
    rows = [
        [f"repeats in {s}", f"{n:,}", f"{normalised['repeats'][s]:,}"]
        for s, n in facts["repeats"].items()
    ]
    rows += [
        [f"texts in both {p.replace('_', ' and ')}", f"{n:,}", f"{normalised['overlap'][p]:,}"]
        for p, n in facts["overlap"].items()
    ]
    print_table(["", "exact", "normalised"], rows, title=f"{name}: repeated texts")
    print("normalised: lower case, letters and digits alone, single spaces")
