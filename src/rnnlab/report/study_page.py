"""The page of a study."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnlab.compare.arms import Collection, Configuration, open_study
from rnnlab.compare.comparing import compare
from rnnlab.compare.outcome import Comparison, GroupResult, LevelResult
from rnnlab.compare.results import StudyResults
from rnnlab.compare.verdict import level as shown_level
from rnnlab.report import sections, study_plots
from rnnlab.report.material import RunMaterial, read_lines
from rnnlab.report.plots import Plot
from rnnlab.train.rundir import LEDGER


@dataclass(frozen=True)
class Extreme:
    """The run that is best or worst by the study's metric.

    Attributes:
        name: "best" or "worst".
        title: what to call it.
        run: what its directory holds.
    """

    name: str
    title: str
    run: RunMaterial


def study_context(path: Path) -> dict[str, Any]:
    """What the page of a study shows.

    Raises:
        UserError: results.json or a run is damaged, or no run is finished.
    """
    collection = open_study(path)
    study = collection.study
    if study is None:
        raise RuntimeError("a study has results")
    found = compare(collection)
    second = None
    if found.metric != "perplexity":
        second = compare(
            collection, metric="macro_f1" if found.metric == "accuracy" else "accuracy"
        )
    runs = _runs(collection)
    extremes = _distinct(_extremes(collection, found))
    best = extremes[0]
    groups = [
        _group(number, group, second and second.groups[number], collection, found.metric)
        for number, group in enumerate(found.groups)
    ]
    learners = _distinct(_extremes(collection, found, with_epochs=True))
    curves = sections.learning_curves({item.name: item.run for item in learners}, "best-worst")
    confusions = _some(
        sections.confusion_plot(item.run, f"confusion-{item.name}", item.title) for item in extremes
    )
    lengths = _some(
        sections.length_plot(item.run, f"length-{item.name}", item.title) for item in extremes
    )
    joint = study_plots.joint_plots(collection, found)
    pareto = study_plots.pareto_plots(found)
    plots = [plot for group in groups for plot in group["plots"]]
    return {
        "title": study.study,
        "study": study,
        "metric": sections.metric_title(found.metric),
        "changed": changed_words(study),
        "headline": headline(found),
        "groups": groups,
        "joint": joint,
        "reported": reported_rows(collection, found),
        "extremes": extremes,
        "learners": learners,
        "curves": curves,
        "confusions": confusions,
        "per_class": best.run.facts["val"].get("per_class", []),
        "lengths": lengths,
        "pareto": pareto,
        "costs": [
            {
                "label": row.label,
                "mean": shown_level(row.mean, found.metric),
                "costs": dict(sections.cost_rows(row.costs)),
                "runs": row.runs,
            }
            for row in found.costs
        ],
        "cost_titles": _cost_titles(found),
        "seeds": _seed_rows(found),
        "tests": _test_rows(collection, runs),
        "ledger": read_lines(path / "runs" / LEDGER),
        "verifications": [
            (run, checks) for run in runs if (checks := sections.verification_of(run)) is not None
        ],
        "analysed": [run for run in runs if run.analysis is not None],
        "environment": sections.environment_rows(runs),
        "data": sections.data_rows(runs),
        "command": command_of(study),
        "plots": [*plots, *joint, *curves, *confusions, *lengths, *pareto],
    }


def headline(found: Comparison) -> list[str]:
    """The verdicts in words, group by group."""
    lines = []
    for group in found.groups:
        if group.reference is None:
            lines.append(f"{group.title}: no run is finished.")
            continue
        said: dict[str, list[str]] = {}
        single = False
        for item in group.levels:
            if item.difference is not None:
                said.setdefault(item.difference.verdict, []).append(item.label)
                single |= item.difference.scope == "models"
        if not said:
            continue
        parts = [
            f"{_listed(said[verdict])} {verb} {group.reference}"
            for verdict, verb in (("better", "better than"), ("worse", "worse than"))
            if verdict in said
        ]
        if "cannot tell" in said:
            told = _listed(said["cannot tell"])
            parts.append(f"cannot tell {told} from {group.reference}")
        text = f"{group.title}: {'; '.join(parts)}."
        if single:
            text += " With one seed this concerns these trained models only."
        lines.append(text)
    return lines


def changed_words(study: StudyResults) -> list[str]:
    """How the study as run departs from its design."""
    changed = study.changed
    words = [f"{key}={value}" for key, value in changed.overrides.items()]
    if changed.only:
        words.append(f"only {_listed(changed.only)}")
    if changed.limit is not None:
        words.append(f"at most {changed.limit:,} runs")
    return words


def command_of(study: StudyResults) -> str:
    """The command that makes the study again."""
    changed = study.changed
    words = ["rnnlab", "study", study.study]
    words += [f"{key}={value}" for key, value in changed.overrides.items()]
    for name in changed.only or ():
        words += ["--only", name]
    if changed.limit is not None:
        words += ["--limit", str(changed.limit)]
    return shlex.join(words)


def reported_rows(collection: Collection, found: Comparison) -> list[dict[str, str]]:
    """Reported figures beside measured ones, with the protocol of each."""
    rows = []
    for group, results in zip(collection.groups, found.groups, strict=True):
        for item, result in zip(group.configurations, results.levels, strict=True):
            for name, value in (item.reported.figures if item.reported else {}).items():
                rows.append(
                    {
                        "group": group.title,
                        "label": item.label,
                        "figure": sections.metric_title(name),
                        "reported": "" if value is None else _plain(name, value),
                        "note": item.reported.note if item.reported else "",
                        "measured": _measured(item, name),
                        "protocol": _protocol(result),
                        "runs": result.runs,
                    }
                )
    return rows


def _measured(item: Configuration, name: str) -> str:
    """The mean over runs of what is measured under that name; empty where nothing is."""
    values = []
    for model in item.models:
        value = {**model.costs, **model.facts["val"]}.get(name)
        if name == "epoch_seconds":
            value = RunMaterial(model.path, model.facts).epoch_seconds
        if isinstance(value, int | float):
            values.append(float(value))
    return _plain(name, sum(values) / len(values)) if values else "not measured"


def _plain(name: str, value: float) -> str:
    if name in ("accuracy", "macro_f1", "f1"):
        return f"{value:.4f}".removeprefix("0")
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) > 999 else f"{value:.4g}"


def _protocol(result: LevelResult) -> str:
    seeds = len(result.seeds)
    mean = "one seed" if seeds == 1 else f"mean of {seeds} seeds"
    return f"validation, {mean}, best epoch chosen on it" if seeds else "no finished run"


def _group(
    number: int,
    group: GroupResult,
    second: GroupResult | None,
    collection: Collection,
    metric: str,
) -> dict[str, Any]:
    source = collection.groups[number]
    plots = study_plots.group_plots(number, group, second, source, metric)
    rows = [
        {
            "level": item,
            "mean": "" if item.mean is None else shown_level(item.mean, metric),
            "between": "" if item.interval is None else " to ".join(
                shown_level(end, metric) for end in item.interval
            ),
            "spread": _error(item.seed_deviation, metric),
            "seed_error": _error(item.difference and item.difference.seed_error, metric),
            "example_error": _error(item.difference and item.difference.example_error, metric),
            "visible": _error(item.difference and item.difference.smallest_detectable, metric),
        }
        for item in group.levels
    ]  # fmt: skip
    return {"result": group, "rows": rows, "plots": plots, "id": f"group-{number}"}


def _error(value: float | None, metric: str) -> str:
    """A standard error in points, or nats a token."""
    if value is None:
        return ""
    return f"{value:.4f}" if metric == "perplexity" else f"{100 * value:.2f}"


def _runs(collection: Collection) -> list[RunMaterial]:
    return [
        RunMaterial(path, facts)
        for path, facts in {
            model.path: model.facts
            for group in collection.groups
            for item in group.configurations
            for model in item.models
        }.items()
    ]


def _extremes(
    collection: Collection, found: Comparison, *, with_epochs: bool = False
) -> list[Extreme]:
    """The best and the worst run; with `with_epochs`, of those that learn in epochs."""
    sign = -1 if found.metric == "perplexity" else 1
    scored = [
        (sign * model.facts["val"][found.metric], item.label, RunMaterial(model.path, model.facts))
        for item in collection.configurations()
        for model in item.models
    ]
    ordered = sorted(
        (entry for entry in scored if entry[2].epochs or not with_epochs),
        key=lambda entry: entry[0],
    )

    def extreme(word: str, label: str, run: RunMaterial) -> Extreme:
        return Extreme(word, f"{word.capitalize()}: {label}, seed {run.facts.get('seed')}", run)

    if not ordered:
        return []
    return [extreme("best", *ordered[-1][1:]), extreme("worst", *ordered[0][1:])]


def _distinct(pair: list[Extreme]) -> list[Extreme]:
    """One where best and worst are the same run."""
    return pair[:1] if pair and pair[0].run.path == pair[-1].run.path else pair


def _cost_titles(found: Comparison) -> list[str]:
    titles: dict[str, None] = {}
    for row in found.costs:
        titles |= dict.fromkeys(title for title, _ in sections.cost_rows(row.costs))
    return list(titles)


def _seed_rows(found: Comparison) -> list[dict[str, Any]]:
    rows, seen = [], set()
    for group in found.groups:
        for item in group.levels:
            if not item.runs or (key := tuple(item.runs)) in seen:
                continue
            seen.add(key)
            figures = (
                item.figures
                if len(item.figures) == len(item.runs)
                else (item.figures[:1] * len(item.runs))
            )  # a model without a seed: each run is the same
            rows.append(
                {
                    "label": f"{group.title}: {item.label}",
                    "figures": [
                        (seed, shown_level(value, found.metric), run)
                        for seed, value, run in zip(item.seeds, figures, item.runs, strict=True)
                    ],
                }
            )
    return rows


def _test_rows(collection: Collection, runs: Sequence[RunMaterial]) -> list[dict[str, Any]]:
    """Latest test figures of each run, and how often test was looked at."""
    labels: dict[Path, str] = {}
    for item in collection.configurations():
        labels |= {model.path: item.label for model in item.models}
    return [
        {
            "label": labels[run.path],
            "run": run,
            "times": len(run.tests),
            "figures": _test_figures(run.tests[-1]),
        }
        for run in runs
        if run.tests
    ]


def _test_figures(line: Mapping[str, Any]) -> str:
    if "perplexity" in line:
        return f"perplexity {line['perplexity']:.2f}"
    accuracy, macro_f1 = (_plain("accuracy", line[key]) for key in ("accuracy", "macro_f1"))
    return f"accuracy {accuracy}, macro F1 {macro_f1}"


def _some(plots: Any) -> list[Plot]:
    return [plot for plot in plots if plot is not None]


def _listed(words: Sequence[str]) -> str:
    """a; a and b; a, b and c."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
