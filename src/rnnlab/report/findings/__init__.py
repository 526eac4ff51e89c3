"""What other commands have left in a run's directory, as sections of its report: a file each.

A module here has

    FILE = "verify.json"  # in the run's directory; one JSON object
    TITLE = "Proofs"      # of the section
    RANK = 1              # its place among them

    def section(found, run, prefix) -> Section: ...

`found` is the object in the file, `run` a `RunMaterial`, and `prefix` begins the names of the
section's plots. Whatever is in a Section is shown as text, never as markup.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnlab.plots.plot import Plot
from rnnlab.registry import Registry
from rnnlab.report.material import RunMaterial

FINDINGS = Registry("rnnlab.report.findings", "finding")


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Attributes:
        caption: over it.
        columns: titles; the first column names the rows.
        rows: as many texts as there are columns.
        words: how many of the last columns are words, the rest being figures.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int = 0


@dataclass(frozen=True)
class Section:
    """What a file has to say.

    Attributes:
        paragraphs: in words.
        plots: figures.
        tables: of texts.
        page: a file that tells more.
    """

    paragraphs: Sequence[str] = ()
    plots: Sequence[Plot] = ()
    tables: Sequence[Table] = ()
    page: Path | None = None


@dataclass(frozen=True)
class Finding:
    """A kind of finding, and what it is in each run that has it.

    Attributes:
        title: of the kind.
        sections: of runs, one at least.
    """

    title: str
    sections: Sequence[tuple[RunMaterial, Section]]

    @property
    def plots(self) -> list[Plot]:
        """Of all sections."""
        return [plot for _, section in self.sections for plot in section.plots]


def findings_of(runs: Sequence[RunMaterial]) -> list[Finding]:
    """All that is found in runs, by kind.

    Raises:
        UserError: a file is damaged.
    """
    kinds = sorted(map(FINDINGS.load, FINDINGS.names), key=lambda module: module.RANK)
    found = []
    for kind in kinds:
        sections = [
            (run, kind.section(content, run, _prefix(run, alone=len(runs) == 1)))
            for run in runs
            if (content := run.left(kind.FILE)) is not None
        ]
        if sections:
            found.append(Finding(kind.TITLE, sections))
    return found


def _prefix(run: RunMaterial, *, alone: bool) -> str:
    """Letters, digits and hyphens alone; none on the page of a single run."""
    return "" if alone else re.sub(r"[^a-z0-9]+", "-", run.name.lower()).strip("-") + "-"
