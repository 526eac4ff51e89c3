"""rnnlab evaluate: score a finished run on a split."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rnnlab.cli.output import Json, perplexity_text, print_json, print_table, say, share


def evaluate(
    run: Annotated[Path, typer.Argument(help="Run directory, or an ensemble.")],
    split: Annotated[str, typer.Option("--split", help="Which split: val, test ...")] = "val",
    window: Annotated[
        int | None,
        typer.Option(
            min=1, help="Of a language model: steps computed at a time; changes no result."
        ),
    ] = None,
    adapt: Annotated[
        bool,
        typer.Option(
            "--adapt",
            help="Of a language model: rows with a tuned temperature and dynamic evaluation too.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Score a finished run. Each use of a test split is recorded in test-ledger.jsonl."""
    from rnnlab.cli.output import start_logging
    from rnnlab.evaluation import evaluate_run

    start_logging()
    result = evaluate_run(run, split, window, adapt=adapt)
    if as_json:
        print_json(result)
        return
    if "perplexity" in result:
        _print_stream(run.name, split, result)
        return
    print(
        f"{run.name} on {split}: {result['examples']:,} texts, accuracy "
        f"{share(result['accuracy'])}, macro F1 {share(result['macro_f1'])}, "
        f"loss {result['loss']:.4f}"
    )
    texts = result["texts"]
    if texts["cut_texts"]:
        print(
            f"truncated: {texts['cut_texts']:.1%} of the texts, "
            f"{texts['cut_tokens']:.1%} of the tokens"
        )
    print_table(
        ["label", "precision", "recall", "F1", "texts"],
        [
            [c["label"], *(share(c[key]) for key in ("precision", "recall", "f1")), c["support"]]
            for c in result["per_class"]
        ],
    )
    names = [c["label"] for c in result["per_class"]]
    if len(names) <= 10:
        rows = [[name, *counts] for name, counts in zip(names, result["confusion"], strict=True)]
        print_table(["true \\ predicted", *names], rows)


def _print_stream(name: str, split: str, result: dict[str, Any]) -> None:
    say(
        f"{name} on {split}: perplexity {perplexity_text(result['perplexity'])}, "
        f"{result['loss']:.4f} nats or "
        f"{result['bits_per_token']:.4f} bits a token, {result['bits_per_character']:.4f} bits a "
        f"character; {result['tokens']:,} tokens, {result['unknown']:,} of them unknown words"
    )
    if "true" in result:
        true = result["true"]
        say(
            f"the distribution that the texts were drawn from: {true['perplexity']:.2f} on them, "
            f"{true['expected_perplexity']:.2f} in expectation; no model goes below that but by "
            "chance"
        )
    if "adapted" in result:
        rows = [["as trained", "", perplexity_text(result["perplexity"])]]
        for row in result["adapted"]:
            chosen = {key: row[key] for key in ("temperature", "rate", "decay") if key in row}
            settings = ", ".join(f"{key} {value:.4g}" for key, value in chosen.items())
            rows.append([row["row"], settings, perplexity_text(row["perplexity"])])
        print_table(["", "chosen on validation", "perplexity"], rows, left=2)
