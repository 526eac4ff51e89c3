"""The guide to proofs runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import torch

PAGE = Path(__file__).parents[2] / "docs" / "verify.md"


def test_the_page_runs(capsys):
    torch.manual_seed(0)
    names: dict = {"__name__": "page"}
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert len(blocks) >= 15
    for block in blocks:
        exec(block, names)
    printed = capsys.readouterr().out
    assert "NoMask: FAILED" in printed
    assert "WrongFinal: FAILED" in printed
