"""rnnlab predict: label texts from arguments, standard input or a table."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnnlab.cli.output import Json, print_json
from rnnlab.exceptions import UserError

if TYPE_CHECKING:
    from rnnlab.ledger import PredictedTexts

_CHUNK_TEXTS = 2048


def predict(
    run: Annotated[Path, typer.Argument(help="Run, its model folder alone, ensemble, or export.")],
    texts: Annotated[list[str] | None, typer.Argument(metavar="[TEXT]...")] = None,
    table: Annotated[
        Path | None, typer.Option("--input", help="A CSV, TSV, JSONL or Parquet file.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="Where the labelled table goes.")
    ] = None,
    column: Annotated[
        str | None, typer.Option("--text", help="Column of the texts; by default the run's own.")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option("--split", help="In place of --input: a split of the run's own data set."),
    ] = None,
    least: Annotated[
        float,
        typer.Option(
            "--min-probability",
            help="Leave texts out of the table whose label is less probable.",
            min=0,
            max=1,
        ),
    ] = 0.0,
    as_json: Json = False,
) -> None:
    """Label texts: given here, one per line on standard input, or in a table. A language model
    tells how surprising every token is; its --input may also be a plain text file."""
    from rnnlab.cli.output import start_logging
    from rnnlab.export.predictor import is_export

    start_logging()
    _check_combination(texts, table, output, split, least)
    if output is None and not texts and sys.stdin.isatty():
        raise UserError('nothing to label; give "a text", pipe lines, or use --input and --output')
    exported = is_export(run)
    seen = _NoTestPart() if exported else _test_part_of(run)
    if not exported and _is_language_model(run):
        if split is not None or least:
            raise UserError("--split and --min-probability are for models that give labels")
        _surprisals(run, texts, table, output, column, as_json, seen)
    elif table is not None and output is not None:
        _predict_table(_open(run), table, output, column, least, as_json, seen)
    elif split is not None and output is not None:
        _predict_split(run, split, output, least, as_json, seen)
    else:
        lines = _checked(texts) if texts else _standard_input()
        _predict_lines(_open(run), lines, as_json, seen)
    seen.enter()
    if seen.count:
        print(
            f"note: {seen.count:,} text(s) are in the test part; entered in the test ledger",
            file=sys.stderr,
        )


def _check_combination(
    texts: Sequence[str] | None,
    table: Path | None,
    output: Path | None,
    split: str | None,
    least: float,
) -> None:
    if table is not None and split is not None:
        raise UserError("give --input or --split, not both")
    if (table is None and split is None) != (output is None):
        raise UserError(
            "--output goes with --input or --split: rnnlab predict RUN --input A --output B"
        )
    if output is not None and texts:
        raise UserError("give texts, --input or --split, and only one of them")
    if least and output is None:
        raise UserError("--min-probability is for the table of --output")


class _NoTestPart:
    """An exported model knows nothing of its data."""

    count = 0

    def see(self, texts: Sequence[str]) -> None:
        pass

    def enter(self) -> None:
        pass


def _test_part_of(run: Path) -> PredictedTexts:
    from rnnlab.ledger import PredictedTexts

    return PredictedTexts(run)


def _open(path: Path) -> Any:
    """The classifier there; an exported one without importing torch."""
    from rnnlab.export.predictor import ExportedPredictor, is_export

    if is_export(path):
        return ExportedPredictor.load(path)
    from rnnlab.evaluation import load_model

    return load_model(path)


def _predict_table(
    predictor: Any,
    table: Path,
    output: Path,
    column: str | None,
    least: float,
    as_json: bool,
    seen: PredictedTexts | _NoTestPart,
) -> None:
    from rnnlab.labelling import predict_table

    done = predict_table(predictor, table, output, column, seen.see, least=least)
    _say_done(done, output, as_json)


def _predict_split(
    run: Path,
    split: str,
    output: Path,
    least: float,
    as_json: bool,
    seen: PredictedTexts | _NoTestPart,
) -> None:
    from rnnlab.labelling import predict_split
    from rnnlab.run_records import run_data

    done = predict_split(_open(run), run_data(run, split), split, output, seen.see, least=least)
    _say_done(done, output, as_json)


def _say_done(done: dict[str, Any], output: Path, as_json: bool) -> None:
    if as_json:
        print_json(done)
    else:
        kept = "" if done["kept"] == done["texts"] else f", {done['kept']:,} of them kept"
        print(f"{done['texts']:,} texts labelled{kept} -> {output}")
    _remark(done, done["max_tokens"])


def _is_language_model(path: Path) -> bool:
    from rnnlab.ensemble import is_ensemble
    from rnnlab.model_folder import task_of
    from rnnlab.train.rundir import model_folder

    return not is_ensemble(path) and task_of(model_folder(path)) == "language_modeling"


def _surprisals(
    run: Path,
    texts: Sequence[str] | None,
    source: Path | None,
    output: Path | None,
    column: str | None,
    as_json: bool,
    seen: PredictedTexts | _NoTestPart,
) -> None:
    from rnnlab.language_evaluation import COLUMNS, surprisal_table, surprisals
    from rnnlab.language_predictor import LanguagePredictor
    from rnnlab.train.rundir import model_folder

    predictor = LanguagePredictor.load(model_folder(run))
    if source is not None and output is not None:
        done = surprisal_table(predictor, source, output, column, seen.see)
        if as_json:
            print_json(done)
        else:
            print(f"{done['tokens']:,} tokens of {done['texts']:,} texts -> {output}")
            _print_totals(done)
        return
    lines = list(_checked(texts) if texts else _standard_input())
    seen.see(lines)
    found = surprisals(predictor, lines)
    rows = [
        dict(zip(COLUMNS, row, strict=True))
        for chunk in found.chunks()
        for row in zip(*(list(chunk[name]) for name in COLUMNS), strict=True)
    ]
    if as_json:
        plain = [
            {**row, "text": int(row["text"]), "position": int(row["position"])}
            | {"known": bool(row["known"]), "bits": float(row["bits"])}
            for row in rows
        ]
        print_json({"surprisals": plain, **found.facts()})
        return
    for row in rows:
        token = row["token"] if row["known"] else f"{row['token']} (unknown)"
        print(f"{row['bits']:6.2f}  {'▇' * round(min(row['bits'], 25)):<26}{token}")
    _print_totals(found.facts())


def _print_totals(facts: dict[str, Any]) -> None:
    print(
        f"perplexity {facts['perplexity']:.2f}, {facts['bits_per_token']:.2f} bits a token; "
        f"{facts['unknown']:,} of {facts['tokens']:,} tokens unknown"
    )


def _predict_lines(
    predictor: Any, lines: Iterable[str], as_json: bool, seen: PredictedTexts | _NoTestPart
) -> None:
    from rnnlab.predictor import Tally

    tally = Tally()
    collected: list[dict[str, Any]] = []
    for chunk, result in _labelled(predictor, lines):
        tally.add(result)
        seen.see(chunk)
        for text, row in zip(chunk, result.probabilities.tolist(), strict=True):
            best = max(range(len(row)), key=row.__getitem__)
            if as_json:
                probabilities = dict(zip(predictor.labels, row, strict=True))
                collected.append(
                    {
                        "label": predictor.labels[best],
                        "probability": row[best],
                        "probabilities": probabilities,
                    }
                )
            else:
                shown = text if not sys.stdout.isatty() or len(text) <= 60 else text[:59] + "…"
                print(f"{predictor.labels[best]}\t{row[best]:.4f}\t{shown}")
    if as_json:
        print_json({"predictions": collected, **tally.facts()})
    _remark(tally.facts(), predictor.max_tokens)


def _labelled(predictor: Any, lines: Iterable[str]) -> Iterator[tuple[list[str], Any]]:
    iterator = iter(lines)
    while chunk := list(itertools.islice(iterator, _CHUNK_TEXTS)):
        yield chunk, predictor.predict(chunk)


def _checked(texts: Sequence[str]) -> Sequence[str]:
    for number, text in enumerate(texts, 1):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise UserError(f"text {number} is not UTF-8; convert it first") from error
    return texts


def _standard_input() -> Iterator[str]:
    for number, line in enumerate(sys.stdin.buffer, 1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise UserError(
                f"standard input, line {number}: not UTF-8; convert it first"
            ) from error


def _remark(facts: dict[str, Any], max_tokens: int | None) -> None:
    from rnnlab.data.reader import mostly_unknown

    cut, empty = facts["texts_cut"], facts["texts_empty"]
    if cut:
        print(f"note: {cut:,} text(s) longer than {max_tokens} tokens were cut", file=sys.stderr)
    if empty:
        print(f"note: {empty:,} text(s) without words: read as one unknown word", file=sys.stderr)
    if mostly_unknown(facts):
        print(
            f"warning: {1 - facts['coverage']:.0%} of the tokens are unknown to the model: these "
            "texts are unlike those that it was trained on",
            file=sys.stderr,
        )
