"""Files of tests."""

from __future__ import annotations

import csv
import json
import pickle

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tuneline.errors import DataError
from tuneline.evaluation.sandbox.code_tests import read_tests

_ROWS = [
    {"prompt": "Add two numbers.", "tests": "assert add(1, 2) == 3\n"},
    {"prompt": "Größe, in\nlines", "tests": 'def test_a():\n    assert a() == ","\n'},
]


def _jsonl(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _csv(path, rows):
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _parquet(path, rows):
    pq.write_table(pa.Table.from_pylist(rows), path)


_WRITERS = {"jsonl": _jsonl, "csv": _csv, "parquet": _parquet}


@pytest.fixture(params=_WRITERS)
def write(request, tmp_path):
    def written(rows):
        path = tmp_path / f"tests.{request.param}"
        _WRITERS[request.param](path, rows)
        return path

    return written


def test_tests_are_found_by_prompt(write):
    tests = read_tests(write(_ROWS))
    assert [tests.of(row["prompt"]) for row in _ROWS] == [row["tests"] for row in _ROWS]
    assert tests.of("  Größe, in\nlines\n") == _ROWS[1]["tests"]
    again = pickle.loads(pickle.dumps(tests))
    assert again.of("Add two numbers.") == _ROWS[0]["tests"]


def test_a_prompt_without_tests_is_named(write):
    with pytest.raises(DataError, match=r"tests\.\w+: has no tests for the prompt 'Subtract'"):
        read_tests(write(_ROWS)).of("Subtract")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"prompt": " Add two numbers.", "tests": "assert 1"}, "repeats the prompt of row"),
        ({"prompt": "", "tests": "assert 1"}, "prompt is empty"),
        ({"prompt": "b", "tests": " \n"}, "tests is empty"),
        ({"prompt": "b", "tests": "assert ("}, "tests do not parse"),
        ({"prompt": "b", "tests": "def check(f):\n    assert f(1)"}, "tests run nothing"),
        ({"prompt": "b", "tests": "def test_a(client):\n    assert a()"}, "tests run nothing"),
        ({"prompt": "b", "tests": "'''Adds.'''\nimport math\nX: int = 1"}, "tests run nothing"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(write, row, message):
    with pytest.raises(DataError, match=rf"tests\.\w+:\d+: {message}"):
        read_tests(write([*_ROWS, row]))


def test_a_missing_field_is_named(write):
    with pytest.raises(DataError, match="tests"):
        read_tests(write([{"prompt": "a", "test": "assert 1"}]))


def test_lines_are_numbered(tmp_path):
    path = tmp_path / "tests.jsonl"
    path.write_text(json.dumps(_ROWS[0]) + "\n\n[1]\n")
    with pytest.raises(DataError, match=r"tests\.jsonl:3: is no object"):
        read_tests(path)
    path.write_text('{"prompt": ')
    with pytest.raises(DataError, match=r"tests\.jsonl:1: is not JSON"):
        read_tests(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("tests.jsonl", b"", "holds no tests"),
        ("tests.csv", b"prompt,tests\n", "holds no tests"),
        ("tests.csv", b'prompt,tests\n"a', "cannot be read"),
        ("tests.csv", b"prompt,tests\n\xff,x\n", "cannot be read"),
        ("tests.parquet", b"PAR1", "cannot be read"),
        ("tests.txt", b"x", "give tests as"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"{name}: {message}"):
        read_tests(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"absent\.csv: cannot be read"):
        read_tests(tmp_path / "absent.csv")


@pytest.mark.parametrize(
    "tests",
    [
        "check(add)",
        "assert add(1, 2) == 3",
        "for a in range(3):\n    assert add(a, 0) == a",
        "import unittest\nclass A(unittest.TestCase):\n    def test_a(self): pass",
        "async def test_a():\n    assert a()",
        "def test_a(n=1):\n    assert a(n)",
    ],
)
def test_tests_that_run_are_taken(tmp_path, tests):
    path = tmp_path / "tests.jsonl"
    _jsonl(path, [{"prompt": "a", "tests": tests}])
    assert read_tests(path).of("a") == tests
