"""Self-contained pages from the templates of this package: every value is text, never markup."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rnnlab.files import write_text
from rnnlab.wording import share


def write_page(path: Path, template: str, **values: Any) -> None:
    """Fill a template and write the page whole.

    Args:
        path: the file.
        template: its name in `rnnlab/templates`.
        values: what it shows.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("rnnlab"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["share"] = share
    write_text(path, environment.get_template(template).render(**values))
