"""rnnlab embed: learn word vectors from unlabelled texts, and look at vectors."""

from __future__ import annotations

import time
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from rnnlab.cli.output import (
    Json,
    Overrides,
    duration,
    print_json,
    print_table,
    program,
    say,
    share,
    start_logging,
)
from rnnlab.exceptions import UserError
from rnnlab.progress import StatusLine

app = typer.Typer(help="Word vectors: learn them, look at them.", no_args_is_help=True)

_CHECKED_NEIGHBOURS = 5


class Method(StrEnum):
    """How vectors are learned."""

    skipgram = "skipgram"
    cbow = "cbow"


@app.command("train")
def train(  # noqa: PLR0917
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="NAME|PRESET", help="A data set, preset or file."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="A table, or a .txt file with a text a line.")
    ] = None,
    overrides: Overrides = None,
    column: Annotated[
        str | None, typer.Option("--text", help="Column of the texts in a table.")
    ] = None,
    splits: Annotated[
        str | None,
        typer.Option(help="Splits to read, as in train,unsup; by default all but val and test."),
    ] = None,
    validation_groups: Annotated[
        bool,
        typer.Option(help="Read unlabelled texts of groups (films) of the validation part too."),
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="The vectors: .txt, .vec or .bin, also with .gz.")
    ] = None,
    method: Annotated[Method, typer.Option(help="What is predicted.")] = Method.skipgram,
    dim: Annotated[int, typer.Option(min=1, max=4096, help="Values of a vector.")] = 100,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the texts.")] = 5,
    window: Annotated[int, typer.Option(min=1, help="Words on each side, at most.")] = 5,
    min_count: Annotated[int, typer.Option(min=1, help="Occurrences that a word needs.")] = 5,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1)] = 0,
    tokenizer: Annotated[
        str | None,
        typer.Option(
            help="That of the model that will use them; by default the preset's, or words."
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Threads, by default all cores; 1 gives the same vectors again."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Learn word vectors from a data set's training part and unlabelled texts, or from a file."""
    from rnnlab.embed.training import LIBRARY, Settings, check_target, train_vectors
    from rnnlab.environment import available_cores

    start_logging()
    LIBRARY.version()  # its absence is reported before anything is read
    if (data is None) == (file is None):
        raise UserError("name the texts: --data NAME or --file PATH, one of them")
    target = out or Path("vectors") / f"{Path(data or file or '').stem}-{method}-{dim}d-s{seed}.bin"
    check_target(target)
    settings = Settings(
        method=method.value,
        dim=dim,
        epochs=epochs,
        window=window,
        min_count=min_count,
        seed=seed,
        workers=workers or available_cores(),
    )
    if file is not None:
        from rnnlab.embed.corpus import read_file

        if splits is not None or validation_groups:
            raise UserError("--splits and --validation-groups go with --data")
        corpus = read_file(file, column, tokenizer or "words", overrides or [])
    else:
        from rnnlab.embed.corpus import read_data

        if column is not None:
            raise UserError("--text goes with --file; for a data set set data.text=COLUMN")
        corpus = read_data(
            data or "",
            overrides or [],
            tokenizer=tokenizer,
            splits=splits.split(",") if splits else None,
            validation_groups=validation_groups,
        )
    progress = _Progress(corpus, settings)
    facts = train_vectors(corpus, settings, target, progress.passes)
    facts["neighbours"] = _neighbours(target, facts.pop("frequent"), _CHECKED_NEIGHBOURS)
    if as_json:
        print_json(facts)
        return
    say(
        f"done in {duration(facts['seconds'])}: {facts['words']:,} words, "
        f"{facts['tokens_per_second'] / 1000:,.0f}k tokens/s"
    )
    if not facts["reproducible"]:
        say(
            f"{settings.workers} workers race: another training gives slightly other vectors "
            "(--workers 1 gives the same again)"
        )
    _print_neighbours(facts["neighbours"], "frequent words and their neighbours")
    print(f"vectors: {target}")
    print(f"next: {program()} train PRESET model.embedding.vectors={target}")


@app.command("neighbours")
def neighbours(
    vectors: Annotated[str, typer.Argument(help="A file of vectors, or its name in RNNLAB_DATA.")],
    words: Annotated[list[str], typer.Argument(metavar="WORD...")],
    count: Annotated[int, typer.Option(min=1, help="Neighbours of each word.")] = 10,
    as_json: Json = False,
) -> None:
    """Show the words whose vectors are nearest, by the cosine."""
    from rnnlab.data.vectors import locate_vectors

    path = locate_vectors(vectors)
    found = _neighbours(path, words, count)
    if as_json:
        print_json({"vectors": str(path), "neighbours": found})
    else:
        _print_neighbours(found, f"nearest by cosine in {path.name}")


def _neighbours(path: Path, words: Sequence[str], count: int) -> dict[str, list[dict[str, Any]]]:
    from rnnlab.data.neighbours import nearest_words

    found = nearest_words(path, words, count)
    return {word: [one._asdict() for one in nearest] for word, nearest in found.items()}


def _print_neighbours(found: dict[str, list[dict[str, Any]]], title: str) -> None:
    rows = [
        [word if number == 0 else "", one["word"], share(one["cosine"], 3)]
        for word, nearest in found.items()
        for number, one in enumerate(nearest)
    ]
    print_table(["word", "neighbour", "cosine"], rows, left=2, title=title)


class _Progress:
    """Says what is read, and shows where the training stands."""

    def __init__(self, corpus: Any, settings: Any) -> None:
        self._line = StatusLine()
        self._epochs = settings.epochs
        self._tokens = len(corpus.ragged.tokens)
        self._started = time.monotonic()
        for name, part in corpus.data.get("splits", {}).items():
            left_out = part["of"] - part["texts"]
            remark = f" ({left_out:,} of validation left out)" if left_out else ""
            self._line.say(f"reading {name}: {part['texts']:,} texts{remark}")
        self._line.say(
            f"{len(corpus.ragged):,} texts, {self._tokens:,} tokens by "
            f"'{corpus.tokenizer['name']}', {len(corpus.types):,} different"
        )

    def passes(self, done: float) -> None:
        """Take in how many passes over the texts are done."""
        elapsed = time.monotonic() - self._started
        rate = f"{done * self._tokens / elapsed / 1000:,.0f}k tokens/s"
        if done and done == int(done):
            self._line.say(f"epoch {done:.0f}/{self._epochs}  {rate}  {duration(elapsed)}")
        elif self._line.due():
            left = elapsed / done * (self._epochs - done)
            self._line.show(
                f"epoch {int(done) + 1}/{self._epochs}  {done % 1:4.0%}  {rate}  "
                f"{duration(left)} left"
            )
