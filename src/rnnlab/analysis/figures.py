"""Pictures of an analysis, as SVG that a page can hold."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

_BLUE, _ORANGE, _GREY, _RED = "#2a5fb4", "#d9772b", "#8a93a3", "#c0492f"


def length_figure(
    lengths: Mapping[str, Any], other: Mapping[str, Any] | None, names: Sequence[str]
) -> str:
    """Accuracy by length with intervals, for one run or two, as a data URI."""
    figure, axes = _figure(3.3)
    parts = [lengths] if other is None else [lengths, other]
    for number, (part, colour) in enumerate(zip(parts, (_BLUE, _ORANGE), strict=False)):
        shift = 0.0 if other is None else 0.16 * (2 * number - 1)
        places = [place for place, band in enumerate(part["bands"]) if band["texts"]]
        bands = [part["bands"][place] for place in places]
        values = [band["accuracy"] for band in bands]
        axes.errorbar(
            [place + shift for place in places],
            values,
            yerr=_bars(bands),
            fmt="o",
            color=colour,
            capsize=3,
            label=names[number],
        )
    labels = [f"{band['label']}\n{band['texts']:,}" for band in lengths["bands"]]
    axes.set_xticks(range(len(labels)), labels, fontsize=8)
    axes.set(xlabel="tokens; number of texts below", ylabel="accuracy")
    if other is not None:
        axes.legend(frameon=False, fontsize=8)
    return _uri(figure)


def calibration_figure(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Accuracy over confidence, as it is and after temperature scaling, as a data URI."""
    figure, axes = _figure(3.6)
    axes.plot([0, 1], [0, 1], color=_GREY, linewidth=1, linestyle="--", label="calibrated")
    for part, colour, label, marker in (
        (before, _BLUE, f"as it is, ECE {before['ece']:.3f}", "o"),
        (after, _ORANGE, f"scaled, ECE {after['ece']:.3f}", "s"),
    ):
        curve = part["curve"]
        axes.errorbar(
            [row["confidence"] for row in curve],
            [row["accuracy"] for row in curve],
            yerr=_bars(curve),
            fmt=f"{marker}-",
            color=colour,
            linewidth=1,
            markersize=4,
            elinewidth=0.8,
            label=label,
        )
    least = min(row["confidence"] for row in before["curve"] + after["curve"])
    axes.set(xlabel="confidence", ylabel="accuracy", xlim=(max(0.0, least - 0.05), 1.02))
    axes.set_ylim(bottom=0, top=1.02)
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    return _uri(figure)


def slices_figure(slices: Sequence[Mapping[str, Any]]) -> str | None:
    """How much lower or higher accuracy is with each cue, with intervals, as a data URI; None where
    no cue has texts on both sides."""
    shown = [each for each in slices if each["difference"] is not None]
    if not shown:
        return None
    figure, axes = _figure(0.7 + 0.32 * len(shown))
    axes.axvline(0, color=_GREY, linewidth=1)
    for place, each in enumerate(shown):
        low, high = each["difference_interval"]
        colour = _RED if high < 0 else _BLUE if low > 0 else _GREY
        axes.plot([low, high], [place, place], color=colour, linewidth=2)
        axes.plot(each["difference"], place, "o", color=colour)
    axes.set_yticks(range(len(shown)), [each["name"] for each in shown], parse_math=False)
    axes.set(xlabel="accuracy with the cue less that without", ylim=(len(shown) - 0.5, -0.5))
    return _uri(figure)


def frequency_figure(bands: Sequence[Mapping[str, Any]]) -> str:
    """Mean surprisal of each band of frequency, as a data URI."""
    figure, axes = _figure(3.2)
    places = range(len(bands))
    axes.bar(places, [band["loss"] for band in bands], color=_BLUE, width=0.65)
    axes.set_xticks(places, [band["label"].replace(" to ", "-") for band in bands], fontsize=7)
    axes.set(xlabel="occurrences in the training part", ylabel="nats a token")
    return _uri(figure)


def _figure(height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.2, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.set_axisbelow(True)
    return figure, axes


def _bars(rows: Sequence[Mapping[str, Any]]) -> list[list[float]]:
    # an end may be the accuracy itself, but for rounding
    below = [max(0.0, row["accuracy"] - row["interval"][0]) for row in rows]
    above = [max(0.0, row["interval"][1] - row["accuracy"]) for row in rows]
    return [below, above]


def _uri(figure: Any) -> str:
    from matplotlib import rc_context

    stream = io.BytesIO()
    with rc_context({"svg.hashsalt": "rnnlab"}):
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(stream.getvalue()).decode()
