"""Figures as people read them."""

from __future__ import annotations

from collections.abc import Sequence


def duration(seconds: float) -> str:
    """A duration for people: 8.4 s, 2 min 05 s, 1 h 12 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def share(value: float | None, digits: int = 4) -> str:
    """A share without its leading zero: .8814."""
    if value is None:
        return ""
    text = f"{value:.{digits}f}"
    return text[1:] if text.startswith("0.") else text


def perplexity_text(value: float) -> str:
    """A perplexity: 122.17; where no model should be, its size alone: 52,310 or 3.1e+08."""
    if value < 10_000:
        return f"{value:.2f}"
    return f"{value:,.0f}" if value < 1_000_000 else f"{value:.1e}"


def listed(words: Sequence[str]) -> str:
    """a; a and b; a, b and c."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
