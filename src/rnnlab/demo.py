"""The first thing to run: three models and three baselines on the embedded data set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rnnlab.config.load import load_config
from rnnlab.data.grammar_analysis import best_bag_of_words_accuracy
from rnnlab.evaluation import evaluate_run
from rnnlab.runner import train_run
from rnnlab.train.state import Watcher

MODELS = {
    "majority": "majority class",
    "tfidf": "TF-IDF + logistic",
    "nb": "NB 1- to 3-grams",
    "mean": "bag of embeddings",
    "gru": "GRU",
    "bilstm-attention": "BiLSTM + attention",
}


def run_demo(
    runs_root: Path, make_watcher: Callable[[str], Watcher]
) -> tuple[list[dict[str, Any]], float]:
    """Train and test every model of the demo; finished runs are not repeated.

    Args:
        runs_root: where the run directories go.
        make_watcher: gives a watcher for a model's title.

    Returns:
        One row a model (`model`, `val` and `test` accuracies, `parameters`, `seconds`, `run`), and
        the accuracy on validation's distribution that no bag of words can exceed.
    """
    rows, depth = [], 0
    for name, title in MODELS.items():
        config = load_config(f"compositional-{name}")
        depth = config.data.source.options.depth
        facts = train_run(config, runs_root=runs_root, out=None, watcher=make_watcher(title))
        test = evaluate_run(Path(facts["run"]), "test")
        rows.append(
            {
                "model": title,
                "val": facts["val"]["accuracy"],
                "test": test["accuracy"],
                "parameters": facts["parameters"],
                "seconds": facts["seconds"],
                "run": facts["run"],
            }
        )
    return rows, float(best_bag_of_words_accuracy(0, depth))
