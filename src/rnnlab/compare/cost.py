"""What a run costs, as run.json records it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rnnlab.wording import duration


@dataclass(frozen=True)
class Measure:
    """A cost by which runs are chosen.

    Attributes:
        title: in a sentence.
        unit: after a figure; "" where the figure speaks for itself.
        less_is_better: false for throughput.
    """

    title: str
    unit: str
    less_is_better: bool = True

    def show(self, value: float) -> str:
        """The figure as people read it."""
        if self.unit == "s":
            return duration(value)
        digits = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
        return f"{digits} {self.unit}".rstrip()


MEASURES = {
    "train_seconds": Measure("training time", "s"),
    "cpu_seconds": Measure("training CPU time", "s"),
    "latency_ms": Measure("latency of one text, median", "ms"),
    "latency_p95_ms": Measure("latency of one text, 95th percentile", "ms"),
    "texts_per_second": Measure("throughput", "texts/s", less_is_better=False),
    "tokens_per_second": Measure("throughput", "tokens/s", less_is_better=False),
    "parameters": Measure("parameters", ""),
    "model_mb": Measure("size of the model's files", "MB"),
    "peak_memory_mb": Measure("peak memory", "MB"),
}


def cost_of_run(facts: Mapping[str, Any]) -> dict[str, float]:
    """The costs that a finished run has recorded, by the keys of `MEASURES`.

    A run of an earlier version, without a measured CPU time, gets its seconds times its threads.

    Args:
        facts: in run.json.
    """
    recorded: Mapping[str, Any] = facts.get("cost") or {}
    found: dict[str, Any] = {
        **recorded,
        "train_seconds": facts.get("train_seconds", facts.get("seconds")),
        "cpu_seconds": facts.get("cpu_seconds"),
        "parameters": facts.get("parameters"),
    }
    if (peak := facts.get("peak_memory_bytes")) is not None:
        found["peak_memory_mb"] = peak / 1e6
    if found["cpu_seconds"] is None and found["train_seconds"] is not None:
        found["cpu_seconds"] = found["train_seconds"] * (facts.get("threads") or 1)
    return {key: float(found[key]) for key in MEASURES if found.get(key) is not None}
