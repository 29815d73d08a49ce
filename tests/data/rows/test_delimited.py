import csv
import io
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.rows.reading import read
from tuneline.data.rows import lines
from tuneline.data.rows.pieces import pieces, read_piece
from tuneline.errors import DataError


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


@settings(max_examples=60)
@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=8))
def test_csv_cells_come_back_as_written(tmp_path_factory, values):
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerows([("a", "b"), *values])
    path = tmp_path_factory.mktemp("csv") / "a"
    read_back = [value for _, value in read(path, text.getvalue().encode(), "csv")]
    assert read_back == [{"a": first, "b": second} for first, second in values]


def test_tsv_is_csv_with_tabs(tmp_path):
    content = b'a\tb\r\n"1\t2"\t3,4\r\n'
    assert read(tmp_path / "a", content, "tsv") == [(2, {"a": "1\t2", "b": "3,4"})]


def test_a_nul_and_a_long_line_cost_their_records(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 16)
    content = b"a,b\n1,\0\n2," + b"x" * 50 + b"\n3,4\n"
    assert read(tmp_path / "a", content, "csv") == [
        (2, "nul_byte"),
        (3, "too_long_line"),
        (4, {"a": "3", "b": "4"}),
    ]


def test_a_quote_that_is_never_closed_takes_bounded_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 100_000)
    (tmp_path / "a").write_bytes(b'a,b\n1,"open\n' + b"some more text\n" * 60_000)
    [piece] = pieces(tmp_path / "a", "file", "csv")
    reader = read_piece(piece)
    tracemalloc.start()
    codes = [[row.error.reason for row in rows.rejected] for rows in reader]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert codes[0][0] == "too_long_line"
    assert {code for part in codes for code in part[1:]} == {"wrong_columns"}
    assert reader.lines == 60_002
    assert peak < 8_000_000


def test_a_file_is_one_piece_and_counts_its_lines(tmp_path):
    (tmp_path / "a").write_bytes(b'a\n"x\ny"\n\nz\n')
    [piece] = pieces(tmp_path / "a", "file", "csv", piece_bytes=1)
    reader = read_piece(piece)
    [rows] = reader
    assert rows.raws == [b'"x\ny"', b"z"]
    assert reader.lines == 5
