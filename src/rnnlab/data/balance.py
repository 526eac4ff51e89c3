"""How evenly examples are spread over labels, and what a user should know where they are not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

UNEVEN_RATIO = 3
"""Labels are uneven where the largest has more than so many times the examples of the smallest;
with two labels, where one has more than three quarters of them."""

_SHOWN = 6


@dataclass(frozen=True)
class Balance:
    """Examples by label.

    Attributes:
        counts: in the order of the labels.
    """

    counts: Mapping[str, int]

    @property
    def largest(self) -> str:
        """The label with the most examples; of equals the first."""
        return max(self.counts, key=self.counts.__getitem__)

    @property
    def is_uneven(self) -> bool:
        """See `UNEVEN_RATIO`."""
        sizes = self.counts.values()
        return max(sizes) > UNEVEN_RATIO * min(sizes)

    def __str__(self) -> str:
        """The labels with their counts, the largest first; of many the middle is left out."""
        falling = sorted(self.counts, key=self.counts.__getitem__, reverse=True)
        parts = [f"{shown_label(label)} {self.counts[label]:,}" for label in falling]
        if len(parts) > _SHOWN:
            half = _SHOWN // 2
            parts[half:-half] = [f"... ({len(parts)} labels)"]
        return ", ".join(parts)


def shown_label(label: str) -> str:
    """A label in a message: quoted, without control characters, not too long."""
    return repr(label if len(label) <= 40 else label[:39] + "…")


def shown_labels(labels: list[str]) -> str:
    """Labels in a message: the first few, and how many more there are."""
    more = f" and {len(labels) - 3} more" if len(labels) > 4 else ""
    return ", ".join(map(shown_label, labels[: 3 if more else 4])) + more
