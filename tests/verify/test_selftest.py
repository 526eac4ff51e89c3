"""Planted bugs are caught by the checks that were named before, and leave nothing behind."""

from __future__ import annotations

import pytest

from rnnlab.registry import CHECKS
from rnnlab.verify.planted import all_bugs
from rnnlab.verify.selftest import self_test

ASKED_FOR = {
    "padding is read",
    "backward direction not realigned",
    "final state taken at T",
    "two gates swapped",
    "state not detached",
    "state not carried",
    "softmax over padding",
    "mean of batch means",
    "vocabulary from test",
    "dropout on in evaluation",
    "resume forgets the sampler",
    "resume forgets the optimizer",
    "predictions in sorted order",
    "loss including padding",
    "accumulated gradients mis-weighted",
    "the pad row is trained",
    "targets off by one",
    "a repeated word's gradient counted once",
}
SLOWER = {"round_trip", "determinism"}  # they train, and start a process


def test_every_bug_asked_for_is_planted():
    bugs = all_bugs()
    assert {bug.name for bug in bugs} == ASKED_FOR
    assert len(bugs) == len(ASKED_FOR)
    assert {bug.check for bug in bugs} <= set(CHECKS.names)


def test_a_planted_bug_leaves_nothing_behind():
    for bug in all_bugs():
        before = [vars(owner).get(name) for owner, name, _ in bug.replacements]
        with bug.planted():
            inside = [vars(owner).get(name) for owner, name, _ in bug.replacements]
        assert all(a is not b for a, b in zip(before, inside, strict=True))
        after = [vars(owner).get(name) for owner, name, _ in bug.replacements]
        assert all(a is b for a, b in zip(before, after, strict=True))


def check_all(bugs):
    result = self_test(bugs)
    for trial in result["trials"]:
        assert trial["caught"], trial
        assert trial["difference"] > 1000 * trial["tolerance"]
        assert trial["passed_without"] is True
    assert result["caught"] == result["planted"] == len(bugs)
    assert result["false_alarms"] == 0
    assert result["passed"]


def test_bugs_are_caught():
    check_all([bug for bug in all_bugs() if bug.check not in SLOWER])


def test_a_bug_that_nothing_catches_fails_the_self_test():
    from rnnlab.verify.planted import Bug

    class Nowhere:
        value = 1

    harmless = Bug("harmless", "carry", "table-gru", ((Nowhere, "value", lambda value: value),))
    result = self_test([harmless])
    assert (result["planted"], result["caught"], result["passed"]) == (1, 0, False)


@pytest.mark.slow
def test_bugs_of_training_and_use_are_caught():
    check_all([bug for bug in all_bugs() if bug.check in SLOWER])
