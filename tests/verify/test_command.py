"""The command line: tables, JSON, exit codes, and one line for what is wrong with a request."""

from __future__ import annotations

import json
import sys

import pytest

from rnnlab.cli import main


@pytest.fixture
def run(capsys, monkeypatch):
    """Run a command line; return its exit code, standard output and error."""
    monkeypatch.setenv("COLUMNS", "80")

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["rnnlab", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_a_table_of_80_columns_and_a_verdict(run):
    code, out, _ = run("verify", "table-rnn", "--quick", "--only", "batching", "--only", "carry")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    assert "beside outlier" in out
    assert out.splitlines()[-1].startswith("passed: 2 of 2 checks passed")


def test_json_is_one_object(run):
    code, out, _ = run("verify", "table-rnn", "--quick", "--only", "parameters", "--json")
    facts = json.loads(out)
    assert code == 0
    assert facts["passed"] is True
    (check,) = facts["checks"]
    assert {"name", "passed", "difference", "tolerance", "detail"} <= check.keys()


def test_a_run_keeps_its_proofs(run, gru_run):
    code, out, _ = run("verify", gru_run, "--json")
    assert code == 0
    assert json.loads(out) == json.loads((gru_run / "verify.json").read_text())
    (gru_run / "verify.json").unlink()
    assert run("verify", gru_run, "--only", "carry")[0] == 0
    assert not (gru_run / "verify.json").exists()


def test_a_failure_is_exit_code_1_with_its_example_and_advice(run):
    from rnnlab.verify.planted import all_bugs

    (bug,) = (bug for bug in all_bugs() if bug.name == "final state taken at T")
    with bug.planted():
        code, out, _ = run("verify", "sst5-rnn-random", "--quick", "--only", "batching")
    assert code == 1
    assert "FAILED" in out.splitlines()[-1]
    assert "against 1e-10" in out
    assert "where the final state" in " ".join(out.split())


def test_all_presets(run, monkeypatch):
    monkeypatch.setattr("rnnlab.config.load.preset_names", lambda: ["table-gru", "table-nb"])
    code, out, err = run("verify", "--all-presets", "--quick", "--only", "parameters", "--json")
    facts = json.loads(out)
    assert code == 0
    assert [one["subject"] for one in facts["presets"]] == ["table-gru", "table-nb"]
    assert [one["preset"] for one in facts["checks"]] == ["table-gru", "table-nb"]
    assert "2 of 2: table-nb passed" in err
    code, out, _ = run("verify", "--all-presets", "--quick", "--only", "parameters")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    assert "passed: 2 of 2 presets" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name a preset, a file or a run, or give --all-presets or --self-test"),
        (("imdb", "--all-presets"), "name a preset"),
        (("table-gruu", "--quick"), "did you mean 'table-gru'?"),
        (("table-gru",), "its data (table) is not here"),
        (("table-gru", "--only", "padd"), "did you mean 'padding'?"),
        (("table-gru", "modell=3"), "unknown key 'modell'"),
        (("--self-test", "--quick"), "leave --only and --quick out"),
    ],
)
def test_what_is_wrong_is_one_line(run, arguments, message):
    code, out, err = run("verify", *arguments)
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert message in err


def test_a_folder_that_is_no_run(run, tmp_path):
    code, _, err = run("verify", tmp_path)
    assert code == 2
    assert "not a run directory" in err
