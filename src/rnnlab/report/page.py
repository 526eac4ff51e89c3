"""Write the report of a run or a study: a page that needs nothing else, and its plots as files."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rnnlab import pages
from rnnlab.exceptions import UserError
from rnnlab.files import write_text
from rnnlab.plots.plot import Plot
from rnnlab.report import sections
from rnnlab.wording import duration


@dataclass(frozen=True)
class Report:
    """What was written.

    Attributes:
        page: the HTML file.
        plots: PNG and SVG files.
        headline: what the page says first.
    """

    page: str
    plots: list[str]
    headline: list[str]


def write_report(path: Path) -> Report:
    """Write report.html and plots/ into the directory of a run or a study.

    Args:
        path: the directory; a study's name finds it in studies/.

    Raises:
        UserError: there is neither, or its files are damaged.
    """
    from rnnlab.compare.results import is_study
    from rnnlab.report.run_page import run_context
    from rnnlab.report.study_page import study_context

    for folder in (path, Path("studies") / path):
        if is_study(folder):
            return _write(folder, "study.html", study_context(folder))
    if not (path / "run.json").is_file():
        raise UserError(f"{path}: neither a run (run.json) nor a study (results.json)")
    return _write(path, "run.html", run_context(path))


def _write(folder: Path, template: str, context: dict[str, Any]) -> Report:
    plots: Sequence[Plot] = context["plots"]
    files = [file for plot in plots for file in plot.save(folder / "plots")]
    page = folder / "report.html"
    write_text(page, render(template, folder, context))
    return Report(str(page), [str(file) for file in files], context["headline"])


def render(template: str, folder: Path, context: dict[str, Any]) -> str:
    """Fill a template; every value is text, but for the plots' own markup.

    Args:
        template: its name.
        folder: that the page will lie in, from which links start.
        context: what it shows.
    """
    from markupsafe import Markup

    environment = pages.environment("rnnlab.report")
    environment.filters |= {
        "duration": duration,
        "link": lambda path: link(folder, str(path)),
        "file_link": lambda path: _relative(folder, path),
        "scored": sections.scored,
        "inline": lambda plot: Markup(plot.inline()),
    }
    style = environment.get_template("style.css").render()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return environment.get_template(template).render(
        **context, style=Markup(style), style_hash=digest
    )


def link(folder: Path, path: str) -> str:
    """The address of a run directory from a page in `folder`: its report where it has one.

    Quoted, so that a name can be neither a scheme nor markup.
    """
    target = Path(path)
    page = target / "report.html"
    if target.resolve() != folder.resolve() and page.is_file():
        target = page
    return _relative(folder, target)


def _relative(folder: Path, target: Path) -> str:
    try:
        return quote(f"./{target.resolve().relative_to(folder.resolve())}")
    except ValueError:
        return quote(str(target.resolve()))
