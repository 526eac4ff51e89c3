"""rnnlab explain: which words of a text speak for its label, and which against."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnlab.cli.output import Json, print_json, print_table, say, share
from rnnlab.exceptions import UserError

if TYPE_CHECKING:
    from rnnlab.explanation import Explanation


def explain(
    run: Annotated[Path, typer.Argument(help="Run, or its model folder alone.")],
    text: Annotated[str, typer.Argument(help='The text, or "-" to read it from standard input.')],
    method: Annotated[
        str | None,
        typer.Option(
            help="word_weights, integrated_gradients, occlusion, sentences or attention; by "
            "default the first that the model allows."
        ),
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="The label to explain; by default the predicted one.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a page too.")
    ] = None,
    top: Annotated[int, typer.Option(min=0, help="Rows of the table under the text.")] = 8,
    as_json: Json = False,
) -> None:
    """Show which words of a text speak for its label, and which against."""
    from rnnlab.cli.output import start_logging
    from rnnlab.evaluation import load_model
    from rnnlab.explanation import explain as explain_text

    start_logging()
    predictor = load_model(run)
    name = None if method is None else method.replace("-", "_")
    explanation = explain_text(predictor, _read(text), name, label)
    if html is not None:
        from rnnlab.explanation.page import write_page

        write_page(explanation, html, model=run.name)
    if as_json:
        print_json(explanation.to_dict())
    else:
        _print(explanation, top)
        if html is not None:
            print(f"page: {html}")


def _read(text: str) -> str:
    import sys

    try:
        if text == "-":
            return sys.stdin.buffer.read().decode("utf-8-sig").rstrip("\n")
        text.encode()
    except UnicodeError as error:
        raise UserError("the text is not UTF-8; convert it first") from error
    return text


def _print(explanation: Explanation, top: int) -> None:
    from rich.console import Console

    from rnnlab.explanation import rendering

    probability = explanation.probabilities[explanation.label]
    print(f"{explanation.label}, probability {share(probability)}")
    print(f"{explanation.method}: {explanation.quantity}\n")
    Console(highlight=False).print(rendering.coloured(explanation))
    if explanation.cut:
        say(f"The model reads no more: {explanation.cut:,} further tokens are cut.")
    if top:
        name = explanation.explained
        columns = [f"for '{name}'", f"against '{name}'"] if explanation.signed else ["looks at"]
        rows = [
            [f"{number:>6} {text}" for text, number in zip(row[::2], row[1::2], strict=True)]
            for row in rendering.strongest(explanation, top)
        ]
        print_table(columns, rows, left=len(columns))
    say(explanation.note)
    if explanation.gap is not None:
        say(
            f"score {explanation.score:+.4f} = baseline {explanation.baseline:+.4f} "
            f"{explanation.total:+.4f} by the pieces, completeness gap {explanation.gap:+.1e}"
        )
    elif explanation.score is not None:
        print(f"score {explanation.score:+.4f}")
