"""Counts of a server, in the text format of Prometheus (version 0.0.4)."""

from __future__ import annotations

import os
import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Histogram:
    """Observations by upper bound, with their sum.

    Args:
        bounds: rising.
    """

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds, self._counts, self._sum = bounds, [0] * (len(bounds) + 1), 0.0

    def observe(self, value: float) -> None:
        """Take in a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def lines(self, name: str, labels: Mapping[str, str]) -> Iterator[str]:
        """As Prometheus reads it."""
        total = 0
        for bound, count in zip((*self._bounds, "+Inf"), self._counts, strict=True):
            total += count
            yield f"{name}_bucket{_labels({**labels, 'le': str(bound)})} {total}"
        yield f"{name}_sum{_labels(labels)} {self._sum:.6f}"
        yield f"{name}_count{_labels(labels)} {total}"


class Metrics:
    """What a server has done."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._seconds: dict[str, Histogram] = {}
        self._batches = Histogram(_TEXTS)

    def request(self, path: str, status: int, seconds: float) -> None:
        """Take in an answered request."""
        with self._lock:
            self._requests[path, status] += 1
            self._seconds.setdefault(path, Histogram(_SECONDS)).observe(seconds)

    def batch(self, texts: int) -> None:
        """Take in a computed batch."""
        with self._lock:
            self._batches.observe(texts)

    def render(self, gauges: Mapping[str, tuple[str, str, float]]) -> str:
        """The page of /metrics.

        Args:
            gauges: by name: type, help, value.
        """
        with self._lock:
            lines = [
                "# HELP rnnlab_requests_total Answered requests.",
                "# TYPE rnnlab_requests_total counter",
            ]
            for (path, status), count in sorted(self._requests.items()):
                labels = _labels({"path": path, "status": str(status)})
                lines.append(f"rnnlab_requests_total{labels} {count}")
            lines.append("# HELP rnnlab_request_seconds Time from request to answer.")
            lines.append("# TYPE rnnlab_request_seconds histogram")
            for path, histogram in sorted(self._seconds.items()):
                lines += histogram.lines("rnnlab_request_seconds", {"path": path})
            lines.append("# HELP rnnlab_batch_texts Texts computed together.")
            lines.append("# TYPE rnnlab_batch_texts histogram")
            lines += self._batches.lines("rnnlab_batch_texts", {})
        for name, (kind, text, value) in gauges.items():
            lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}", f"{name} {value:g}"]
        if (memory := resident_bytes()) is not None:
            lines.append("# HELP process_resident_memory_bytes Memory in use.")
            lines.append("# TYPE process_resident_memory_bytes gauge")
            lines.append(f"process_resident_memory_bytes {memory}")
        return "\n".join(lines) + "\n"


def resident_bytes() -> int | None:
    """Memory of this process, where the system tells."""
    try:
        pages = Path("/proc/self/statm").read_text().split()[1]
    except OSError:
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    pairs = (f'{name}="{value}"' for name, value in labels.items())
    return "{" + ",".join(pairs) + "}"
