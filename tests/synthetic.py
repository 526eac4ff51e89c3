"""Run and study directories with the files of real ones, and answers of our choice."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnnlab.files import sha256_json, write_json, write_text
from rnnlab.predictions import PredictedRows
from rnnlab.train.rundir import write_csv

LABELS = ("neg", "pos")


def answers(
    size: int, accuracy: float, seed: int, labels: tuple[str, ...] = LABELS
) -> PredictedRows:
    """Predictions of about that accuracy; the labels are the same for every seed."""
    truth = np.random.default_rng(99).integers(len(labels), size=size)
    generator = np.random.default_rng(seed)
    right = generator.random(size) < accuracy
    wrong = (truth + generator.integers(1, len(labels), size=size)) % len(labels)
    guess = np.where(right, truth, wrong)
    probabilities = np.full((size, len(labels)), 0.3 / len(labels), np.float32)
    probabilities[np.arange(size), guess] += 0.7
    return PredictedRows(np.arange(size), truth, probabilities, labels)


def write_run(
    path: Path,
    predicted: PredictedRows,
    *,
    seed: int = 0,
    name: str = "imdb-lstm",
    settings: Mapping[str, Any] | None = None,
    facts: Mapping[str, Any] | None = None,
    epochs: int = 3,
) -> Path:
    """A completed run of a classifier."""
    metrics = predicted.metrics()
    settings = {"seed": seed, "model": {"kind": "neural"}, **(settings or {})}
    digest = sha256_json([name, {key: item for key, item in settings.items() if key != "seed"}])
    write_json(path / "run.json", {
        "name": name,
        "seed": seed,
        "status": "completed",
        "started": "2026-11-28T02:00:00Z",
        "finished": "2026-11-28T02:10:00Z",
        "hash": digest,
        "identity": {"settings": settings, "data": "d" * 64, "versions": {"loop": 2}},
        "tokenizer": {},
        "seconds": 600.0,
        "train_seconds": 580.0 + seed,
        "parameters": 123_456,
        "metric": "accuracy",
        "kernel": "avx512",
        "epochs": epochs,
        "best_epoch": epochs,
        "train": {"examples": 1000, "loss": 0.2, "accuracy": 0.93},
        "val": metrics.to_dict(),
        "data": {
            "vocabulary": 10_002,
            "labels": list(predicted.names),
            "train": {"texts": 1000},
            "val": {"texts": len(predicted.rows)},
        },
        "cpu_seconds": 1100.0,
        "peak_memory_bytes": 700_000_000,
        "cost": {
            "latency_ms": 4.0 + seed / 10,
            "latency_p95_ms": 6.0,
            "texts_per_second": 800.0,
            "model_mb": 5.1,
        },
        "threads": 2,
        "machine": {"processor": "x86_64", "cores": 2, "system": "Linux"},
        "versions": {"python": "3.11", "rnnlab": "0.1.0", "torch": "2.13.0"},
        **(facts or {}),
    })  # fmt: skip
    write_text(path / "config.yaml", f"name: {json.dumps(name)}\nseed: {seed}\n")
    rows = [
        {
            "epoch": epoch + 1,
            "step": 10 * (epoch + 1),
            "train_loss": 0.6 / (epoch + 1),
            "train_accuracy": 0.9,
            "val_loss": 0.7 / (epoch + 1),
            "val_accuracy": metrics.accuracy - 0.01 * (epochs - epoch - 1),
            "val_macro_f1": metrics.macro_f1,
        }
        for epoch in range(epochs)
    ]
    if rows:
        write_csv(path / "epochs.csv", rows)
        write_csv(
            path / "timings.csv",
            [
                {
                    "epoch": epoch + 1,
                    "seconds": 20.0,
                    "train_seconds": 18.0 + seed,
                    "tokens_per_second": 1e5,
                }
                for epoch in range(epochs)
            ],
        )
    line = {"time": "2026-11-28T02:10:00Z", "split": "val", **metrics.to_dict()}
    write_text(path / "evaluations.jsonl", json.dumps(line, ensure_ascii=False) + "\n")
    predicted.write(path / "predictions" / "val.parquet")
    return path


def write_stream_run(path: Path, loss: float, *, seed: int, name: str) -> Path:
    """A completed run of a language model, which keeps no predictions."""
    val = {"loss": loss, "perplexity": float(np.exp(loss)), "tokens": 1000, "unknown": 5}
    val["bits_per_token"] = loss / np.log(2)
    write_json(path / "run.json", {
        "name": name,
        "seed": seed,
        "status": "completed",
        "started": "2026-11-28T02:00:00Z",
        "hash": sha256_json(name),
        "identity": {"settings": {"seed": seed}, "data": "e" * 64, "versions": {}},
        "seconds": 60.0,
        "parameters": 1000,
        "metric": "perplexity",
        "train": {"tokens": 9000, "loss": loss - 0.1, "perplexity": float(np.exp(loss - 0.1))},
        "val": val,
        "data": {"vocabulary": 100, "train": {}, "val": {}},
        "threads": 1,
        "machine": {"processor": "x86_64", "cores": 2, "system": "Linux"},
        "versions": {"python": "3.11", "rnnlab": "0.1.0"},
    })  # fmt: skip
    write_text(path / "config.yaml", f"name: {name}\nseed: {seed}\n")
    write_csv(
        path / "epochs.csv",
        [
            {
                "epoch": epoch,
                "step": epoch,
                "train_loss": loss + 1 / epoch,
                "train_perplexity": float(np.exp(loss + 1 / epoch)),
                "val_loss": loss + 0.5 / epoch,
                "val_perplexity": float(np.exp(loss + 0.5 / epoch)),
            }
            for epoch in (1, 2)
        ],
    )
    write_text(
        path / "evaluations.jsonl",
        json.dumps({"time": "2026-11-28T02:10:00Z", "split": "val", **val}) + "\n",
    )
    return path


def level(label: str, runs: Sequence[Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    """A level of results.json."""
    return {
        "label": label,
        "value": None,
        "overrides": {},
        "is_base": False,
        "reported": None,
        "runs": list(runs),
        **more,
    }


def done(seed: int, directory: str) -> dict[str, Any]:
    """A finished run of results.json."""
    return {"seed": seed, "run": f"runs/{directory}", "status": "completed", "reason": None}


def write_study(
    path: Path, groups: Sequence[Mapping[str, Any]], *, name: str = "small", **more: Any
) -> Path:
    """The results.json of a study; its runs are written apart."""
    write_json(
        path / "results.json",
        {
            "study": name,
            "description": "a study of our making",
            "base": "imdb-lstm",
            "seeds": [0, 1, 2],
            "metric": "accuracy",
            "higher_is_better": True,
            "changed": {"overrides": {}, "only": None, "limit": None},
            "groups": list(groups),
            **more,
        },
    )
    return path


def write_length_study(path: Path, *, size: int = 400) -> Path:
    """Three lengths of three seeds, one of which is the base; a level with a diverged run."""
    levels = []
    for number, (length, accuracy) in enumerate([(50, 0.70), (100, 0.80), (200, 0.92)]):
        runs = []
        for seed in range(3):
            directory = f"L{length}-s{seed}"
            write_run(
                path / "runs" / directory,
                answers(size, accuracy, 10 * number + seed),
                seed=seed,
                settings={"data": {"max_tokens": length}},
            )
            runs.append(done(seed, directory))
        levels.append(
            level(
                str(length),
                runs,
                value=length,
                overrides={"data.max_tokens": length},
                is_base=length == 100,
                reported={"figures": {"accuracy": 0.81}, "note": "on test, one seed"}
                if length == 100
                else None,
            )
        )
    levels[0]["runs"][2] = {
        "seed": 2,
        "run": None,
        "status": "diverged",
        "reason": "gradient is not finite at step 7",
    }
    group = {
        "name": "length",
        "title": "Length",
        "factor": "data.max_tokens",
        "numeric": True,
        "levels": levels,
    }
    return write_study(path, [group])
