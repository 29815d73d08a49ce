"""Every form in which examples may be given, through the whole stage."""

import gzip
import json
from typing import Any

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from tests.data.source_files import names_in, pairs, prepare_into, splits_in, write_jsonl
from tests.data.stage.pieces import small_pieces
from tuneline.errors import DataError

ROWS = [{**row, "prompt": f'{row["prompt"]}, "quoted",\ttabbed\nand broken é'} for row in pairs(60)]


def ids_in(folder):
    return {
        split: [example.example_id for example in examples]
        for split, examples in splits_in(folder).items()
    }


def delimited(mark):
    cells = [("prompt", "completion"), *(tuple(row.values()) for row in ROWS)]
    quoted = [mark.join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row) for row in cells]
    return "\n".join(quoted).encode()


def jsonl():
    return b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)


def table_bytes(write):
    sink = pa.BufferOutputStream()
    write(pa.Table.from_pylist(ROWS), sink)
    return sink.getvalue().to_pybytes()


def ipc_stream(table, sink):
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)


def zst(content):
    return pa.compress(content, codec="zstd", asbytes=True)


FORMS = {
    "a.jsonl": ("jsonl", jsonl),
    "a.ndjson": ("jsonl", jsonl),
    "a.jsonl.gz": ("jsonl", lambda: gzip.compress(jsonl())),
    "a.jsonl.zst": ("jsonl", lambda: zst(jsonl())),
    "a.json": ("json", lambda: json.dumps(ROWS, indent=1).encode()),
    "a.csv": ("csv", lambda: delimited(",")),
    "a.csv.gz": ("csv", lambda: gzip.compress(delimited(","))),
    "a.tsv": ("tsv", lambda: delimited("\t")),
    "a.parquet": ("parquet", lambda: table_bytes(pq.write_table)),
    "a.arrow": ("arrow", lambda: table_bytes(pyarrow.feather.write_feather)),
    "b.arrow": ("arrow", lambda: table_bytes(ipc_stream)),
    "artifact": ("jsonl", jsonl),
}


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    folder = tmp_path_factory.mktemp("expected")
    prepare_into(folder / "out", write_jsonl(folder / "a.jsonl", ROWS))
    return ids_in(folder / "out")


@pytest.mark.parametrize("name", FORMS)
def test_each_form_gives_the_same_examples(tmp_path, expected, name):
    form, content = FORMS[name]
    (tmp_path / name).write_bytes(content())
    manifest = prepare_into(tmp_path / "out", tmp_path / name)
    [source] = manifest.sources
    assert (source.file, source.format, source.kept) == (name, form, 60)
    assert ids_in(tmp_path / "out") == expected


@pytest.mark.parametrize("given", ["{}", "{}/*.jsonl", "{}/[ab].*", "{}/**/*.jsonl", "file://{}"])
def test_files_of_a_folder_or_pattern_are_one_data_set(tmp_path, expected, given):
    folder = tmp_path / "data"
    folder.mkdir()
    write_jsonl(folder / "b.jsonl", ROWS[40:])
    write_jsonl(folder / "a.jsonl", ROWS[:40])
    (folder / ".hidden.jsonl").write_text("{")
    manifest = prepare_into(tmp_path / "out", given.format(folder))
    assert [(source.file, source.rows) for source in manifest.sources] == [
        ("a.jsonl", 40),
        ("b.jsonl", 20),
    ]
    found = ids_in(tmp_path / "out")
    assert {split: sorted(ids) for split, ids in found.items()} == {
        split: sorted(ids) for split, ids in expected.items()
    }


def test_a_folder_may_hold_files_of_every_form(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.csv").write_bytes(delimited(","))
    (folder / "b.json").write_bytes(json.dumps(pairs(5, start=100)).encode())
    write_jsonl(folder / "c.jsonl", pairs(6, start=200))
    (folder / "notes.pdf").write_bytes(b"%PDF-1.7")
    manifest = prepare_into(tmp_path / "out", folder)
    assert [(source.file, source.format, source.kept) for source in manifest.sources] == [
        ("a.csv", "csv", 60),
        ("b.json", "json", 5),
        ("c.jsonl", "jsonl", 6),
    ]


def test_a_damaged_archive_leaves_nothing(tmp_path):
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(jsonl())[:-20])
    with pytest.raises(DataError, match=r"a\.jsonl\.gz"):
        prepare_into(tmp_path / "out", tmp_path / "a.jsonl.gz")
    assert names_in(tmp_path / "out") == []


def test_row_numbers_are_the_lines_of_the_file_in_every_piece(tmp_path, monkeypatch):
    odd: list[Any] = ["", "{broken"]
    rows = [*pairs(30), *odd, *pairs(30, start=30), *pairs(1), {"prompt": "no answer"}]
    data = write_jsonl(tmp_path / "a.jsonl", rows)
    assert small_pieces(monkeypatch, data) > 5
    manifest = prepare_into(tmp_path / "out", data)
    for examples in splits_in(tmp_path / "out").values():
        for example in examples:
            assert rows[example.row - 1]["prompt"] == example.turns[0].text
    left_out = pq.read_table(tmp_path / "out" / "rejected.parquet").to_pylist()
    assert [(row["row"], row["reason"]) for row in left_out] == [
        (32, "bad_json"),
        (63, "duplicate"),
        (64, "missing_field"),
    ]
    assert left_out[1]["message"] == "is the same example as a.jsonl:1, which is kept."
    assert "The first: a.jsonl:32: is not JSON" in manifest.warnings[0]
