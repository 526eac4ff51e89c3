"""Self-contained pages from the templates of this package: every value is text, never markup."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnlab.files import write_text
from rnnlab.wording import share

if TYPE_CHECKING:
    from jinja2 import Environment


def environment(package: str) -> Environment:
    """What fills the templates of a package; every value is text, and each must be given.

    Args:
        package: dotted name; its `templates` folder has them.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    found = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["share"] = share
    return found


def write_page(path: Path, template: str, **values: Any) -> None:
    """Fill a template and write the page whole.

    Args:
        path: the file.
        template: its name in `rnnlab/templates`.
        values: what it shows.
    """
    write_text(path, environment("rnnlab").get_template(template).render(**values))
