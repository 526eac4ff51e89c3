"""A study that is killed and called again is the study that was left alone."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

MANY = """
seeds: [{seeds}]
factors:
  rate: {{key: train.optimizer.lr, levels: [{rates}]}}
"""


def many(seeds: int, rates: int) -> str:
    numbers = ", ".join(map(str, range(seeds)))
    return MANY.format(seeds=numbers, rates=", ".join(f"{0.01 * (n + 1):g}" for n in range(rates)))


def finished(study: Path) -> int:
    statuses = [json.loads(p.read_text())["status"] for p in study.glob("runs/*/run.json")]
    return statuses.count("completed")


def wait_until_finished(study: Path, process: subprocess.Popen[str], count: int) -> None:
    deadline = time.monotonic() + 120
    while process.poll() is None and finished(study) < count and time.monotonic() < deadline:
        time.sleep(0.02)


def kill_group(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    _, errors = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), errors


def claims(study: Path) -> dict[str, tuple[int, int]]:
    with sqlite3.connect(study / "study.db") as database:
        rows = database.execute("SELECT trial, claimed, reclaimed FROM claims").fetchall()
    database.close()
    return {trial: (claimed, reclaimed) for trial, claimed, reclaimed in rows}


def check_rows(study: Path, count: int) -> None:
    results = json.loads((study / "results.json").read_text())
    runs = [r for g in results["groups"] for level in g["levels"] for r in level["runs"]]
    assert [run["status"] for run in runs] == ["completed"] * count
    assert len({run["run"] for run in runs}) == count
    assert len(list(study.glob("runs/*"))) == count
    for trial, (claimed, reclaimed) in claims(study).items():
        # where a dead runner's worker is about to end, who took over gives the trial back again
        assert claimed == 1 if reclaimed == 0 else claimed > reclaimed, trial


def test_a_killed_group_leaves_nothing_to_repeat(done, start, command, weights, tmp_path):
    arguments = ("study", done.file, "--out", tmp_path, "--workers", 1)
    process = start(*arguments)
    wait_until_finished(tmp_path, process, 2)
    time.sleep(random.Random().uniform(0, 0.3))
    assert process.poll() is None, "the kill came after the end: the test tests nothing"
    kill_group(process)
    before = weights(tmp_path)
    assert len(before) >= 2
    result = command(*arguments, "--json").json
    assert result["skipped"] >= len(before) - 1
    assert result["completed"] + result["skipped"] == result["runs"] == 8
    assert weights(tmp_path) == weights(done.path)
    check = {trial: a - b for trial, (a, b) in claims(tmp_path).items()}
    assert set(check.values()) == {1}


@pytest.mark.slow
def test_five_kills_of_twenty_runs(start, command, weights, write_study, tmp_path):
    generator = random.Random()
    file = write_study(tmp_path, many(4, 5))
    whole = command("study", file, "--out", tmp_path / "whole", "--json")
    assert whole.json["completed"] == 20
    study = tmp_path / "killed"
    kills = 0
    for number in range(5):
        process = start("study", file, "--out", study)
        wait_until_finished(study, process, finished(study) + (number % 3))
        time.sleep(generator.uniform(0, 0.7))
        kills += process.poll() is None
        kill_group(process)
    assert kills == 5, "a kill came after the end: the test tests nothing"
    last = command("study", file, "--out", study, "--json").json
    assert last["completed"] > 0
    assert (last["runs"], last["failed"]) == (20, 0)
    check_rows(study, 20)
    assert weights(study) == weights(tmp_path / "whole")


@pytest.mark.slow
def test_four_runners_one_killed_every_few_seconds(start, weights, write_study, tmp_path):
    generator = random.Random()
    file = write_study(tmp_path, many(10, 6))
    study = tmp_path / "shared"
    arguments = ("study", file, "--out", study, "--workers", 1, "--json")
    runners = [start(*arguments) for _ in range(4)]
    kills = 0
    deadline = time.monotonic() + 900
    while finished(study) < 55 and time.monotonic() < deadline:
        time.sleep(generator.uniform(4, 7))
        victim = generator.randrange(4)
        kills += runners[victim].poll() is None
        kill_group(runners[victim])
        runners[victim] = start(*arguments)
    ended = [json.loads(runner.communicate(timeout=600)[0]) for runner in runners]
    assert kills >= 3
    assert all(result["runs"] == 60 and result["failed"] == 0 for result in ended)
    check_rows(study, 60)
    assert sum(reclaimed for _, reclaimed in claims(study).values()) >= 1
