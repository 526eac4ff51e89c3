"""Tables: what is written reads back equal, errors name file and line, and nothing is held."""

from __future__ import annotations

import csv
import json
import tracemalloc
from datetime import date, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlab.data.tables import EXTENSIONS, open_table, open_writer
from rnnlab.exceptions import UserError

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
HARD_TEXTS = TEXTS | st.sampled_from(
    [
        "",
        " leading",
        "a\nb",
        "a\r\nb",
        "a\rb",
        "\r",
        'say "no"',
        '"',
        "a,b",
        "a\tb",
        "\ufeff",
        "\u2028",
    ]
)
EXTENSION = pytest.mark.parametrize("extension", EXTENSIONS)


def rows_of(path, **options):
    """Return (line, values...) per row."""
    result = []
    for chunk in open_table(path).chunks(**options):
        values = [chunk.values(name) for name in chunk.columns]
        result += list(zip(chunk.lines, *values, strict=True))
    return result


def write(path, columns, like=None):
    with open_writer(path, list(columns), like) as writer:
        writer.write(columns)


def error_of(path):
    """Return the one line that reading a table raises, without its folder."""
    with pytest.raises(UserError) as caught:
        rows_of(path)
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(f"{path.parent}/", "")


@EXTENSION
@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.tuples(HARD_TEXTS, HARD_TEXTS), min_size=1, max_size=8))
def test_any_text_reads_back_equal(tmp_path_factory, extension, rows):
    path = tmp_path_factory.mktemp("table") / f"t{extension}"
    texts, others = (list(column) for column in zip(*rows, strict=True))
    write(path, {"text": texts, "other one": others})
    table = open_table(path)
    assert table.columns == ["text", "other one"]
    (chunk,) = table.chunks()
    assert chunk.texts("text") == texts
    assert chunk.texts("other one") == others


@EXTENSION
@settings(max_examples=20, deadline=None)
@given(texts=st.lists(HARD_TEXTS, min_size=1, max_size=5))
def test_a_single_column_reads_back_equal(tmp_path_factory, extension, texts):
    path = tmp_path_factory.mktemp("table") / f"t{extension}"
    write(path, {"text": texts})
    (chunk,) = open_table(path).chunks()
    assert chunk.texts("text") == texts


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.tuples(HARD_TEXTS, HARD_TEXTS), min_size=1, max_size=8))
def test_python_reads_the_csv_that_is_written(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("table") / "t.csv"
    first, second = (list(column) for column in zip(*rows, strict=True))
    write(path, {"a": first, "b": second})
    with path.open(encoding="utf-8", newline="") as file:
        assert [tuple(row) for row in csv.reader(file, strict=True)] == [("a", "b"), *rows]


@EXTENSION
def test_chunks_keep_order_and_lines_and_can_be_read_again(tmp_path, extension):
    path = tmp_path / f"t{extension.upper()}"
    write(path, {"n": [str(n) for n in range(10)], "m": ["x"] * 10})
    table = open_table(path)
    assert [len(chunk) for chunk in table.chunks(4)] == [4, 4, 2]
    first = 2 if extension in {".csv", ".tsv"} else 1
    assert rows_of(path, size=3, columns=["n"]) == [(n + first, str(n)) for n in range(10)]
    unit = "row" if extension == ".parquet" else "line"
    *_, last = table.chunks(4)
    assert last.where(1) == f"{path}, {unit} {9 + first}"


def test_lines_are_those_where_rows_start(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(
        b'\xef\xbb\xbfid,text\r\n\r\n1,"two\r\nlines"\r\n  \r\n"2",\xc3\xa9 "x"\r\n3,last'
    )
    assert open_table(path).columns == ["id", "text"]
    assert rows_of(path) == [(3, "1", "two\r\nlines"), (6, "2", 'é "x"'), (7, "3", "last")]
    path = tmp_path / "t.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}\r\n\r\n{"a": 2}')
    assert rows_of(path) == [(1, 1), (3, 2)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "t.csv is empty: its first line must name the columns"),
        (b"\n\n", "t.csv is empty: its first line must name the columns"),
        (b"a,b\n", "t.csv: no rows: a table needs at least one below its header"),
        (b"\na,a\n1,2\n", "t.csv, line 2: two columns are called 'a': rename one"),
        (b"a,b\n1,2\n3\n", "t.csv, line 3: 1 fields instead of 2"),
        (b'a,b\n"1\n1",2\n3,4,5\n', "t.csv, line 4: 3 fields instead of 2"),
        (b'a,b\n1,2\n3,"x\n4,y\n5,z\n', "t.csv, line 3: a quote opens here and never closes"),
        (
            b'a,b\n"x" y,2\n',
            "t.csv, line 2: ',' expected after '\"': close the quote that opens here",
        ),
        (b'a,b\n3,"x\n4,"y"\n', "t.csv, line 2: ',' expected after '\"': close the quote"),
        (
            b"a,b\n1,2\n3,\xe9t\xe9\n",
            "t.csv, line 3: byte 0xe9 is not UTF-8: save the file as UTF-8",
        ),
        ("a,b\n1,2\n".encode("utf-16"), "t.csv, line 1: byte 0xff is not UTF-8"),
        (b'a,b\n1,"x\n\xff"\n', "t.csv, line 3: byte 0xff is not UTF-8"),
        (b"a,b\n1,2\0\n", "t.csv, line 2: holds a NUL byte"),
        (b"a,b\r1,2\r3,4\r", "t.csv, line 1: a carriage return stands alone"),
    ],
)
def test_malformed_csv_names_its_line(tmp_path, content, message):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    assert error_of(path).startswith(message)
    path = tmp_path / "t.tsv"
    path.write_bytes(content.replace(b",", b"\t"))
    assert error_of(path).startswith(message.replace("t.csv", "t.tsv").replace("','", "'\t'"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "t.jsonl: no rows"),
        (b"\n \n", "t.jsonl: no rows"),
        (b'{"a": 1}\n{"a": }\n', "t.jsonl, line 2: not JSON (Expecting value at character 7)"),
        (b'{"a": 1}\n[1]\n', "t.jsonl, line 2: a JSON list instead of an object"),
        (b'{"a": 1}\n{"a":\n 1}\n', "t.jsonl, line 2: not JSON"),
        (b'{"a": "\xe9"}\n', "t.jsonl, line 1: byte 0xe9 is not UTF-8"),
        (b'{"a": 1}\0\n', "t.jsonl, line 1: holds a NUL byte"),
        (b'{"a": "\\ud83d"}\n', "t.jsonl, line 1: \\ud83d is half a character"),
        (b'{"a": ' + b"1" * 5000 + b"}\n", "t.jsonl, line 1: "),
        (b'{"a": ' + b"[" * 100_000 + b"\n", "t.jsonl, line 1: "),
    ],
)
def test_malformed_json_lines_are_found_on_opening(tmp_path, content, message):
    path = tmp_path / "t.jsonl"
    path.write_bytes(content)
    assert error_of(path).startswith(message)


def test_malformed_parquet_is_refused(tmp_path):
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1 nothing like it")
    assert error_of(path).startswith("t.parquet is not a whole Parquet file (")
    pq.write_table(pa.table({"a": ["x" * 100, "y" * 100]}), path, compression="none")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert error_of(path).startswith("t.parquet is not a whole Parquet file (")
    path.write_bytes(content[:4] + b"\xff" * 40 + content[44:])
    assert error_of(path).startswith("t.parquet is not a whole Parquet file (")
    pq.write_table(pa.table({"a": pa.array([], pa.string())}), path)
    assert error_of(path).startswith("t.parquet: no rows")
    pq.write_table(pa.table([[1], [2]], names=["a", "a"]), path)
    assert error_of(path).startswith("t.parquet: two columns are called 'a'")


def test_paths_that_are_no_tables_are_refused(tmp_path):
    (tmp_path / "reviews.csv").write_text("a\n1\n")
    (tmp_path / "folder.csv").mkdir()
    for name, message in {
        "review.csv": "review.csv: no such file; did you mean 'reviews.csv'?",
        "elsewhere/x.jsonl": "elsewhere/x.jsonl: no such file: check the path",
        "folder.csv": "folder.csv is a directory: name a file in it",
        "reviews.xlsx": "reviews.xlsx: '.xlsx' is not the extension of a table, which is one of "
        ".csv, .tsv, .jsonl, .ndjson, .parquet",
    }.items():
        with pytest.raises(UserError) as caught:
            open_table(tmp_path / name)
        assert str(caught.value) == f"{tmp_path}/{message}"[: len(str(caught.value))]
        assert str(caught.value).endswith(message)


def test_a_missing_column_is_named_with_those_present(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,review\n1,x\n")
    table = open_table(path)
    table.require("review", "data.text")
    with pytest.raises(UserError) as caught:
        table.require("reviews", "data.text")
    assert str(caught.value) == (
        f"{path}: no column 'reviews' among 'id', 'review'; set data.text to one of them; "
        "did you mean 'review'?"
    )
    path.write_text("id;review\n1;x\n")
    with pytest.raises(UserError, match="separated by ';': save the table with ','"):
        open_table(path).require("review", "data.text")


def test_long_fields_are_read_up_to_their_limit(tmp_path, monkeypatch):
    path = tmp_path / "t.csv"
    text = "word " * 100_000
    write(path, {"text": [text, text], "n": ["1", "2"]})
    assert rows_of(path) == [(2, text, "1"), (3, text, "2")]
    monkeypatch.setattr("rnnlab.data._table_base.LINE_BYTES", 1000)
    assert error_of(path) == "t.csv, line 2: longer than 0 MiB: is this a table?"


def test_chunks_of_long_texts_end_early(tmp_path, monkeypatch):
    for module in ("csv", "jsonl", "parquet"):
        monkeypatch.setattr(f"rnnlab.data._table_{module}.CHUNK_BYTES", 4000)
    for extension in EXTENSIONS:
        path = tmp_path / f"t{extension}"
        write(path, {"text": [f"{n:01000}" for n in range(10)]})
        sizes = [len(chunk) for chunk in open_table(path).chunks()]
        assert sum(sizes) == 10
        assert max(sizes) <= 4


@pytest.mark.parametrize("extension", [".csv", ".jsonl"])
def test_memory_does_not_grow_with_the_file(tmp_path, extension):
    path, copy = tmp_path / f"t{extension}", tmp_path / f"copy{extension}"
    with open_writer(path, ["text", "label"]) as writer:
        for _ in range(20):
            writer.write({"text": ["word " * 200] * 1000, "label": ["1"] * 1000})
    assert path.stat().st_size > 20_000_000
    tracemalloc.start()
    try:
        table = open_table(path)
        with open_writer(copy, table.columns, table) as writer:
            for chunk in table.chunks(256):
                writer.write(chunk.columns)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3_000_000
    assert copy.read_bytes() == path.read_bytes()


def fail_after(path, exception):
    with open_writer(path, ["a"]) as writer:
        writer.write({"a": ["x"] * 20_000})
        raise exception


@EXTENSION
def test_a_table_that_fails_leaves_nothing(tmp_path, extension):
    path = tmp_path / f"out{extension}"
    for exception in (RuntimeError, KeyboardInterrupt):
        with pytest.raises(exception):
            fail_after(path, exception)
        assert list(tmp_path.iterdir()) == []
    write(path, {"a": ["kept"]})
    before = path.read_bytes()
    with pytest.raises(RuntimeError):
        fail_after(path, RuntimeError)
    assert path.read_bytes() == before


@EXTENSION
def test_a_table_may_be_written_over_itself(tmp_path, extension):
    path = tmp_path / f"t{extension}"
    write(path, {"a": ["x", "y"]})
    table = open_table(path)
    with open_writer(path, ["a", "b"], table) as writer:
        for chunk in table.chunks(1):
            writer.write({**chunk.columns, "b": [0.5]})
    value = "0.5" if extension in {".csv", ".tsv"} else 0.5
    assert [row[1:] for row in rows_of(path)] == [("x", value), ("y", value)]


def test_targets_that_cannot_be_written_are_refused(tmp_path):
    (tmp_path / "file").touch()
    for path, message in [
        (tmp_path / "t.txt", "'.txt' is not the extension of a table"),
        (tmp_path / "file" / "t.csv", "cannot be created"),
    ]:
        with pytest.raises(UserError, match=message), open_writer(path, ["a"]):
            pass
    (tmp_path / "t.csv").mkdir()
    with pytest.raises(UserError, match="is a directory"), open_writer(tmp_path / "t.csv", ["a"]):
        pass
    with (
        pytest.raises(UserError, match="two columns would be called 'label'"),
        open_writer(tmp_path / "u.csv", ["label", "label"]),
    ):
        pass


@EXTENSION
def test_columns_of_unequal_length_are_a_bug(tmp_path, extension):
    with pytest.raises(ValueError, match=r"shorter|length"):
        write(tmp_path / f"t{extension}", {"a": ["x", "y"], "b": ["x"]})


@EXTENSION
def test_a_table_without_rows_can_be_written(tmp_path, extension):
    path = tmp_path / f"t{extension}"
    with open_writer(path, ["a", "b"]):
        pass
    assert "no rows" in error_of(path)


@EXTENSION
def test_numbers_keep_every_digit(tmp_path, extension):
    path = tmp_path / f"t{extension}"
    values = np.array([0.1, 1 / 3, 1e-300], dtype=np.float64)
    write(path, {"p": values, "q": list(values), "n": [1, 2, 3]})
    read = [[float(value) for value in row[1:]] for row in rows_of(path)]
    assert read == [[value, value, n] for n, value in enumerate(values.tolist(), 1)]


def test_json_objects_may_differ_in_their_keys(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"text": "x"}\n{"label": 1, "text": null}\n{}\n')
    assert open_table(path).columns == ["text", "label"]
    assert rows_of(path) == [(1, "x", None), (2, None, 1), (3, None, None)]
    (chunk,) = open_table(path).chunks()
    assert chunk.texts("text") == ["x", "", ""]
    with pytest.raises(UserError, match=r"t\.jsonl, line 2: column 'label' holds int instead of"):
        chunk.texts("label")


ROWS = [
    {"t": "x", "i": 1, "f": 1, "b": True, "m": 1, "n": None, "l": [1, {"k": "é"}], "h": 2**70},
    {"t": "y", "i": None, "f": 0.5, "b": None, "m": "one", "n": None, "l": None, "h": 1},
]


def test_json_values_pass_through(tmp_path):
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    table = open_table(source)
    for name in ("out.ndjson", "out.parquet", "out.csv"):
        with open_writer(tmp_path / name, table.columns, table) as writer:
            for chunk in table.chunks(1):
                writer.write(chunk.columns)
    assert list(map(json.loads, (tmp_path / "out.ndjson").read_text().splitlines())) == ROWS
    written = pq.read_table(tmp_path / "out.parquet")
    kinds = ["string", "int64", "double", "bool", "string", "string", "string", "string"]
    assert [str(kind) for kind in written.schema.types] == kinds
    assert written.to_pylist() == [
        {**ROWS[0], "f": 1.0, "m": "1", "l": '[1, {"k": "é"}]', "h": str(2**70)},
        {**ROWS[1], "h": "1"},
    ]
    assert rows_of(tmp_path / "out.csv") == [
        (2, "x", "1", "1", "true", "1", "", '[1, {"k": "é"}]', str(2**70)),
        (3, "y", "", "0.5", "", "one", "", "", "1"),
    ]


def test_what_json_lacks_is_null(tmp_path):
    path = tmp_path / "t.jsonl"
    write(path, {"a": [float("nan"), 1.5], "b": [{"k": [float("inf")]}, "x"]})
    assert path.read_text() == '{"a": null, "b": {"k": [null]}}\n{"a": 1.5, "b": "x"}\n'


def test_parquet_types_pass_through(tmp_path):
    source = tmp_path / "in.parquet"
    table = pa.table(
        {
            "text": pa.array(["x", None], pa.large_string()),
            "kind": pa.array(["a", "b"]).dictionary_encode(),
            "when": pa.array([datetime(2020, 1, 2), None], pa.timestamp("ns")),
            "day": pa.array([date(2020, 1, 2), None]),
            "price": pa.array([Decimal("4.00"), None], pa.decimal128(6, 2)),
            "small": pa.array([1, None], pa.int8()),
            "list": pa.array([[1], None]),
        }
    )
    pq.write_table(table, source)
    reader = open_table(source)
    for name in ("out.parquet", "out.csv", "out.jsonl"):
        with open_writer(tmp_path / name, [*reader.columns, "p", "label"], reader) as writer:
            for chunk in reader.chunks(1):
                assert chunk.texts("text") in (["x"], [""])
                added = {"p": np.array([0.5], np.float32), "label": ["good"]}
                writer.write({**chunk.columns, **added})
    written = pq.read_table(tmp_path / "out.parquet")
    assert written.select(table.column_names).equals(table)
    assert [str(kind) for kind in written.schema.types[-2:]] == ["double", "string"]
    cells = ("x", "a", "2020-01-02 00:00:00.000000000", "2020-01-02", "4.00", "1", "[1]")
    assert rows_of(tmp_path / "out.csv")[0] == (2, *cells, "0.5", "good")
    assert rows_of(tmp_path / "out.jsonl")[0] == (1, *cells[:5], 1, [1], 0.5, "good")


def test_parquet_values_without_a_plain_form_are_refused(tmp_path):
    path = tmp_path / "t.parquet"
    bad_text = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")]
    )
    pq.write_table(pa.table({"bytes": pa.array([b"\xff"]), "text": bad_text}), path)
    table = open_table(path)
    (chunk,) = table.chunks()
    with pytest.raises(UserError, match=r"t\.parquet, row 1: column 'bytes' holds bytes instead"):
        chunk.texts("bytes")
    with pytest.raises(UserError, match=r"t\.parquet, row 1 or after, column 'text'"):
        chunk.texts("text")
    for extension in (".csv", ".jsonl"):
        with pytest.raises(UserError, match=r"type bytes cannot be written .* write a \.parquet"):
            write(tmp_path / f"out{extension}", {"bytes": chunk.columns["bytes"]})


def test_parquet_row_groups_are_neither_tiny_nor_all_in_one(tmp_path):
    path = tmp_path / "t.parquet"
    with open_writer(path, ["a"]) as writer:
        for _ in range(20):
            writer.write({"a": ["x"] * 1000})
    assert pq.ParquetFile(path).metadata.num_row_groups == 2
    assert len(rows_of(path)) == 20_000
