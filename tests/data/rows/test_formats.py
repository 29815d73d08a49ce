import pytest

from tuneline.data.rows.formats import format_of
from tuneline.errors import DataError

ROW = b'{"prompt": "a", "completion": "b"}\n'


@pytest.mark.parametrize(
    ("name", "content", "form"),
    [
        ("a.jsonl", ROW, "jsonl"),
        ("a.ndjson", b"\xef\xbb\xbf\r\n" + ROW, "jsonl"),
        ("a.jsonl", b"{broken\n" + ROW, "jsonl"),
        ("a.jsonl", b'{"prompt": "' + b"x" * 100_000, "jsonl"),
        ("a.csv", b"prompt,completion\na,b\n", "csv"),
        ("a.csv", b"prompt\na\n", "csv"),
        ("a.parquet", b"PAR1....", "parquet"),
        ("artifact", ROW, "jsonl"),
        ("artifact", b"prompt,completion\n", "csv"),
        ("artifact", b"PAR1....", "parquet"),
        ("a.json", ROW, "jsonl"),
        ("a.json", b"{broken\n" + ROW, "jsonl"),
        ("a.json", b'{"messages": [{"role": "user"}]}', "jsonl"),
        ("a.json", b'\xef\xbb\xbf [\n  {\n    "prompt": "a"\n  }\n]\n', "json"),
        ("a.json", b"[1, 2]", "json"),
        ("artifact", b'[{"prompt": "a"}]', "json"),
        ("a.tsv", b"prompt\tcompletion\na, b\tc\n", "tsv"),
        ("artifact", b"prompt\tcompletion\n", "tsv"),
        ("a.arrow", b"ARROW1..", "arrow"),
        ("a.feather", b"\xff\xff\xff\xff\x10", "arrow"),
        ("a.jsonl.gz", ROW, "jsonl"),
        ("a.CSV.ZST", b"prompt\na\n", "csv"),
        ("project.set.table", b"PAR1....", "parquet"),
    ],
)
def test_suffix_or_content_decides(tmp_path, name, content, form):
    path = tmp_path / "file"
    path.write_bytes(content)
    assert format_of(path, name) == form


@pytest.mark.parametrize(
    ("name", "content", "looks_like"),
    [
        ("a.jsonl", b"\x89PNG\r\n\x1a\n", "a PNG image"),
        ("a.jsonl", b"PAR1", "Parquet"),
        ("a.jsonl", b"prompt,completion\na,b\n", "CSV"),
        ("a.jsonl", b"hello\n", "plain text"),
        ("a.jsonl", b'[{"prompt": "a"}]', "a JSON array"),
        ("a.jsonl", b'[\n  {\n    "prompt": "a"\n  }\n]\n', "a JSON array"),
        ("a.jsonl", b"\x1f\x8b\x08", "gzip; unpack it first"),
        ("a.jsonl", '{"prompt": "a"}'.encode("utf-16"), "UTF-16 text; save it as UTF-8"),
        ("a.csv", ROW, "JSON lines"),
        ("a.csv", b"<!DOCTYPE html><html>", "an HTML page"),
        ("a.csv", b"PK\x03\x04", "a ZIP archive"),
        ("a.parquet", ROW, "JSON lines"),
        ("a.parquet", bytes(range(256)), "binary data"),
        ("a.xlsx", b"PK\x03\x04", "a ZIP archive"),
        ("a.tsv", ROW, "JSON lines"),
        ("a.json", b'{\n  "data": [\n    {"a": 1},\n    {"a": 2}\n  ]\n}\n', "one JSON object"),
        ("a.json", b'{"rows": [{"a": 1}, {"a": 2}]}', "one JSON object"),
        ("a.json", b'{"rows": [' + b'{"a": 1},' * 20_000, "one JSON object"),
        ("a.json", b"prompt,completion\n", "CSV"),
        ("a.arrow", b"FEA1....", "Feather version 1"),
        ("a.txt", b"hello\n", "plain text"),
    ],
)
def test_another_content_is_refused_by_name_and_look(tmp_path, name, content, looks_like):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DataError) as raised:
        format_of(path, name)
    assert str(raised.value).startswith(f"{name}: ")
    assert f"looks like {looks_like}" in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.jsonl: is empty"):
        format_of(path, "a.jsonl")
