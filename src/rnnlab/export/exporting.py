"""From a finished run to a folder that onnxruntime reads."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np

from rnnlab.data.ragged import Ragged
from rnnlab.ensemble import is_ensemble
from rnnlab.environment import now
from rnnlab.evaluation import LabelledTexts, read_split
from rnnlab.exceptions import UserError
from rnnlab.export.agreement import TOLERANCE, Agreement, cases, compare, require
from rnnlab.export.card import model_card
from rnnlab.export.forms import graph_of
from rnnlab.export.predictor import (
    CARD,
    FACTS,
    FORMAT,
    GRAPH,
    LEARNED,
    ONNXRUNTIME,
    WORDS,
    OnnxModel,
    is_export,
    open_session,
    reading_versions,
)
from rnnlab.export.quantization import cost, quantized
from rnnlab.extras import Library
from rnnlab.files import replacing_folder, sha256_file, write_bytes, write_json, write_text
from rnnlab.language_evaluation import is_language_model
from rnnlab.model_folder import reader_settings
from rnnlab.predictor import Network, Predictor
from rnnlab.train.rundir import RunDirectory

log = logging.getLogger(__name__)

_COMPARED_TEXTS = 256


def export_run(path: Path, out: Path | None, *, int8: bool) -> dict[str, Any]:
    """Export the classifier of a finished run, if onnxruntime gives what the model gives.

    Args:
        path: run directory.
        out: folder of the export; by default `onnx` (or `onnx-int8`) in the run directory. An
            older export there is replaced.
        int8: with weights of 8 bits, whose cost is measured on validation.

    Returns:
        What is in export.json, and `export`, the folder.

    Raises:
        UserError: there is no such classifier, a part of it has no form in ONNX, both differ, or
            a library is missing.
    """
    run = _finished(path)
    out = out or path / ("onnx-int8" if int8 else "onnx")
    _check_target(out)
    for library in (Library("onnx", extra="onnx"), ONNXRUNTIME):
        library.load()
    predictor = Predictor.load(run.model)
    if int8 and not isinstance(predictor.fitted, Network):
        raise UserError(
            f"{path}: --int8 rounds the matrices of networks, and a model of kind "
            f"'{predictor.kind.name}' has none; export it without"
        )
    validation = _validation(run, predictor, required=int8)
    graph = graph_of(predictor, {"run": path.resolve().name, "labels": "\n".join(predictor.labels)})
    exact = OnnxModel(open_session(graph))
    agreed = _agreements(predictor, exact, validation)
    require(agreed, str(path))
    facts: dict[str, Any] = {
        "format": FORMAT,
        "run": path.resolve().name,
        "exported": now(),
        "precision": "int8" if int8 else "float32",
        "kind": predictor.kind.name,
        "labels": predictor.labels,
        "text_column": predictor.text_column,
        **reader_settings(predictor.reader),
        "versions": reading_versions(predictor.reader.tokenizer),
        "onnxruntime": ONNXRUNTIME.version(),
        "tolerance": TOLERANCE,
        "agreement": [result._asdict() for result in agreed],
    }
    if int8 and validation is not None:
        graph = quantized(graph)
        ragged = validation.texts.ragged
        rounded = OnnxModel(open_session(graph)).probabilities(ragged)
        names = predictor.labels
        facts["int8"] = cost(validation.labels, names, exact.probabilities(ragged), rounded)
    _write(out, run, predictor, graph, facts)
    return {"export": str(out), **facts, "bytes": len(graph)}


def _finished(path: Path) -> RunDirectory:
    if is_ensemble(path):
        raise UserError(f"{path} is an ensemble, which has no graph of its own: export its members")
    if is_export(path):
        raise UserError(f"{path} is an export already: name the run that it was made from")
    run = RunDirectory.open(path)
    status = run.read()["status"]
    if status != "completed":
        raise UserError(
            f"{path}: the run is not finished ({status}); go on with `rnnlab train --resume {path}`"
        )
    if is_language_model(run):
        raise UserError(
            f"{path}: a language model, which has no labels; only classifiers are exported"
        )
    return run


def _check_target(out: Path) -> None:
    if out.is_dir() and not is_export(out) and any(out.iterdir()):
        raise UserError(f"{out} holds something else; choose an empty or a new --out")
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file; choose another --out")


def _validation(run: RunDirectory, predictor: Predictor, *, required: bool) -> LabelledTexts | None:
    try:
        return read_split(run, "val", predictor)
    except UserError as error:
        if required:
            raise
        log.warning("note: compared on random tokens alone, not on validation: %s", error)
        return None


def _agreements(
    predictor: Predictor, exact: OnnxModel, validation: LabelledTexts | None
) -> list[Agreement]:
    known = None if validation is None else _some(validation.texts.ragged)
    size = len(predictor.reader.vocabulary)
    return [compare(predictor, exact, case) for case in cases(size, predictor.max_tokens, known)]


def _some(ragged: Ragged) -> Ragged:
    """Texts from the shortest to the longest, evenly spaced in the order of length."""
    order = np.argsort(ragged.lengths, kind="stable")
    chosen = np.linspace(0, len(order) - 1, min(_COMPARED_TEXTS, len(order))).astype(np.int64)
    return ragged.select(order[chosen])


def _write(
    out: Path, run: RunDirectory, predictor: Predictor, graph: bytes, facts: dict[str, Any]
) -> None:
    learned = predictor.reader.learned
    card = model_card(run, predictor, facts, len(graph))
    with replacing_folder(out) as folder:
        write_bytes(folder / GRAPH, graph)
        write_json(folder / WORDS, predictor.reader.vocabulary.words)
        if learned is not None:
            write_bytes(folder / LEARNED, learned)
        write_text(folder / CARD, card)
        names = sorted(path.name for path in folder.iterdir() if path.name != CARD)
        files = {name: sha256_file(folder / name) for name in names}
        write_json(folder / FACTS, {**facts, "files": files})
