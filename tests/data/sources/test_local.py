import bz2
import gzip
import os
import socket
from collections.abc import Callable

import pyarrow as pa
import pytest

from tuneline.data.sources.opened import opened
from tuneline.errors import ConfigurationError, DataError
from tuneline.files import sha256_file

ROWS = b'{"a": 1}\n' * 1000
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".zst": lambda content: pa.compress(content, codec="zstd", asbytes=True),
}


def names(*uris):
    with opened({"data": [(str(uri), 1.0) for uri in uris]}) as sources:
        return [source.name for source in sources]


def problems(*uris):
    with pytest.raises(ConfigurationError) as raised:
        names(*uris)
    return raised.value.problems


@pytest.fixture
def folder(tmp_path):
    for name in ("b.jsonl", "a.csv", "deep/b.jsonl", ".hidden.jsonl", ".git/c.csv", "_SUCCESS"):
        (tmp_path / "f" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "f" / name).write_bytes(ROWS)
    return tmp_path / "f"


def test_a_file_is_read_where_it_is(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(ROWS)
    uri = f"file://{tmp_path}/a.jsonl"
    with opened({"data": [(uri, 0.5)], "test": [("", 1.0)]}) as [source]:
        assert (source.purpose, source.name, source.weight) == ("data", "a.jsonl", 0.5)
        assert source.path == tmp_path / "a.jsonl"
        assert source.sha256 == sha256_file(tmp_path / "a.jsonl")
        assert source.mixture == uri


def test_a_folder_gives_its_data_files_sorted_and_named_apart(folder, caplog):
    (folder / "README.md").write_text("read me")
    assert names(folder) == ["a.csv", "f/b.jsonl", "deep/b.jsonl"]
    assert "left out: 1 with .md" in caplog.text


def test_files_of_one_uri_share_their_mixture(folder):
    with opened({"data": [(str(folder), 2.0)]}) as sources:
        assert {(source.mixture, source.weight) for source in sources} == {(str(folder), 2.0)}


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.jsonl", ["b.jsonl"]),
        ("**/*.jsonl", ["f/b.jsonl", "deep/b.jsonl"]),
        ("[a-b].*", ["a.csv", "b.jsonl"]),
        ("*", ["_SUCCESS", "a.csv", "b.jsonl"]),
    ],
)
def test_globs(folder, pattern, found):
    assert names(folder / pattern) == found


def test_a_file_whose_name_looks_like_a_pattern(tmp_path):
    (tmp_path / "a[1].jsonl").write_bytes(ROWS)
    assert names(tmp_path / "a[1].jsonl") == ["a[1].jsonl"]


def test_every_problem_of_every_uri_is_listed(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.md").write_text("x")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
    uris = ["none.jsonl", "*.none", "empty", "notes", "pipe", "socket"]
    found = problems(
        *(tmp_path / uri for uri in uris), "ftp://h/a", "gs://a::file://b", "/dev/null"
    )
    texts = ["no such file", "matches no file", "holds no data file", "1 with .md", "no regular"]
    texts += ["no regular", "not taken", "not taken", "no regular file"]
    assert len(found) == len(texts)
    for problem, text in zip(found, texts, strict=True):
        assert text in problem


def test_a_file_is_taken_once_for_a_purpose_and_may_have_two(folder):
    assert "given twice" in problems(folder, folder / "a.csv")[0]
    uri = str(folder / "a.csv")
    with opened({"data": [(uri, 1.0)], "test": [(uri, 1.0)]}) as sources:
        assert [source.name for source in sources] == ["data:a.csv", "test:a.csv"]


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize("named", [True, False])
def test_compressed_files_are_unpacked_whatever_their_name(tmp_path, suffix, named):
    path = tmp_path / f"a.jsonl{suffix if named else ''}"
    path.write_bytes(COMPRESS[suffix](ROWS) * 2)
    with opened({"data": [(str(path), 1.0)]}) as [source]:
        assert source.path.read_bytes() == ROWS * 2
        assert source.sha256 == sha256_file(path)
        assert source.name == path.name
        unpacked = source.path
    assert not unpacked.exists()


def test_a_name_that_claims_compression_is_not_believed(tmp_path):
    (tmp_path / "a.jsonl.gz").write_bytes(ROWS)
    with opened({"data": [(str(tmp_path / "a.jsonl.gz"), 1.0)]}) as [source]:
        assert source.path.read_bytes() == ROWS


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize("damage", ["cut", "changed", "tail"])
def test_a_damaged_compressed_file_is_named(tmp_path, suffix, damage):
    packed = bytearray(COMPRESS[suffix](os.urandom(50_000)))
    if damage == "cut":
        del packed[-9:]
    elif damage == "changed":
        packed[len(packed) // 2 : len(packed) // 2 + 40] = b"\xff" * 40
        del packed[-6:]
    else:
        packed += b"not compressed"
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(packed)
    with pytest.raises(DataError, match=rf"a\.jsonl\{suffix}: is cut off or damaged"):
        names(path)
