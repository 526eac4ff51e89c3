"""The best level of each factor on validation, trained together."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Any

from rnnlab.study.expansion import Expansion
from rnnlab.study.outcomes import Outcome
from rnnlab.study.plan import Group, Level, Plan


def with_combination(
    plan: Plan, expansion: Expansion, outcomes: Mapping[str, Outcome]
) -> Plan | None:
    """The plan with its combination chosen, once every run of the factors has ended.

    Args:
        plan: of a design that combines.
        expansion: that made it.
        outcomes: by trial, of those that have ended.

    Returns:
        None if runs are missing, or a factor has no level that was trained.
    """
    overrides: dict[str, Any] = {}
    labels = []
    for group in plan.groups:
        if group.name not in plan.design.combined_factors:
            continue
        best = best_level(group, outcomes, plan)
        if best is None:
            return None
        overrides |= best.overrides
        labels.append(best.label)
    return plan.with_combination(expansion.combination(overrides, " · ".join(labels)))


def best_level(group: Group, outcomes: Mapping[str, Outcome], plan: Plan) -> Level | None:
    """The level with the best mean over seeds on validation; the base where they tie.

    A level of which a seed failed or diverged is chosen only where every one has such a seed. None
    if a run has not ended, or none was completed.
    """
    sign = 1 if plan.higher_is_better else -1
    rated = []
    for level in group.levels:
        if any(trial.name not in outcomes for trial in level.trials):
            return None
        states = [outcomes[trial.name] for trial in level.trials]
        figures = [s.facts["val"][plan.metric] for s in states if s.status == "completed"]
        if figures:
            whole = len(figures) == len(states)
            rated.append(((whole, sign * fmean(figures), level.is_base), level))
    return max(rated, key=lambda item: item[0])[1] if rated else None
