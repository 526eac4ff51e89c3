"""The line that tells how things stand: on a terminal, in a notebook, in a file."""

from __future__ import annotations

import io

import pytest

from rnnlab.progress import StatusLine


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Notebook(io.StringIO):
    """As ipykernel's stream: it is no terminal, and knows it by its module alone."""


Notebook.__module__ = "ipykernel.iostream"


def drawn(text: str) -> list[str]:
    """The lines that a reader sees where "\\r" goes back to the beginning of a line."""
    lines = []
    for line in text.split("\n"):
        seen: list[str] = []
        for part in line.split("\r"):
            seen[: len(part)] = part
        lines.append("".join(seen).rstrip())
    return lines


@pytest.mark.parametrize("end", ["epoch 1 done, and longer than what stood there", "done"])
def test_a_notebook_sees_the_last_state_alone(end):
    stream = Notebook()
    line = StatusLine(stream)
    line.say("begun")
    line.show("epoch 1  50 %  10 min left")
    line.show("epoch 1  99 %  1 s left")
    assert drawn(stream.getvalue()) == ["begun", "epoch 1  99 %  1 s left"]
    line.say(end)
    assert drawn(stream.getvalue()) == ["begun", end, ""]
    assert "\x1b" not in stream.getvalue()


def test_a_terminal_erases_the_line():
    stream = Terminal()
    line = StatusLine(stream)
    line.show("half")
    line.say("done")
    assert stream.getvalue() == "\r\x1b[Khalf\r\x1b[Kdone\n"


def test_a_file_has_every_state_as_a_line_of_its_own():
    stream = io.StringIO()
    line = StatusLine(stream)
    line.show("half")
    line.say("done")
    assert stream.getvalue() == "half\ndone\n"


@pytest.mark.parametrize(("kind", "seconds"), [(Terminal, 0.2), (Notebook, 1), (io.StringIO, 15)])
def test_how_often(kind, seconds, monkeypatch):
    now = 100.0
    monkeypatch.setattr("rnnlab.progress.time.monotonic", lambda: now)
    line = StatusLine(kind())
    now += 0.9 * seconds
    assert not line.due()
    now += 0.2 * seconds
    assert line.due()
    assert not line.due()
