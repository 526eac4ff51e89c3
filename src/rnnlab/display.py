"""Rows of figures as Python shows them: 80 columns of text, or an HTML table in a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

_WIDTH = 80
_ROWS = 20
_CELL = 32


class Table(list[dict[str, Any]]):
    """Rows of equal keys: a list of mappings that shows itself as a table."""

    def __repr__(self) -> str:
        if not self:
            return "(no rows)"
        names = list(self[0])
        cells = [names, *([_cell(row[name]) for name in names] for row in self[:_ROWS])]
        cells = [[shortened(cell, _CELL) for cell in row] for row in cells]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        shown = _fitting(widths)
        right = [isinstance(self[0][name], int | float) for name in names]
        lines = [
            "  ".join(
                cell.rjust(width) if figure else cell.ljust(width)
                for cell, width, figure in zip(row, widths[:shown], right, strict=False)
            ).rstrip()
            for row in cells
        ]
        left_out = []
        if len(self) > _ROWS:
            left_out.append(f"{len(self) - _ROWS:,} more rows")
        if shown < len(names):
            left_out.append(f"{len(names) - shown} more columns")
        return "\n".join([*lines, f"... {', '.join(left_out)}"] if left_out else lines)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        if not self:
            return "<p>(no rows)</p>"
        head = "".join(f"<th>{escape(name)}</th>" for name in self[0])
        rows = [
            "".join(f"<td>{escape(_cell(row[name]))}</td>" for name in self[0])
            for row in self[:_ROWS]
        ]
        more = f"<p>... {len(self) - _ROWS:,} more rows</p>" if len(self) > _ROWS else ""
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def as_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Any:
    """A pandas DataFrame where pandas is installed, else a `Table`.

    Args:
        rows: of equal keys.
        columns: those keys, for a table without rows.
    """
    try:
        import pandas as pd  # pyright: ignore[reportMissingImports]
    except ImportError:
        return Table(dict(row) for row in rows)
    return pd.DataFrame(list(rows), columns=list(columns))


def shortened(text: str, width: int) -> str:
    """One line of at most `width` printable characters."""
    line = "".join(c if c.isprintable() else "�" for c in " ".join(text.split()))
    return line if len(line) <= width else line[: width - 1] + "…"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _fitting(widths: Sequence[int]) -> int:
    """How many columns fit, one at least."""
    total = -2
    for number, width in enumerate(widths):
        total += width + 2
        if total > _WIDTH:
            return max(number, 1)
    return len(widths)
