"""Figures as SVG that a page can hold under a policy that allows no inline styles.

Matplotlib writes styles into `style` attributes and a sheet for the whole document, and numbers its
groups from one in every file. Here they become presentation attributes and ids of their own.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FONT = "DejaVu Sans, Verdana, Geneva, sans-serif"
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "rnnlab",
    "text.parse_math": False,  # text from data never becomes mathematics either
    "font.size": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.labelsize": 9.5,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 5,
}


def to_svg(figure: Figure) -> str:
    """The figure as an SVG document; the same bytes for the same figure."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return stream.getvalue()


def to_inline(svg: str, name: str, title: str, description: str) -> str:
    """An SVG document as an element of a page: no style, script, link or foreign id; with a title
    and a description for those who do not see it.

    Args:
        svg: as matplotlib writes it.
        name: unique in the page.
        title, description: what it shows.
    """
    root = ElementTree.fromstring(svg)
    parents = {child: parent for parent in root.iter() for child in parent}
    for element in list(root.iter()):
        tag = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
        if tag in ("metadata", "style"):
            parents[element].remove(element)
            continue
        element.tag = tag
        _plain_attributes(element, name)
    root.attrib.pop("width", None)
    root.attrib.pop("height", None)
    root.set("role", "img")
    root.set("aria-labelledby", f"{name}-title {name}-text")
    root.set("stroke-linejoin", "round")
    for number, (tag, text, suffix) in enumerate(
        (("title", title, "title"), ("desc", description, "text"))
    ):
        child = ElementTree.Element(tag, {"id": f"{name}-{suffix}"})
        child.text = text
        root.insert(number, child)
    return ElementTree.tostring(root, encoding="unicode")


def _plain_attributes(element: ElementTree.Element, name: str) -> None:
    for key in list(element.attrib):
        value = element.attrib.pop(key)
        plain = key.rpartition("}")[2]
        if plain == "style":
            element.attrib.update(_presentation(value, name))
        elif plain == "id":
            element.set("id", f"{name}-{value}")
        elif plain == "href" and value.startswith("#"):
            element.set("href", f"#{name}-{value[1:]}")
        elif plain != "href":
            element.set(plain, _own_references(value, name))


def _presentation(style: str, name: str) -> dict[str, str]:
    attributes = {}
    for declaration in filter(None, map(str.strip, style.split(";"))):
        key, _, value = declaration.partition(":")
        key, value = key.strip(), value.strip()
        if key == "font":  # a shorthand, which is no attribute
            size = re.search(r"[\d.]+px", value)
            attributes["font-size"] = size.group(0) if size else "9.5px"
            attributes["font-family"] = _FONT
            if "bold" in value or "700" in value:
                attributes["font-weight"] = "bold"
        elif key == "font-family":
            attributes[key] = _FONT
        else:
            attributes[key] = _own_references(value, name)
    return attributes


def _own_references(value: str, name: str) -> str:
    return re.sub(r"url\(#", f"url(#{name}-", value)
