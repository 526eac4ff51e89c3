"""Tables as text and as HTML."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlab.display import Table, shortened

NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=40)
CELLS = st.one_of(st.none(), st.integers(), st.floats(), NAMES, st.just("a\nb\t<b>&amp;\x1b[31m"))


class Cells(HTMLParser):
    """The text of every cell, and the tags."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.cells: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        assert not attrs
        self.tags.add(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data):
        self.cells[-1] += data


@settings(max_examples=50)
@given(
    st.lists(NAMES, min_size=1, max_size=12, unique=True).flatmap(
        lambda names: st.lists(st.fixed_dictionaries(dict.fromkeys(names, CELLS)), min_size=1)
    )
)
def test_text_fits_and_html_is_escaped(rows):
    table = Table(rows)
    lines = repr(table).splitlines()
    assert all(len(line) <= 80 for line in lines)
    if len(rows) <= 20:
        found = Cells(table._repr_html_())
        assert found.tags <= {"table", "thead", "tbody", "tr", "th", "td"}
        assert len(found.cells) == (len(rows) + 1) * len(rows[0])


def test_a_table_by_hand():
    table = Table([{"name": "one", "n": 1, "x": 0.5}, {"name": "twelve", "n": 12, "x": None}])
    assert repr(table) == "name     n       x\none      1  0.5000\ntwelve  12"
    assert Cells(table._repr_html_()).cells == [
        *("name", "n", "x", "one", "1", "0.5000", "twelve", "12", ""),
    ]
    assert table == [{"name": "one", "n": 1, "x": 0.5}, {"name": "twelve", "n": 12, "x": None}]


def test_what_does_not_fit_is_counted():
    wide = Table({f"column {i}": "x" * 20 for i in range(5)} for _ in range(23))
    assert repr(wide).splitlines()[-1] == "... 3 more rows, 2 more columns"
    assert len(repr(wide).splitlines()) == 22
    assert "3 more rows" in wide._repr_html_()
    assert repr(Table()) == "(no rows)"
    assert "no rows" in Table()._repr_html_()


def test_shortened():
    assert shortened("a\n b", 9) == "a b"
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abcdefg", 6) == "abcde…"
    assert shortened("\x1b[31m\u202e", 9) == "�[31m�"
