"""Which techniques help on SST-5: one thing changed at a time, over several seeds.

The base is the preset `sst5` with vectors of the same domain.

    rnnlab embed train --data imdb --min-count 20 --out imdb-sg100.bin    # the base's vectors
    .venv/bin/python benchmarks/sst5_techniques.py --vectors imdb-sg100.bin --jobs 2 --out runs/sst5

Accuracies are those of the best epoch on validation, the 1,101 sentences of the dev part. Finished
runs are not run again. The table (Markdown) goes to standard output, progress to standard error,
the figures with the folder of each run to OUT/table.json. The last row is the ensemble of the
base's seeds, whose probabilities are averaged.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

SENTENCES = {
    "data.phrases": "false",
    "train.epochs": "15",
    "train.batch_size": "64",
    "train.optimizer.lr": "1e-3",
    "train.patience": "5",
}

TECHNIQUES: dict[str, dict[str, str]] = {
    "base": {},
    "sentences alone, no phrases": SENTENCES,
    "no vectors": {"model.embedding.vectors": "null"},
    "GloVe 50-d vectors": {
        "model.embedding.vectors": "glove.6B.50d",
        "model.embedding.dim": "50",
    },
    "vectors frozen": {"model.embedding.frozen": "true"},
    "no word dropout": {"model.embedding.word_dropout": "0"},
    "word dropout .3": {"model.embedding.word_dropout": "0.3"},
    "no embedding dropout": {"model.embedding.dropout": "0"},
    "two layers, dropout .3 between": {
        "model.encoder.layers": "2",
        "model.encoder.dropout": "0.3",
    },
    "two layers, locked dropout .3 between": {
        "model.encoder.layers": "2",
        "model.encoder.dropout": "0.3",
        "model.encoder.locked": "true",
    },
    "weight drop .3": {"model.encoder.weight_drop": "0.3"},
    "pooling: final state": {"model.pooling": "[final]"},
    "pooling: attention by dot product": {"model.pooling": "[attention]"},
    "pooling: attention through a matrix": {"model.pooling": "[attention_matrix]"},
    "pooling: additive attention": {"model.pooling": "[attention_additive]"},
    "hidden layer of 128 before the outputs": {"model.head_hidden": "128"},
    "label smoothing .1": {"train.label_smoothing": "0.1"},
    "average of weights, .999": {"train.average": "0.999"},
    "schedule: plateau": {"train.schedule": "plateau"},
    "schedule: cyclic": {"train.schedule": "{name: cyclic, period: 2}"},
    "schedule: cosine": {"train.schedule": "cosine"},
    "LSTM with relu inside": {"model.encoder.cell": "{name: lstm, activation: relu}"},
    "LSTM with sigmoid inside": {"model.encoder.cell": "{name: lstm, activation: sigmoid}"},
    "GRU": {"model.encoder.cell": "gru"},
    "GRU with relu inside": {"model.encoder.cell": "{name: gru, activation: relu}"},
    "GRU with sigmoid inside": {"model.encoder.cell": "{name: gru, activation: sigmoid}"},
    "simple recurrence": {"model.encoder.cell": "rnn"},
    "simple recurrence with relu inside": {"model.encoder.cell": "{name: rnn, activation: relu}"},
    "forward pass in float16": {"train.precision": "float16"},
}


def train(settings: dict[str, str], seed: int, out: Path, arguments: argparse.Namespace) -> Any:
    """Train one run in a process of its own, unless it is there, and return its facts."""
    command = [sys.executable, "-m", "rnnlab", "train", "sst5", "--json", "--out", str(out)]
    settings = {
        "model.embedding.vectors": str(arguments.vectors),
        "model.embedding.dim": str(arguments.dim),
        **settings,
        **{"seed": str(seed), "threads": str(arguments.threads), "device": arguments.device},
    }
    command += [f"{key}={value}" for key, value in settings.items()]
    environment = os.environ | {"OMP_NUM_THREADS": str(arguments.threads)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        print(f"{out.name} failed: {done.stderr.strip()[-500:]}", file=sys.stderr)
        return None
    facts = json.loads(done.stdout)
    print(
        f"{out.name}: {facts['val']['accuracy']:.4f} in {facts['seconds']:.0f} s", file=sys.stderr
    )
    return facts


def table(rows: list[dict[str, Any]]) -> str:
    """As Markdown. The standard error of a difference comes from the seeds of both arms."""
    lines = ["| | accuracy per seed | mean | difference |", "|---|---|---|---|"]
    base = rows[0]["accuracies"]
    for row in rows:
        found = row["accuracies"]
        seeds = ", ".join(f"{value:.4f}".lstrip("0") for value in found)
        mean = f"{statistics.fmean(found):.4f}".lstrip("0")
        difference = ""
        if row is not rows[0] and min(len(found), len(base)) > 1:
            error = sum(statistics.variance(each) / len(each) for each in (found, base)) ** 0.5
            gap = statistics.fmean(found) - statistics.fmean(base)
            difference = f"{100 * gap:+.1f} ± {100 * error:.1f} points"
        lines.append(f"| {row['name']} | {seeds} | {mean} | {difference} |")
    return "\n".join(lines)


def ensemble(rows: list[dict[str, Any]], out: Path) -> list[dict[str, Any]]:
    """The row of the base's seeds together; none where the base has one run."""
    if not rows or rows[0]["name"] != "base" or len(rows[0]["runs"]) < 2:
        return []
    runs = rows[0]["runs"]
    command = [sys.executable, "-m", "rnnlab", "ensemble", *runs, "--weights", "equal", "--json"]
    done = subprocess.run(
        [*command, "--runs", str(out)], capture_output=True, text=True, check=True
    )
    facts = json.loads(done.stdout)
    accuracies = [facts["equal"]["accuracy"]]
    return [{"name": "the base's seeds together", "accuracies": accuracies, "runs": runs}]


def main() -> None:
    """Train what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--vectors", type=Path, required=True, help="vectors of the base")
    parser.add_argument("--dim", type=int, default=100, help="values of each")
    parser.add_argument("--out", type=Path, default=Path("runs/sst5-techniques"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time")
    parser.add_argument("--threads", type=int, default=1, help="of each training")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", nargs="+", choices=TECHNIQUES, metavar="NAME", help="these rows")
    arguments = parser.parse_args()
    chosen = {name: TECHNIQUES[name] for name in arguments.only or TECHNIQUES}
    jobs: dict[tuple[str, int], Any] = {}
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for seed in range(arguments.seeds):
            for name, settings in chosen.items():
                out = arguments.out / f"{list(TECHNIQUES).index(name):02d}-s{seed}"
                jobs[name, seed] = pool.submit(train, settings, seed, out, arguments)
    rows = []
    for name in chosen:
        facts = [jobs[name, seed].result() for seed in range(arguments.seeds)]
        facts = [each for each in facts if each]
        if facts:
            row = {"name": name, "accuracies": [each["val"]["accuracy"] for each in facts]}
            rows.append({**row, "runs": [each["run"] for each in facts]})
    rows += ensemble(rows, arguments.out)
    (arguments.out / "table.json").write_text(json.dumps(rows, indent=2))
    print(table(rows))


if __name__ == "__main__":
    main()
