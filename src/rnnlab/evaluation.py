"""Score and use finished runs, and keep a record of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnlab import compose
from rnnlab.config.load import parse_config, parse_yaml
from rnnlab.config.schema import Config
from rnnlab.data.dataset import Dataset, TokenSplit
from rnnlab.environment import available_cores, now, use_threads
from rnnlab.exceptions import UserError
from rnnlab.files import append_line, replacing
from rnnlab.metrics import ClassificationMetrics
from rnnlab.predictor import Predictor, Tally
from rnnlab.train.rundir import RunDirectory

LEDGER = "test-ledger.jsonl"


def run_config(run: RunDirectory) -> Config:
    """The resolved config of a run.

    Raises:
        UserError: the file is damaged.
    """
    try:
        text = run.config.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{run.config}: damaged ({error}); restore it from a backup") from error
    return parse_config(parse_yaml(text, str(run.config)), str(run.config))


def evaluate_run(path: Path, split: str) -> dict[str, Any]:
    """Score a finished run on a split; record it, and in the ledger if the split is test.

    Raises:
        UserError: the run is not finished, has no such split, or meets a label it does not know.
    """
    run = RunDirectory.open(path)
    config = run_config(run)
    predictor = Predictor.load(run.model)
    if config.model.module.TRAINED:
        use_threads(config.threads or available_cores())
    dataset = _same_data(run, config, split, predictor.reader.learned)
    tokens = dataset.tokens(split, predictor.labels)
    texts = predictor.reader.encode(tokens.ragged, tokens.types)
    compose.warn_of_unknown(texts, split)
    metrics, probabilities = compose.score(predictor, texts, tokens.labels)
    if split == "test":
        line = {
            "time": now(),
            "data": dataset.name,
            "run": run.path.name,
            "hash": run.read()["hash"],
            "accuracy": metrics.accuracy,
            "macro_f1": metrics.macro_f1,
        }
        append_line(run.path.resolve().parent / LEDGER, json.dumps(line))
    save_predictions(run, split, tokens, probabilities, predictor.labels)
    record_evaluation(run, split, metrics)
    return {"run": str(path), "split": split, **metrics.to_dict(), "texts": texts.facts()}


def _same_data(
    run: RunDirectory, config: Config, split: str, learned: bytes | None = None
) -> Dataset:
    """Open a run's data set, under what its tokenizer learned; refuse one whose train or val is no
    longer what was trained on."""
    dataset = compose.dataset_of(config, learned)
    if split in ("train", "val") and dataset.content_hash != run.read()["identity"]["data"]:
        raise UserError(
            f"{run.path}: its data has changed since it was trained, and with it which texts are "
            "validation; restore the data, or train again"
        )
    return dataset


def split_texts(run: RunDirectory, split: str) -> list[str]:
    """The raw texts of a run's split, in the order of its predictions.

    Raises:
        UserError: the data is not here any more, has changed, or has no such split.
    """
    dataset = _same_data(run, run_config(run), split)
    return dataset.texts(dataset.holder(split)).texts(dataset.rows(split))


def load_model(path: Path) -> Predictor:
    """The trained model of a run directory, or of a copy of its model folder alone.

    Raises:
        UserError: there is none, or it is damaged.
    """
    alone = (path / "model.json").is_file()
    return Predictor.load(path if alone else RunDirectory.open(path).model)


def predict_table(
    predictor: Predictor, source: Path, target: Path, column: str | None
) -> dict[str, Any]:
    """Label a table in one pass, row by row in its order; memory does not grow with it.

    Adds the columns label, probability and p_LABEL. A column of the input with such a name is kept
    as input_NAME.

    Args:
        predictor: a trained model.
        source, target: tables; the extensions name the formats.
        column: of the texts; by default the one that the run was trained on, or "text".

    Raises:
        UserError: a table is malformed or has no such column.
    """
    from rnnlab.data.tables import open_table, open_writer

    table = open_table(source)
    column = column or predictor.text_column
    table.require(column, "--text")
    added = ["label", "probability", *(f"p_{name}" for name in predictor.labels)]
    kept = {name: f"input_{name}" if name in added else name for name in table.columns}
    tally = Tally()
    with open_writer(target, [*kept.values(), *added], like=table) as writer:
        for chunk in table.chunks():
            result = predictor.predict(chunk.texts(column))
            best = result.probabilities.argmax(axis=1)
            columns = {kept[name]: values for name, values in chunk.columns.items()}
            columns["label"] = [predictor.labels[i] for i in best]
            columns["probability"] = result.probabilities.max(axis=1)
            for number, name in enumerate(predictor.labels):
                columns[f"p_{name}"] = result.probabilities[:, number]
            writer.write(columns)
            tally.add(result)
    return {"output": str(target), **tally.facts(), "max_tokens": predictor.reader.max_tokens}


def record_evaluation(run: RunDirectory, split: str, metrics: ClassificationMetrics) -> None:
    """Append an evaluation to the run's record."""
    line = {"time": now(), "split": split, **metrics.to_dict()}
    append_line(run.evaluations, json.dumps(line, ensure_ascii=False))


def save_predictions(
    run: RunDirectory,
    split: str,
    tokens: TokenSplit,
    probabilities: npt.NDArray[np.float32],
    labels: tuple[str, ...],
) -> None:
    """Write predictions/SPLIT.parquet: row, label, predicted, and one probability per label."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = pa.array(labels, pa.string())
    columns = {
        "row": pa.array(tokens.rows),
        "label": names.take(pa.array(tokens.labels)),
        "predicted": names.take(pa.array(probabilities.argmax(axis=1))),
        **{f"p_{name}": pa.array(probabilities[:, i]) for i, name in enumerate(labels)},
    }
    with replacing(run.predictions / f"{split}.parquet") as temporary:
        pq.write_table(pa.table(columns), temporary)
