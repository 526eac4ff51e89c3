"""rnnlab export: a classifier as a folder that runs with onnxruntime alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnlab.cli.output import Json, print_json, print_table, program, say
from rnnlab.exceptions import UserError


def export(
    run: Annotated[Path, typer.Argument(help="Run directory of a classifier.")],
    onnx: Annotated[bool, typer.Option("--onnx", help="As a graph for ONNX Runtime.")] = False,
    int8: Annotated[
        bool, typer.Option("--int8", help="Weights of 8 bits; the cost is measured on validation.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of the export; by default RUN/onnx.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Export a classifier with its tokenizer; `rnnlab predict` reads the folder without torch."""
    if not onnx:
        raise UserError(f"name the format: rnnlab export {run} --onnx")
    from rnnlab.cli.output import start_logging
    from rnnlab.export.card import int8_sentence
    from rnnlab.export.exporting import export_run

    start_logging()
    facts = export_run(run, out, int8=int8)
    if as_json:
        print_json(facts)
        return
    say(
        f"largest difference between ONNX Runtime {facts['onnxruntime']} and the model itself, "
        f"of which {facts['tolerance']:g} is allowed:"
    )
    print_table(
        ["case", "texts", "longest", "difference"],
        [
            [item["case"], item["texts"], f"{item['longest']:,}", f"{item['difference']:.1e}"]
            for item in facts["agreement"]
        ],
    )
    if "int8" in facts:
        say(int8_sentence(facts["int8"]))
    print(f"exported: {facts['export']} ({facts['bytes']:,} bytes and a model card)")
    print(f'next: {program()} predict {facts["export"]} "your text"')
