"""The model card of an export: what it is, what it was trained on, and what it is good for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from rnnlab.exceptions import UserError
from rnnlab.intervals import Interval
from rnnlab.intervals import accuracy_interval as interval_of
from rnnlab.predictor import Predictor
from rnnlab.train.rundir import RunDirectory
from rnnlab.wording import share

_MARKUP = re.compile(r"([\\`*_\[\]<>|#&])")


def model_card(
    run: RunDirectory, predictor: Predictor, facts: dict[str, Any], size_bytes: int
) -> str:
    """Return the card as Markdown.

    Args:
        run: that the model comes from.
        predictor: its model.
        facts: of the export.
        size_bytes: of the graph.
    """
    record = run.read()
    parts = [
        [f"# {_plain(facts['run'])}", "", _what(predictor, facts)],
        ["## Use", "", *_use()],
        ["## Settings", "", *_settings(record, predictor)],
        ["## Data", "", *_data(record, predictor)],
        ["## Figures", "", *_figures(run, record)],
        ["## Export", "", *_export(facts, size_bytes)],
        ["## Limits", "", *_limits(predictor)],
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _what(predictor: Predictor, facts: dict[str, Any]) -> str:
    labels = ", ".join(_plain(label) for label in predictor.labels)
    return (
        f"A text classifier of kind `{predictor.kind.name}` with {len(predictor.labels)} labels "
        f"({labels}), exported from an rnnlab run for ONNX Runtime in {facts['precision']}."
    )


def _use() -> list[str]:
    return [
        "```",
        'rnnlab predict THIS_FOLDER "a text"',
        "rnnlab predict THIS_FOLDER --input texts.csv --output labelled.csv",
        "```",
        "",
        "This needs neither torch nor the training data. Without rnnlab: `model.onnx` takes "
        "`tokens` (int64, batch × time, numbers of `vocabulary.json`, 1 for unknown words, any "
        "padding) and `lengths` (int64, batch), and gives `probabilities` (float32, batch × "
        "labels, columns in the order above).",
    ]


def _settings(record: dict[str, Any], predictor: Predictor) -> list[str]:
    settings = record["identity"]["settings"]
    rows = [
        (key, _plain(json.dumps(value, ensure_ascii=False)))
        for key, value in _flat(settings)
        if value is not None
    ]
    rows.append(("parameters", f"{predictor.fitted.num_parameters:,}"))
    return _table(("setting", "value"), rows)


def _flat(settings: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _data(record: dict[str, Any], predictor: Predictor) -> list[str]:
    data, settings = record["data"], record["identity"]["settings"]["data"]
    return [
        f"- Source: `{settings['source']}`; SHA-256 of texts, labels and groups "
        f"`{record['identity']['data']}`.",
        f"- Trained on {record['train']['examples']:,} texts of {data['train']['tokens']:,} "
        f"tokens; validated on {record['val']['examples']:,} others.",
        f"- Vocabulary: {len(predictor.reader.vocabulary):,} entries, from the training texts "
        f"alone; {data['val']['coverage']:.1%} of validation's tokens are in it.",
        f"- Seed {record['seed']}; {record['started']} to {record['finished']}; "
        f"torch {record['versions']['torch']}, rnnlab {record['versions']['rnnlab']}.",
    ]


def _figures(run: RunDirectory, record: dict[str, Any]) -> list[str]:
    found = _evaluations(run, record)
    rows = []
    for split, lines in found.items():
        last = lines[-1]
        rows.append(
            (
                split,
                f"{last['examples']:,}",
                share(last["accuracy"]),
                _span(_wilson(last["accuracy"], last["examples"])),
                share(last["macro_f1"]),
                f"{last['loss']:.4f}",
            )
        )
    columns = ("split", "texts", "accuracy", "95 % interval", "macro F1", "loss")
    last = found["val"][-1]["per_class"]
    classes = [
        (
            _plain(item["label"]),
            *(share(item[key]) for key in ("precision", "recall", "f1")),
            f"{item['support']:,}",
        )
        for item in last
    ]
    chosen = (
        f" The epoch ({record['best_epoch']} of {record['epochs']}) was chosen on validation by "
        f"{record['metric'].replace('_', ' ')}, which flatters the validation figures a little."
        if "best_epoch" in record
        else ""
    )
    test = (
        f" Test was evaluated {len(found['test'])} time(s)."
        if "test" in found
        else " The test part was not evaluated."
    )
    return [
        *_table(columns, rows),
        "",
        "One run, one seed. The intervals (Wilson's) are those of another draw of texts, taken as "
        f"independent; another seed would differ too.{chosen}{test} All figures are those of the "
        "run's own float32 model.",
        "",
        "By label, on validation:",
        "",
        *_table(("label", "precision", "recall", "F1", "texts"), classes),
    ]


def _evaluations(run: RunDirectory, record: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The evaluations of each split, oldest first."""
    found: dict[str, list[dict[str, Any]]] = {"val": [record["val"]]}
    if run.evaluations.is_file():
        try:
            for line in map(json.loads, run.evaluations.read_text(encoding="utf-8").splitlines()):
                found.setdefault(line["split"], []).append(line)
        except (ValueError, KeyError) as error:
            raise UserError(
                f"{run.evaluations}: damaged ({error}); restore it from a backup"
            ) from error
    return found


def _export(facts: dict[str, Any], size_bytes: int) -> list[str]:
    rows = [
        (item["case"], f"{item['texts']:,}", f"{item['longest']:,}", f"{item['difference']:.1e}")
        for item in facts["agreement"]
    ]
    lines = [
        f"`model.onnx` has {size_bytes:,} bytes. Before it was written, the float32 graph was run "
        f"by ONNX Runtime {facts['onnxruntime']} beside the model itself; the largest difference "
        f"of a probability (or score), of which at most {facts['tolerance']:g} is allowed:",
        "",
        *_table(("texts of", "number", "longest, tokens", "difference"), rows),
    ]
    if "int8" in facts:
        lines += ["", int8_sentence(facts["int8"])]
    return lines


def int8_sentence(measured: dict[str, Any]) -> str:
    """What 8-bit weights cost, for people."""
    before, after = measured["float32"], measured["int8"]
    return (
        f"8-bit weights on {measured['examples']:,} validation texts: accuracy "
        f"{share(after['accuracy'])} instead of {share(before['accuracy'])}, macro F1 "
        f"{share(after['macro_f1'])} instead of {share(before['macro_f1'])}, loss "
        f"{after['loss']:.4f} instead of {before['loss']:.4f}; {measured['changed']:,} texts got "
        f"another label ({measured['lost']:,} right ones lost, {measured['won']:,} won); no "
        f"probability changed by more than {measured['largest_change']:.4f}."
    )


def _limits(predictor: Predictor) -> list[str]:
    reader = predictor.reader
    kept = {
        "head": "the first ones",
        "tail": "the last ones",
        "head_and_tail": "half of them from the start and half from the end",
    }[reader.truncation]
    reads = (
        "- Texts of any length are read whole."
        if reader.max_tokens is None
        else f"- Of longer texts only {reader.max_tokens:,} tokens are read, {kept}."
    )
    return [
        reads,
        "- Words that are not in the vocabulary are read as one unknown word; a text without words "
        "gets an answer too. `rnnlab predict` warns where more than half of the words are unknown.",
        "- The figures hold for texts like those that it was trained on, not for other sources, "
        "languages or times.",
        "- It always answers with one of its labels, and the probabilities are not calibrated.",
        "- What it learned from its texts, it repeats, prejudice included. Let it decide over no "
        "one unseen.",
    ]


def _wilson(accuracy: float, examples: int) -> Interval:
    return interval_of(np.arange(examples) < round(accuracy * examples))


def _span(interval: Interval) -> str:
    return f"{share(interval[0])} to {share(interval[1])}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [columns, ["---"] * len(columns), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))
