"""rnnlab generate: let a language model go on with a text."""

from __future__ import annotations

import math
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnlab.cli.output import Json, print_json, say

if TYPE_CHECKING:
    from rnnlab.generation import Continuation


def generate(  # noqa: PLR0917
    run: Annotated[Path, typer.Argument(help="Run of a language model, or its model folder.")],
    prompt: Annotated[
        str, typer.Option("--prompt", help="What is gone on with; by default a new text begins.")
    ] = "",
    count: Annotated[int, typer.Option("--count", min=1, max=1000, help="Continuations.")] = 1,
    tokens: Annotated[int, typer.Option("--tokens", min=1, help="Of each, at most.")] = 50,
    temperature: Annotated[
        float, typer.Option("--temperature", help="0 takes the most probable word.")
    ] = 1.0,
    top_k: Annotated[
        int | None, typer.Option("--top-k", help="Draw from so many most probable words.")
    ] = None,
    top_p: Annotated[
        float, typer.Option("--top-p", help="Draw from the most probable words of this share.")
    ] = 1.0,
    unknown: Annotated[
        bool, typer.Option("--unknown", help="Let the unknown word be drawn too.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of what is drawn.")] = 0,
    as_json: Json = False,
) -> None:
    """Continue a text, until the model ends it. The same seed gives the same words."""
    from rnnlab.cli.output import start_logging
    from rnnlab.exceptions import UserError
    from rnnlab.generation import Prompt, Sampling
    from rnnlab.generation import generate as continue_text
    from rnnlab.language_predictor import LanguagePredictor
    from rnnlab.train.rundir import model_folder

    start_logging()
    sampling = Sampling(temperature, top_k, top_p, unknown)
    predictor = LanguagePredictor.load(model_folder(run))
    try:
        prompt.encode()
    except UnicodeEncodeError as error:
        raise UserError("--prompt is not UTF-8; convert it first") from error
    begun = Prompt.read(predictor, prompt)
    if begun.unknown:
        _warn(begun.unknown, begun.words)
    found = continue_text(predictor, begun, sampling, count=count, tokens=tokens, seed=seed)
    if as_json:
        continuations = [
            {
                "text": one.text,
                "whole": _whole(prompt, one),
                "tokens": one.tokens,
                "ended": one.ended,
                "bits": one.nats / math.log(2),
            }
            for one in found
        ]
        print_json(
            {"prompt": prompt, "unknown": begun.unknown, "seed": seed, "texts": continuations}
        )
        return
    for number, one in enumerate(found):
        if number:
            print()
        for line in (_whole(prompt, one) + ("" if one.ended else " …")).split("\n"):
            say(line)


def _whole(prompt: str, one: Continuation) -> str:
    """A prompt and what goes on with it, as one text."""
    return prompt.rstrip(" \t") + one.joint + one.text


def _warn(unknown: tuple[str, ...], of: int) -> None:
    shown = ", ".join(unknown[:5]) + (", …" if len(unknown) > 5 else "")
    what = "every word" if len(unknown) == of else f"{len(unknown)} of {of} words"
    note = (
        f"note: the model does not know {what} of the prompt ({shown}); "
        "it reads them as its unknown word"
    )
    print(textwrap.fill(note, 80, break_long_words=False), file=sys.stderr)
