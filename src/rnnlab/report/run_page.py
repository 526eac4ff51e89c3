"""The page of one run."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import numpy as np

from rnnlab.compare.cost import cost_of_run
from rnnlab.intervals import accuracy_interval
from rnnlab.report import sections
from rnnlab.report.material import RunMaterial
from rnnlab.wording import share


def run_context(path: Path) -> dict[str, Any]:
    """What the page of a run shows.

    Raises:
        UserError: the run is not finished, or damaged.
    """
    run = RunMaterial.open(path)
    curves = sections.learning_curves({run.name: run})
    confusion = sections.confusion_plot(run, "confusion", "Confusion matrix on validation")
    by_length = sections.length_plot(run, "length", "Accuracy by length of the text")
    return {
        "title": run.name,
        "headline": _headline(run),
        "figures": sections.figures_of(run),
        "run": run,
        "curves": curves,
        "confusion": confusion,
        "per_class": run.facts["val"].get("per_class", []),
        "by_length": by_length,
        "costs": sections.cost_rows(cost_of_run(run.facts)),
        "tests": run.tests,
        "ledger": run.ledger(),
        "verification": sections.verification_of(run),
        "environment": sections.environment_rows([run]),
        "data": sections.data_rows([run]),
        "command": shlex.join(["rnnlab", "train", str(run.path / "config.yaml")]),
        "plots": [plot for plot in (*curves, confusion, by_length) if plot is not None],
    }


def _headline(run: RunMaterial) -> list[str]:
    facts, val = run.facts, run.facts["val"]
    if run.is_language_model:
        text = f"Perplexity {val['perplexity']:.2f} on {val['tokens']:,} tokens of validation"
    else:
        confusion = np.array(val["confusion"])
        right, size = int(confusion.trace()), int(confusion.sum())
        correct = np.arange(size) < right
        low, high = accuracy_interval(correct)
        text = (
            f"Accuracy {share(val['accuracy'])} (95 %: {share(low)} to {share(high)}) on "
            f"{size:,} texts of validation, macro F1 {share(val['macro_f1'])}"
        )
    lines = [text + "."]
    if "best_epoch" in facts:
        lines.append(
            f"The kept model is that of epoch {facts['best_epoch']} of {facts['epochs']}, chosen "
            f"by {sections.metric_title(facts.get('metric', 'loss'))} on the same validation part, "
            "which flatters it."
        )
    lines.append(
        "One run with one seed: another seed gives other figures; `rnnlab compare` and studies "
        "tell by how much."
    )
    return lines
