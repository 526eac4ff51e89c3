"""Tables of a study: one in the columns of system B, one with all figures."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from statistics import fmean
from typing import Any

from rnnlab.config.load import parse_yaml
from rnnlab.exceptions import UserError
from rnnlab.study.outcomes import Outcome
from rnnlab.study.plan import Group, Level, Plan

_CELLS = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}
_OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD", "rmsprop": "RMSProp"}
_FIGURES = ("accuracy", "macro_f1", "loss", "perplexity")
_FACTS = (
    *("parameters", "epochs", "best_epoch", "seconds", "train_seconds", "cpu_seconds"),
    *("peak_memory_bytes", "threads", "started", "finished"),
)
OLD_GROUP = "(not in the design)"
"""Group of the rows of runs that the design has no more."""


def metrics_rows(runs: Path, outcomes: Mapping[str, Outcome]) -> list[dict[str, Any]]:
    """A row a completed run, in system B's columns.

    Accuracy and F1 (macro) are on validation; EpochTime is the mean of the training part in
    seconds; CPU the processor's time in percent of the wall time (two busy cores are 200); RAMGB
    the peak memory of the process. What a model does not have is left empty.
    """
    return [
        _metrics_row(runs / name, outcome.facts, _config(runs / name))
        for name, outcome in outcomes.items()
        if outcome.status == "completed"
    ]


def _metrics_row(run: Path, facts: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    model, train = config["model"], config["train"]
    encoder = model.get("encoder") or {}
    optimizer = train["optimizer"]["name"] if encoder or "embedding" in model else ""
    timings = _timings(run)
    seconds = sum(row["seconds"] for row in timings)
    peak = facts.get("peak_memory_bytes")
    return {
        "Model": _model_name(model),
        "Activation": model.get("activation") or encoder.get("cell", {}).get("activation") or "",
        "Optimizer": _OPTIMIZERS.get(optimizer, optimizer),
        "SeqLength": config["data"]["max_tokens"] or "",
        "GradClip": (train["clip_norm"] or 0) if optimizer else "",
        "Accuracy": facts["val"].get("accuracy", ""),
        "F1": facts["val"].get("macro_f1", ""),
        "EpochTime": _epoch_seconds(run),
        "Seed": config["seed"],
        "CPU": round(100 * facts["cpu_seconds"] / seconds, 1) if seconds else "",
        "RAMGB": round(peak / 1e9, 3) if peak else "",
        "RunID": run.name,
    }


def _model_name(model: Mapping[str, Any]) -> str:
    encoder = model.get("encoder")
    if not encoder:
        return "mean" if "embedding" in model else str(model["kind"])
    cell = str(encoder["cell"]["name"])
    return ("Bi" if encoder.get("bidirectional") else "") + _CELLS.get(cell, cell)


def long_rows(
    plan: Plan, runs: Path, outcomes: Mapping[str, Outcome], old: Sequence[str]
) -> list[dict[str, Any]]:
    """A row for each run of each level of each group, missing ones too, and one for each run that
    the design has no more."""
    rows = [
        {
            **_place(plan, group, level),
            "seed": trial.config.seed,
            **_figures(runs, trial.name, outcomes[trial.name]),
            **_reported(level),
        }
        for group in plan.groups
        for level in group.levels
        for trial in level.trials
    ]
    for name in old:
        nowhere = dict.fromkeys(("label", "value", "is_base", "overrides"), "")
        rows.append(
            {
                "study": plan.design.name,
                "group": OLD_GROUP,
                "factor": "",
                **nowhere,
                "seed": outcomes[name].facts.get("seed", ""),
                **_figures(runs, name, outcomes[name]),
            }
        )
    columns = dict.fromkeys(key for row in rows for key in row)
    return [{key: row.get(key, "") for key in columns} for row in rows]


def _place(plan: Plan, group: Group, level: Level) -> dict[str, Any]:
    return {
        "study": plan.design.name,
        "group": group.name,
        "factor": group.factor or "",
        "label": level.label,
        "value": "" if level.value is None else level.value,
        "is_base": level.is_base,
        "overrides": json.dumps(level.overrides, ensure_ascii=False),
    }


def _figures(runs: Path, name: str, outcome: Outcome) -> dict[str, Any]:
    facts, run = outcome.facts, runs / name
    is_done = outcome.status == "completed"
    val = facts.get("val", {}) if is_done else {}
    test = _last_test(run) if is_done and outcome.tested else {}
    return {
        "run": f"runs/{name}" if facts else "",
        "status": outcome.status,
        "reason": outcome.reason or "",
        **{f"val_{figure}": val.get(figure, "") for figure in _FIGURES},
        **{f"test_{figure}": test.get(figure, "") for figure in _FIGURES},
        **{fact: facts.get(fact, "") for fact in _FACTS},
        "epoch_seconds": _epoch_seconds(run) if is_done else "",
    }


def _reported(level: Level) -> dict[str, Any]:
    if level.reported is None:
        return {}
    figures = {f"reported_{name}": value for name, value in level.reported["figures"].items()}
    return {**figures, "reported_note": level.reported["note"]}


def _last_test(run: Path) -> dict[str, Any]:
    path = run / "evaluations.jsonl"
    try:
        lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        return next((line for line in reversed(list(lines)) if line["split"] == "test"), {})
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path}: damaged ({error}); restore it from a backup") from error


def _epoch_seconds(run: Path) -> float | str:
    """Mean over epochs of the seconds of the training part; empty for a model without epochs."""
    timings = _timings(run)
    return round(fmean(row["train_seconds"] for row in timings), 3) if timings else ""


@lru_cache(maxsize=4096)
def _timings(run: Path) -> list[dict[str, float]]:
    """Of a finished run, which change no more."""
    path = run / "timings.csv"
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [{key: float(text) for key, text in row.items()} for row in csv.DictReader(file)]


@lru_cache(maxsize=4096)
def _config(run: Path) -> dict[str, Any]:
    """Of a finished run, which changes no more."""
    path = run / "config.yaml"
    return parse_yaml(path.read_text(encoding="utf-8"), str(path))
