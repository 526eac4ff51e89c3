"""The page of one run."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import numpy as np

from rnnlab.compare.cost import cost_of_run
from rnnlab.intervals import accuracy_interval
from rnnlab.report import sections
from rnnlab.report.findings import findings_of
from rnnlab.report.material import RunMaterial
from rnnlab.wording import perplexity_text, share


def run_context(path: Path) -> dict[str, Any]:
    """What the page of a run shows.

    Raises:
        UserError: the run is not finished, or damaged.
    """
    run = RunMaterial.open(path)
    curves = sections.learning_curves({run.name: run})
    confusion = sections.confusion_plot(run, "confusion", "Confusion matrix on validation")
    findings = findings_of([run])
    own = [*curves, *([confusion] if confusion else [])]
    return {
        "title": run.name,
        "headline": _headline(run),
        "figures": sections.figures_of(run),
        "run": run,
        "curves": curves,
        "confusion": confusion,
        "per_class": run.facts["val"].get("per_class", []),
        "costs": sections.cost_rows(cost_of_run(run.facts)),
        "tests": run.tests,
        "ledger": run.ledger(),
        "findings": findings,
        "environment": sections.environment_rows([run]),
        "data": sections.data_rows([run]),
        "command": shlex.join(["rnnlab", "train", str(run.path / "config.yaml")]),
        "plots": [*own, *(plot for finding in findings for plot in finding.plots)],
    }


def _headline(run: RunMaterial) -> list[str]:
    facts, val = run.facts, run.facts["val"]
    if run.is_language_model:
        lines = _of_a_stream(run)
    else:
        confusion = np.array(val["confusion"])
        right, size = int(confusion.trace()), int(confusion.sum())
        correct = np.arange(size) < right
        low, high = accuracy_interval(correct)
        lines = [
            f"Accuracy {share(val['accuracy'])} (95 %: {share(low)} to {share(high)}) on "
            f"{size:,} texts of validation, macro F1 {share(val['macro_f1'])}."
        ]
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


def _of_a_stream(run: RunMaterial) -> list[str]:
    val, size = run.facts["val"], run.facts["data"]["vocabulary"]
    figure = perplexity_text(val["perplexity"])
    lines = [f"Perplexity {figure} on {val['tokens']:,} tokens of validation."]
    if val["perplexity"] >= size:
        lines.append(
            f"That is worse than giving each of its {size:,} words the same probability "
            f"({perplexity_text(size)}): it has not learned."
        )
    return lines
