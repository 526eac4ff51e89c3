"""What using and training a model costs, measured as a run ends. Recorded, not hashed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

_WARM_UP = 3
LATENCY_TEXTS = 40


def latency(answer: Callable[[list[str]], Any], texts: Sequence[str]) -> dict[str, Any]:
    """Median and 95th percentile of answering single texts, in milliseconds.

    From the raw text to its probabilities, one text at a time, after a few that warm up.

    Args:
        answer: reads and classifies texts.
        texts: to be answered; nothing is measured where there are none.
    """
    if not texts:
        return {}
    for text in texts[:_WARM_UP]:
        answer([text])
    times = []
    for text in texts:
        started = time.perf_counter()
        answer([text])
        times.append(1000 * (time.perf_counter() - started))
    p50, p95 = np.quantile(times, [0.5, 0.95])
    return {
        "latency_ms": round(float(p50), 3),
        "latency_p95_ms": round(float(p95), 3),
        "latency_texts": len(texts),
    }


def model_size(model: Path) -> dict[str, float]:
    """Size of a model's files, in megabytes."""
    size = sum(file.stat().st_size for file in model.rglob("*") if file.is_file())
    return {"model_mb": round(size / 1e6, 3)}
