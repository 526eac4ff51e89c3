"""rnnlab explain: the terminal, the page, JSON, and what it refuses."""

from __future__ import annotations

import pytest

TEXT = "the film was great<br /><br />and the plot dull"


def test_json(cli, finished):
    facts = cli("explain", finished.run, TEXT, "--json").json
    assert facts["method"] == "integrated_gradients"
    assert facts["label"] == max(facts["probabilities"], key=facts["probabilities"].get)
    assert facts["explained"] == facts["label"]
    total = sum(piece["contribution"] for piece in facts["pieces"])
    assert facts["gap"] == pytest.approx(facts["score"] - facts["baseline"] - total, abs=1e-9)
    words = ["the", "film", "was", "great", "and", "the", "plot", "dull"]
    assert [piece["text"] for piece in facts["pieces"]] == words
    for piece in facts["pieces"]:
        assert TEXT[piece["start"] : piece["end"]] == piece["text"]


@pytest.mark.parametrize("method", ["integrated-gradients", "occlusion", "sentences"])
def test_the_terminal(cli, finished, method, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    done = cli("explain", finished.run, TEXT, "--method", method)
    assert done.code == 0, done.err
    assert max(map(len, done.out.splitlines())) <= 80
    assert "\x1b" not in done.out
    assert "probability" in done.out
    assert "score" in done.out
    assert "great[" in done.out or "dull[" in done.out
    assert ("completeness gap" in done.out) == (method == "integrated-gradients")


def test_colours(finished):
    from rich.console import Console

    from rnnlab.evaluation import load_model
    from rnnlab.explanation import explain
    from rnnlab.explanation.rendering import coloured

    console = Console(force_terminal=True, color_system="truecolor", width=80)
    with console.capture() as capture:
        console.print(coloured(explain(load_model(finished.run), "a great film")))
    assert "\x1b[" in capture.get()
    assert "great" in capture.get()


def test_the_page(cli, finished, tmp_path):
    text = f"{TEXT} <script>alert(1)</script> <img src=x onerror=alert(1)> & \"'"
    done = cli("explain", finished.run, text, "--html", tmp_path / "why.html")
    assert done.code == 0, done.err
    page = (tmp_path / "why.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;" in page
    assert "great" in page


def test_standard_input(cli, finished):
    piped = cli("explain", finished.run, "-", "--json", stdin=TEXT.encode()).json
    assert piped == cli("explain", finished.run, TEXT, "--json").json


def test_another_label(cli, finished):
    label = cli("explain", finished.run, TEXT, "--json", "--label", "mixed").json
    assert label["explained"] == "mixed"


def test_refusals(refused, finished, tmp_path):
    run = finished.run
    assert "no word of the text is known" in refused("explain", run, "zzzz qqqq")
    assert "no word of the text is known" in refused("explain", run, "")
    assert "no label 'mixd'; did you mean 'mixed'" in refused(
        "explain", run, TEXT, "--label", "mixd"
    )
    assert "did you mean 'occlusion'" in refused("explain", run, TEXT, "--method", "oclusion")
    assert "has no attention; it allows" in refused("explain", run, TEXT, "--method", "attention")
    assert "no such run" in refused("explain", tmp_path / "none", TEXT)
    assert "not UTF-8" in refused("explain", run, "\udcff")
    assert "not UTF-8" in refused("explain", run, "-", stdin=b"\xff\xfe")
