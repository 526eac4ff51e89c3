"""How often a model behaves as expected: behavioural tests and their pass rates.

A test of kind MFT passes in a case if the predicted label is one of the expected; INV if no change
changes the predicted label; DIR if no change moves the probability of the labels the wrong way by
more than the tolerance. See `rnnlab.behaviour.templates`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from rnnlab.behaviour.templates import Behaviour, Case, Suite, cases
from rnnlab.exceptions import UserError
from rnnlab.options import nearest

FAILURES_KEPT = 20


class Answering(Protocol):
    """A model that labels texts: a run's or an ensemble's."""

    @property
    def labels(self) -> tuple[str, ...]: ...

    def predict(self, texts: Sequence[str]) -> Any:
        """Return predictions with `probabilities`, float32[n, classes]."""
        ...


def roles_of(
    suite: Suite, labels: Sequence[str], given: Mapping[str, str] | None = None
) -> dict[str, list[int]]:
    """The columns of a model's labels that each role of a suite stands for.

    Args:
        suite: whose roles.
        labels: of the model.
        given: labels that the user names for roles, instead of the suite's; several by commas.

    Raises:
        UserError: a role that a test needs has no label in the model, or `given` names what is not
            there.
    """
    chosen: dict[str, Sequence[str]] = dict(suite.roles)
    for role, names in (given or {}).items():
        if role not in suite.roles:
            raise UserError(f"--role {role}: no such role{nearest(role, suite.roles)}")
        chosen[role] = [name.strip() for name in names.split(",")]
        for name in chosen[role]:
            if name not in labels:
                raise UserError(f"--role {role}: no label '{name}'{nearest(name, labels)}")
    columns = {
        role: [number for number, label in enumerate(labels) if label in names]
        for role, names in chosen.items()
    }
    for test in suite.tests:
        if test.role is not None and not columns[test.role]:
            raise UserError(
                f"no label of the model ({', '.join(labels[:10])}) is '{test.role}': say which by "
                f"--role {test.role}=LABEL"
            )
    return columns


def run_suite(
    model: Answering, suite: Suite, given: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """Run every test on a model: `name`, `about`, `kind`, `cases`, `passed`, `rate`, `failures`.

    Raises:
        UserError: see `roles_of`; or a test makes no case.
    """
    roles = roles_of(suite, model.labels, given)
    results = []
    for test in suite.tests:
        found = cases(test, suite.words)
        if not found:
            raise UserError(f"test '{test.name}': its changes change none of its texts")
        failures = _failures(model, test, found, roles)
        passed = len(found) - len(failures)
        results.append(
            {
                "name": test.name,
                "about": test.about,
                "kind": test.kind,
                "cases": len(found),
                "passed": passed,
                "rate": passed / len(found),
                "failures": failures[:FAILURES_KEPT],
            }
        )
    return results


def _failures(
    model: Answering, test: Behaviour, found: Sequence[Case], roles: Mapping[str, list[int]]
) -> list[dict[str, Any]]:
    """The cases that fail, each with the variant that is furthest off."""
    texts = [text for case in found for text in (case.text, *case.variants)]
    probabilities = model.predict(texts).probabilities.astype(np.float64)
    expected = roles[test.role] if test.role is not None else []
    failures, start = [], 0
    for case in found:
        end = start + 1 + len(case.variants)
        worst = _worst(test, probabilities[start:end], expected)
        if worst is not None:
            own, other = probabilities[start], probabilities[start + worst]
            failure = {"text": case.text, **_answer(model.labels, own)}
            if worst:
                changed = _answer(model.labels, other)
                failure |= {"changed": case.variants[worst - 1], "changed_to": changed["label"]}
                failure |= {"changed_probability": changed["probability"]}
            failures.append(failure)
        start = end
    return failures


def _worst(
    test: Behaviour, probabilities: npt.NDArray[np.float64], expected: list[int]
) -> int | None:
    """Which text of a case fails most, 0 for the original; None where the case passes.

    Args:
        test: what is expected.
        probabilities: of the original and of its variants, float64[1 + variants, classes].
        expected: columns of the role's labels.
    """
    labels = probabilities.argmax(axis=1)
    if test.kind == "MFT":
        return None if labels[0] in expected else 0
    if test.kind == "INV":
        changed = np.flatnonzero(labels != labels[0])
        if not len(changed):
            return None
        return int(changed[probabilities[changed, labels[0]].argmin()])
    shift = probabilities[:, expected].sum(axis=1)
    shift = shift - shift[0]
    against = -shift if test.moves == "not down" else shift
    return int(against.argmax()) if against.max() > test.tolerance else None


def _answer(labels: Sequence[str], probabilities: npt.NDArray[np.float64]) -> dict[str, Any]:
    best = int(probabilities.argmax())
    return {"label": labels[best], "probability": float(probabilities[best])}
