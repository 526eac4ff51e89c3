"""The page of a study."""

from __future__ import annotations

import shlex
from importlib import resources
from itertools import chain
from pathlib import Path
from typing import Any

from rnnlab.compare.arms import Collection, Group, open_study
from rnnlab.compare.comparing import compare
from rnnlab.compare.outcome import Comparison, GroupResult
from rnnlab.compare.results import StudyResults
from rnnlab.plots.plot import Plot
from rnnlab.report import sections, study_plots, study_rows
from rnnlab.report.findings import findings_of
from rnnlab.report.material import RunMaterial, read_lines
from rnnlab.report.reported import reported_groups
from rnnlab.train.rundir import LEDGER
from rnnlab.wording import listed

_SHIPPED = resources.files("rnnlab.config") / "studies"


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
    groups = _groups(collection, found)
    runs = _runs(collection)
    extremes = study_rows.extremes(collection, found)
    learners = study_rows.extremes(collection, found, with_epochs=True)
    curves = sections.learning_curves({item.name: item.run for item in learners}, "best-worst")
    confusions = _some(
        sections.confusion_plot(item.run, f"confusion-{item.name}", item.title) for item in extremes
    )
    joint = study_plots.joint_plots(collection, found)
    pareto = study_plots.pareto_plots(found)
    findings = findings_of(runs)
    cost_titles, costs = study_rows.cost_rows(found)
    return {
        "title": study.study,
        "study": study,
        "metric": sections.metric_title(found.metric),
        "changed": study.changed.in_words(),
        "headline": headline(found),
        "groups": groups,
        "joint": joint,
        "reported": reported_groups(collection),
        "extremes": extremes,
        "learners": learners,
        "curves": curves,
        "confusions": confusions,
        "per_class": extremes[0].run.facts["val"].get("per_class", []),
        "pareto": pareto,
        "costs": costs,
        "cost_titles": cost_titles,
        "seeds": study_rows.seed_rows(found),
        "tests": study_rows.tested_rows(collection, runs),
        "ledger": read_lines(path / "runs" / LEDGER),
        "findings": findings,
        "environment": sections.environment_rows(runs),
        "data": sections.data_rows(runs),
        "command": command_of(study, path),
        "plots": [
            *chain.from_iterable(group["plots"] for group in groups),
            *joint,
            *curves,
            *confusions,
            *pareto,
            *chain.from_iterable(finding.plots for finding in findings),
        ],
    }


def headline(found: Comparison) -> list[str]:
    """The verdicts in words, group by group; what holds of all of them is said once."""
    groups = [group for group in found.groups if group.levels]
    compared = [group for group in groups if any(item.difference for item in group.levels)]
    single = [group for group in compared if _is_of_models(group)]
    everywhere = len(single) == len(compared) > 1
    lines = [_verdicts(group) for group in groups]
    if everywhere:
        return [*lines, "With one seed a level, all of this concerns these trained models only."]
    return [
        f"{line} With one seed this concerns these trained models only."
        if group in single
        else line
        for group, line in zip(groups, lines, strict=True)
    ]


def _is_of_models(group: GroupResult) -> bool:
    differences = [item.difference for item in group.levels]
    return any(found is not None and found.scope == "models" for found in differences)


def _verdicts(group: GroupResult) -> str:
    if group.reference is None:
        return f"{group.title}: no run is finished."
    said: dict[str, list[str]] = {}
    for item in group.levels:
        if item.difference is not None:
            said.setdefault(item.difference.verdict, []).append(item.label)
    if not said:
        return f"{group.title}: {group.reference} alone is finished."
    parts = [
        f"{listed(said[verdict])} {verb} {group.reference}"
        for verdict, verb in (("better", "better than"), ("worse", "worse than"))
        if verdict in said
    ]
    if "cannot tell" in said:
        parts.append(f"cannot tell {listed(said['cannot tell'])} from {group.reference}")
    return f"{group.title}: {'; '.join(parts)}."


def command_of(study: StudyResults, path: Path) -> str:
    """The command that makes the study again: by its name where it is a shipped one."""
    if (_SHIPPED / f"{study.study}.yaml").is_file():
        words = [study.study, *study.changed.as_arguments()]
    else:  # its file has the overrides and the limit already
        words = [str(path / "study.yaml"), "--out", f"{path}-again"]
        words += chain.from_iterable(("--only", name) for name in study.changed.only or ())
    return shlex.join(["rnnlab", "study", *words])


def _groups(collection: Collection, found: Comparison) -> list[dict[str, Any]]:
    """Each group with its table and figures, in which a second metric stands beside the first."""
    seconds: list[GroupResult | None] = [None] * len(found.groups)
    if found.metric != "perplexity":
        other = "macro_f1" if found.metric == "accuracy" else "accuracy"
        seconds = list(compare(collection, metric=other).groups)
    return [
        _group(number, group, second, source, found.metric)
        for number, (group, second, source) in enumerate(
            zip(found.groups, seconds, collection.groups, strict=True)
        )
        if group.levels  # a combination has none until it can be chosen
    ]


def _group(
    number: int, group: GroupResult, second: GroupResult | None, source: Group, metric: str
) -> dict[str, Any]:
    rows = [study_rows.level_row(item, metric) for item in group.levels]
    return {
        "id": f"group-{number}",
        "result": group,
        "rows": rows,
        "filled": {key: any(row[key] for row in rows) for key in rows[0]},
        "plots": study_plots.group_plots(number, group, second, source, metric),
    }


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


def _some(plots: Any) -> list[Plot]:
    return [plot for plot in plots if plot is not None]
