"""Figures: numbers that span much, and the curves of a training in their two forms."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from rnnlab.plots.epochs import draw_curves, epoch_plots, read_epochs
from rnnlab.plots.pareto import draw_pareto
from rnnlab.plots.series import Series, draw_levels, draw_series

from ..synthetic import answers, write_run, write_stream_run


def words_of(svg: str) -> list[str]:
    return [text for item in ElementTree.fromstring(svg).itertext() if (text := item.strip())]


def height_of(svg: str) -> dict[str, float]:
    """Where labels of numbers are, from above."""
    found = re.findall(r'<text[^>]*?y="([\d.]+)"[^>]*>([\d,]+)</text>', svg)
    return {text: float(y) for y, text in found}


def test_perplexities_that_span_much_have_logarithms_and_plain_numbers():
    lines = [Series("train", [1, 2, 3], [9000, 800, 90]), Series("val", [1, 2, 3], [5e4, 900, 120])]
    plot = draw_series("x", "x", lines, x="epoch", y="perplexity", whole=True, unbounded=True)
    shown = words_of(plot.svg)
    assert {"100", "1,000", "10,000"} <= set(shown)
    assert not [text for text in shown if "mathdefault" in text or "^" in text]
    places = height_of(plot.svg)
    assert places["100"] - places["1,000"] == pytest.approx(
        places["1,000"] - places["10,000"], rel=0.02
    )
    even = draw_series("x", "x", lines, x="epoch", y="perplexity", whole=True)
    assert "100" not in words_of(even.svg)


def test_levels_and_fronts_of_perplexities_too():
    values = Series("perplexity", [0, 1], [122.0, 3.1e8])
    levels = draw_levels("x", "x", ["LSTM", "GRU"], [values], x="perplexity", unbounded=True)
    assert {"1,000", "1,000,000"} <= set(words_of(levels.svg)) | {"1,000"}
    assert any("e+08" in text or text == "1,000,000" for text in words_of(levels.svg))
    points = [("LSTM", 10.0, 122.0, True), ("GRU", 20.0, 3.1e8, False)]
    front = draw_pareto("x", "x", points, x="seconds", y="perplexity", less_is_better=True)
    assert not [text for text in words_of(front.svg) if "mathdefault" in text]


def test_a_run_and_a_page_show_the_same_curves(tmp_path):
    run = write_run(tmp_path / "run", answers(60, 0.8, 1), epochs=4)
    rows = read_epochs(run)
    plots = epoch_plots({"run": rows}, "curves", [str(run)])
    assert [plot.name for plot in plots] == ["curves-loss", "curves-accuracy"]
    figure = draw_curves(run)
    assert figure is not None
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss, nats a text", "accuracy"]
    for axes, name in zip(figure.axes, ("loss", "accuracy"), strict=True):
        lines = {line.get_label(): list(line.get_ydata()) for line in axes.get_lines()}
        assert lines == {
            part: [float(row[f"{part}_{name}"]) for row in rows] for part in ("train", "val")
        }


def test_curves_of_a_stream_and_of_nothing(tmp_path):
    stream = write_stream_run(tmp_path / "lm", 4.6, seed=0, name="lm")
    figure = draw_curves(stream)
    assert figure is not None
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss, nats a token", "perplexity"]
    linear = write_run(tmp_path / "nb", answers(60, 0.8, 1), epochs=0)
    assert draw_curves(linear) is None
