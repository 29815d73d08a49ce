import csv
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneline.data import rows as rows_module
from tuneline.data.problems import RowError
from tuneline.data.rows import raw_text, read_rows
from tuneline.errors import DataError


def read(path, content, form):
    path.write_bytes(content)
    return [
        (row.number, row.value.reason if isinstance(row.value, RowError) else row.value)
        for row in read_rows(path, "file", form)
    ]


def test_jsonl_numbers_are_physical_lines(tmp_path):
    content = b'\xef\xbb\xbf{"a": 1}\r\n\r\n  \n{"a": 2}\nnot json\n[1]\n"\xff"\n{"a": 3}'
    assert read(tmp_path / "a", content, "jsonl") == [
        (1, {"a": 1}),
        (4, {"a": 2}),
        (5, "bad_json"),
        (6, "not_object"),
        (7, "bad_utf8"),
        (8, {"a": 3}),
    ]


@pytest.mark.parametrize("line", [b'{"a": NaN}', b'{"a": "\\ud800"}', b"[" * 5000])
def test_jsonl_that_only_some_parsers_take_is_rejected(tmp_path, line):
    assert read(tmp_path / "a", line + b"\n", "jsonl") == [(1, "bad_json")]


def test_a_line_that_is_too_long_is_skipped_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(rows_module, "MAX_LINE_BYTES", 16)
    content = b'{"a": "' + b"x" * 100 + b'"}\n{"a": 1}\n'
    assert read(tmp_path / "a", content, "jsonl") == [(1, "too_long_line"), (2, {"a": 1})]


def test_csv_numbers_are_the_first_line_of_a_record(tmp_path):
    content = b'\xef\xbb\xbfa,b\r\n1,"two\r\nlines"\r\n\r\n2,\xff\r\n3\r\n4,"x"y\r\n5,ok\r\n'
    assert read(tmp_path / "a", content, "csv") == [
        (2, {"a": "1", "b": "two\r\nlines"}),
        (5, "bad_utf8"),
        (6, "wrong_columns"),
        (7, "bad_csv"),
        (8, {"a": "5", "b": "ok"}),
    ]


def test_csv_with_an_unclosed_quote_rejects_the_record_by_its_first_line(tmp_path):
    assert read(tmp_path / "a", b'a,b\n1,2\n3,"open\n4,5\n', "csv") == [
        (2, {"a": "1", "b": "2"}),
        (3, "bad_csv"),
    ]


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"a,b,a\n1,2,3\n", "file:1: the header names a column twice: a"),
        (b"a,\xff\n1,2\n", "file:1: the header is not UTF-8"),
        (b'a,"b"c\n1,2\n', "file:1: the header is not CSV"),
    ],
)
def test_a_csv_header_that_cannot_be_used(tmp_path, content, part):
    with pytest.raises(DataError, match=part):
        read(tmp_path / "a", content, "csv")


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=20)


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=8))
def test_csv_cells_come_back_as_written(tmp_path_factory, values):
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerows([("a", "b"), *values])
    path = tmp_path_factory.mktemp("csv") / "a"
    read_back = [value for _, value in read(path, text.getvalue().encode(), "csv")]
    assert read_back == [{"a": first, "b": second} for first, second in values]


def test_parquet_rows_are_numbered_and_bad_text_is_one_row(tmp_path):
    bad = pa.StringArray.from_buffers(
        3, pa.py_buffer(pa.array([0, 1, 2, 3], pa.int32()).buffers()[1]), pa.py_buffer(b"a\xffc")
    )
    pq.write_table(pa.table({"text": bad}), tmp_path / "a")
    found = list(read_rows(tmp_path / "a", "file", "parquet"))
    assert [row.number for row in found] == [1, 2, 3]
    assert [found[0].value, found[2].value] == [{"text": "a"}, {"text": "c"}]
    assert isinstance(found[1].value, RowError)
    assert found[1].value.reason == "bad_utf8"


def test_a_cut_parquet_file_is_named(tmp_path):
    pq.write_table(pa.table({"text": ["a"] * 1000}), tmp_path / "whole")
    (tmp_path / "a").write_bytes((tmp_path / "whole").read_bytes()[:-20])
    with pytest.raises(DataError, match=r"file: is a broken Parquet file"):
        list(read_rows(tmp_path / "a", "file", "parquet"))


def test_raw_text_is_cut_and_shows_broken_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"\xff" + b"x" * 5000 + b"\n")
    [row] = read_rows(tmp_path / "a", "file", "jsonl")
    assert raw_text(row) == "\\xff" + "x" * 1996
