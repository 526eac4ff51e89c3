"""Parts that the pages of runs and studies share: figures and facts of single runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rnnlab.compare.cost import MEASURES
from rnnlab.plots.confusion import draw_confusion
from rnnlab.plots.epochs import epoch_plots
from rnnlab.plots.plot import Plot
from rnnlab.report.material import RunMaterial
from rnnlab.wording import duration, perplexity_text, share

_MOST_LABELS = 12  # of a confusion matrix that can be read


def metric_title(metric: str) -> str:
    """A metric as people call it."""
    return {"macro_f1": "macro F1"}.get(metric, metric)


def learning_curves(runs: Mapping[str, RunMaterial], prefix: str = "curves") -> list[Plot]:
    """Loss, and accuracy or perplexity, by epoch, of named runs; none where there are no epochs."""
    shown = {title: run for title, run in runs.items() if run.epochs}
    rows = {title: run.epochs for title, run in shown.items()}
    return epoch_plots(rows, prefix, [str(run.path) for run in shown.values()])


def confusion_plot(run: RunMaterial, name: str, title: str) -> Plot | None:
    """The confusion matrix on validation; None for a stream or too many labels to read."""
    val = run.facts["val"]
    labels = run.facts["data"].get("labels", [])
    if "confusion" not in val or len(labels) > _MOST_LABELS:
        return None
    return draw_confusion(name, title, val["confusion"], labels, runs=[str(run.path)])


def cost_rows(costs: Mapping[str, float]) -> list[tuple[str, str]]:
    """Costs as titles and figures."""
    return [(MEASURES[key].title, MEASURES[key].show(value)) for key, value in costs.items()]


def environment_rows(runs: Sequence[RunMaterial]) -> list[tuple[str, str]]:
    """Machine, versions, threads and kernel; where runs differ, all that there are."""
    columns: dict[str, list[str]] = {}
    for run in runs:
        facts = run.facts
        machine = facts.get("machine", {})
        versions = facts.get("versions", {})
        values = {
            "system": machine.get("system"),
            "processor": machine.get("processor"),
            "cores": machine.get("cores"),
            "threads of a run": facts.get("threads"),
            "kernel": facts.get("kernel"),
            "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        }
        for key, value in values.items():
            if value not in (None, "") and str(value) not in columns.setdefault(key, []):
                columns[key].append(str(value))
    return [(key, "; ".join(values)) for key, values in columns.items() if values]


def data_rows(runs: Sequence[RunMaterial]) -> list[tuple[str, str]]:
    """Hash of the data that runs were trained on, and what was read."""
    rows: dict[str, str] = {}
    for run in runs:
        digest = str(run.facts["identity"].get("data", ""))
        data = run.facts["data"]
        source = run.facts["identity"].get("settings", {}).get("data", {}).get("source", "data")
        title = source if isinstance(source, str) else source.get("name", "data")
        parts = [f"SHA-256 {digest}"]
        for split in ("train", "val"):
            facts = data.get(split, {})
            if count := facts.get("texts", facts.get("tokens")):
                unit = "texts" if "texts" in facts else "tokens"
                parts.append(f"{count:,} {unit} of {split}")
        rows.setdefault(digest, "")
        rows[digest] = f"{title}: {', '.join(parts)}"
    return [("data", text) for text in rows.values()]


def figures_of(run: RunMaterial) -> list[tuple[str, str]]:
    """The figures that a page of a run shows first."""
    facts = run.facts
    val = facts["val"]
    if run.is_language_model:
        shown = [
            ("perplexity on validation", perplexity_text(val["perplexity"])),
            ("nats a token", f"{val['loss']:.4f}"),
        ]
    else:
        shown = [
            ("accuracy on validation", share(val["accuracy"])),
            ("macro F1", share(val["macro_f1"])),
            ("loss, nats a text", f"{val['loss']:.4f}"),
        ]
    if "parameters" in facts:
        shown.append(("parameters", f"{facts['parameters']:,}"))
    return [*shown, ("time", duration(facts["seconds"]))]


def scored(line: Mapping[str, Any]) -> str:
    """The figures of an evaluation, or of a line of the ledger."""
    if "perplexity" in line:
        return f"perplexity {perplexity_text(line['perplexity'])}"
    names = [name for name in ("accuracy", "macro_f1") if name in line]
    return ", ".join(f"{metric_title(name)} {share(line[name])}" for name in names)
