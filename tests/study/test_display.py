"""The live table: what is done, what runs, what failed, at 80 columns."""

from __future__ import annotations

import io

from rich.console import Console

from rnnlab.study.display import Display, Row
from rnnlab.study.outcomes import Outcome


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def row(title: str, **progress: float) -> Row:
    return Row("run", title, progress, 61.0)


def outcome(status, **val: float) -> Outcome:
    return Outcome(status, None, {"val": val}, 1, False)


def test_each_run_says_how_it_stands_and_a_narrow_terminal_is_enough():
    display = Display("ptb-four", Terminal())
    display.ended(row("model LSTM"), outcome("completed", perplexity=122.168), "")
    display.ended(row("model GRU"), outcome("completed", perplexity=3.1e8), "")
    display.ended(row("model CNN"), outcome("diverged"), "gradient norm is nan at step 7")
    display.ended(row("model RNN"), outcome("missing"), "")
    step = {"epoch": 2, "epochs": 13, "loss": 4.81, "left": 125.0}
    running = [
        row("model LSTM, dropout .25", **step),
        row("model GRU, dropout .25", **{**step, "left": 0.1}),
        row("begins"),
    ]
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(display._table("ptb-four: 3 of 7 runs done", running))
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= 80
    shown = {line[:27].strip(): " ".join(line[27:].split()) for line in lines if "model" in line}
    assert shown["model LSTM"] == "done perplexity 122.17 1 min 01 s"
    assert shown["model GRU"] == "done perplexity 3.1e+08 1 min 01 s"
    assert shown["model CNN"].startswith("diverged gradient norm")
    assert shown["model RNN"] == "stopped it can go on 1 min 01 s"
    assert shown["model LSTM, dropout .25"] == "2/13 4.8100 2 min 05 s left"
    assert shown["model GRU, dropout .25"] == "2/13 4.8100 validation"
