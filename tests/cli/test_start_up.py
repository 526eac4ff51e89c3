"""The command answers at once: what is not needed is not imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    *("torch", "numpy", "pyarrow", "scipy", "sklearn", "matplotlib"),
    *("safetensors", "ruamel", "pooch", "requests"),
)
SCRIPT = """
import contextlib, io, sys
def loaded():
    return sorted({name.partition(".")[0] for name in sys.modules} & set(sys.argv[1].split(",")))
import rnnlab
assert not loaded(), ("import rnnlab", loaded())
from rnnlab.cli import main
heavy = sys.argv.pop(1)
out = io.StringIO()
for arguments in ARGUMENTS:
    sys.argv = ["rnnlab", *arguments]
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        main()
    sys.argv = ["", heavy]
    assert not loaded(), (arguments, loaded())
assert "predict" in out.getvalue()
print("light")
"""


def run(arguments: list[list[str]], heavy: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    script = SCRIPT.replace("ARGUMENTS", repr(arguments))
    return subprocess.run(
        [sys.executable, "-c", script, ",".join(heavy)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_imports_nothing_heavy():
    done = run([["--help"]], (*HEAVY, "pydantic"))
    assert (done.stdout, done.stderr) == ("light\n", "")


def test_help_of_a_verb_and_the_list_of_runs_import_nothing_heavy():
    verbs = [["train", "--help"], ["data", "--help"], ["predict", "-h"], ["list", "runs"]]
    verbs += [["study", "--help"], ["compare", "--help"], ["report", "--help"]]
    verbs += [["embed", "--help"], ["embed", "train", "--help"], ["embed", "neighbours", "-h"]]
    done = run([["--help"], *verbs], HEAVY)
    assert (done.stdout, done.stderr) == ("light\n", "")


def test_the_check_itself_notices_an_import():
    done = run([["--help"], ["list", "presets"]], ("pydantic", "ruamel"))
    assert done.returncode == 1
    assert "ruamel" in done.stderr


def test_every_verb_is_in_the_help(cli):
    shown = cli("--help")
    assert shown.code == 0
    verbs = (
        "list doctor data embed suggest show train evaluate predict cv ensemble learning-curve "
        "compare report export serve study bench"
    )
    for verb in verbs.split():
        assert f"\n  {verb} " in shown.out


def test_a_mistake_at_the_installed_command():
    command = Path(sys.executable).with_name("rnnlab")
    done = subprocess.run([command, "show", "sst6"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: unknown preset 'sst6'; did you mean 'sst5'?")


@pytest.mark.parametrize("arguments", [["trian"], ["train", "table", "--jsn"], ["list", "prests"]])
def test_a_mistyped_verb_or_option(cli, arguments):
    result = cli(*arguments)
    assert result.code == 2
    assert result.out == ""
    assert arguments[-1] in result.err
    assert "Traceback" not in result.err
