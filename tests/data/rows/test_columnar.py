import datetime as dt
import decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.rows.reading import read_file
from tuneline.data.rows.pieces import pieces, read_piece
from tuneline.errors import DataError

TABLE = pa.table({"a": [str(number) for number in range(10_000)], "b": [[1, 2]] * 10_000})
EXPECTED = [(number + 1, {"a": str(number), "b": [1, 2]}) for number in range(10_000)]


@pytest.mark.parametrize("group_rows", [10_000, 300])
@pytest.mark.parametrize("piece_bytes", [1, 10_000, 10**9])
def test_parquet_comes_back_however_it_is_cut(tmp_path, group_rows, piece_bytes):
    pq.write_table(TABLE, tmp_path / "a", row_group_size=group_rows)
    assert read_file(tmp_path / "a", "parquet", piece_bytes) == EXPECTED
    cut = pieces(tmp_path / "a", "file", "parquet", piece_bytes)
    assert (len(cut) == 1) == (piece_bytes == 10**9 or group_rows == 10_000)


@pytest.mark.parametrize("new", [pa.ipc.new_file, pa.ipc.new_stream])
@pytest.mark.parametrize("piece_bytes", [1, 10**9])
def test_arrow_comes_back_however_it_is_cut(tmp_path, new, piece_bytes):
    with new(str(tmp_path / "a"), TABLE.schema) as writer:
        writer.write_table(TABLE, max_chunksize=777)
    assert read_file(tmp_path / "a", "arrow", piece_bytes) == EXPECTED


def one_column(folder, cells):
    pq.write_table(pa.table({"a": cells}), folder / "a")
    return [value if isinstance(value, str) else value["a"] for _, value in columnar_rows(folder)]


def columnar_rows(folder):
    return read_file(folder / "a", "parquet")


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (pa.array([1.5, np.nan, None, np.inf]), [1.5, None, None, "nan"]),
        (pa.array([[1.5, np.nan], [-np.inf]]), [[1.5, None], "nan"]),
        (pa.array([{"b": {"c": np.inf}}, {"b": {"c": 1.0}}]), ["nan", {"b": {"c": 1.0}}]),
        (pa.array([decimal.Decimal("1.10"), None]), ["1.10", None]),
        (pa.array([[decimal.Decimal("1.10")]]), [["1.10"]]),
        (pa.array([dt.date(2024, 2, 29)]), ["2024-02-29"]),
        (pa.array([1], pa.timestamp("ns")), ["1970-01-01 00:00:00.000000001"]),
        (pa.array([b"text", b"\xff\x00", None]), ["text", "binary_cell", None]),
        (pa.array(["x", "y", "x"]).dictionary_encode(), ["x", "y", "x"]),
        (
            pa.array([[("k", 1)], [("k", 1), ("k", 2)]], pa.map_(pa.string(), pa.int64())),
            [{"k": 1}, "duplicate_key"],
        ),
        (pa.array([2**63, 1], pa.uint64()), [2**63, 1]),
        (pa.array(["x", None], pa.large_string()), ["x", None]),
    ],
)
def test_cells_that_json_has_no_word_for(tmp_path, cells, expected):
    assert one_column(tmp_path, cells) == expected


def test_a_pandas_frame_with_holes(tmp_path):
    frame = pd.DataFrame({"a": ["x", None], "n": [1.0, np.nan], "c": pd.Categorical(["u", "v"])})
    frame.to_parquet(tmp_path / "a")
    assert columnar_rows(tmp_path) == [
        (1, {"a": "x", "n": 1.0, "c": "u"}),
        (2, {"a": None, "n": None, "c": "v"}),
    ]


def test_bad_text_is_one_row(tmp_path):
    offsets = pa.array([0, 1, 2, 3], pa.int32()).buffers()[1]
    bad = pa.StringArray.from_buffers(3, offsets, pa.py_buffer(b"a\xffc"))
    assert one_column(tmp_path, bad) == ["a", "bad_utf8", "c"]


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_a_cut_file_is_named(tmp_path, form):
    if form == "parquet":
        pq.write_table(TABLE, tmp_path / "whole")
    else:
        with pa.ipc.new_file(str(tmp_path / "whole"), TABLE.schema) as writer:
            writer.write_table(TABLE)
    (tmp_path / "a").write_bytes((tmp_path / "whole").read_bytes()[:-20])
    with pytest.raises(DataError, match=r"file: is a broken (Parquet|Arrow) file"):
        read_file(tmp_path / "a", form)


def test_a_stream_that_ends_early_is_named(tmp_path):
    with pa.ipc.new_stream(str(tmp_path / "whole"), TABLE.schema) as writer:
        writer.write_table(TABLE, max_chunksize=5000)
    (tmp_path / "a").write_bytes((tmp_path / "whole").read_bytes()[:-1000])
    with pytest.raises(DataError, match=r"file: is a broken Arrow file"):
        read_file(tmp_path / "a", "arrow")


def test_a_column_that_is_there_twice_is_refused(tmp_path):
    twice = pa.Table.from_arrays([pa.array(["x"]), pa.array(["y"])], names=["a", "a"])
    pq.write_table(twice, tmp_path / "a")
    with pytest.raises(DataError, match="file: names a column twice: a"):
        pieces(tmp_path / "a", "file", "parquet")


def test_rows_without_text_have_no_raw_bytes(tmp_path):
    pq.write_table(TABLE, tmp_path / "a")
    [piece] = pieces(tmp_path / "a", "file", "parquet")
    reader = read_piece(piece)
    assert {raw for rows in reader for raw in rows.raws} == {None}
    assert reader.lines == 10_000
