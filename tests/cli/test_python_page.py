"""The guide for Python runs as it stands: its Python and its commands, from top to bottom."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "python.md"
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_page_runs(cli, capsys):
    names: dict = {"__name__": "page"}
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert len(blocks) > 6
    for language, block in blocks:
        if language == "python":
            exec(block, names)
            continue
        for line in block.splitlines():
            verb, *arguments = shlex.split(line)
            assert verb == "rnnlab"
            assert cli(*arguments).code == 0, line
    assert {word for word, _ in names["words"]["good"]} == {"great", "lovely", "superb"}
    assert set(names["run"].metrics) == {"val", "test"}
    assert capsys.readouterr().out.count("epoch ") == 4
