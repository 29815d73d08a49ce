"""The user's tests of programs: a file with the tests of each prompt."""

from __future__ import annotations

import ast
import csv
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from tuneline.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_FIELDS = ("prompt", "tests")
_SHOWN_CHARACTERS = 200
_FIELD_BYTES = 16 * 1024 * 1024
_IDLE = (ast.AnnAssign, ast.Assign, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_IDLE_TOO = (ast.Import, ast.ImportFrom)


@dataclass(frozen=True, slots=True)
class CodeTests:
    """Tests by prompt.

    Attributes:
        path: The file that they are from.
        by_prompt: Test sources by prompt in composed form (NFC) without outer white space.
    """

    path: Path
    by_prompt: Mapping[str, str]

    def of(self, prompt: str) -> str:
        """The tests of a prompt.

        Raises:
            DataError: There are none.
        """
        tests = self.by_prompt.get(_key(prompt))
        if tests is None:
            raise DataError(
                f"{self.path}: has no tests for the prompt {prompt[:_SHOWN_CHARACTERS]!r}. "
                "Add a row with this prompt, character for character."
            )
        return tests


def read_tests(path: Path) -> CodeTests:
    """Read a file with the columns ``prompt`` and ``tests``: JSONL, CSV or Parquet by its suffix.

    ``tests`` is Python that raises where the program is wrong: assertions, functions whose
    names start with ``test``, or ``unittest`` cases. It uses the program's names without an import.

    Raises:
        DataError: The file cannot be read, or a row lacks a field, repeats a prompt, or has tests
            that do not parse or that run nothing.
    """
    found: dict[str, str] = {}
    rows: dict[str, int] = {}
    for number, row in _rows(path):
        place = f"{path}:{number}"
        prompt, tests = (_field(row, field, place) for field in _FIELDS)
        key = _key(prompt)
        if key in found:
            raise DataError(
                f"{place}: repeats the prompt of row {rows[key]}. Keep one row for each prompt."
            )
        _require_tests(tests, place)
        found[key], rows[key] = tests, number
    if not found:
        raise DataError(f"{path}: holds no tests. Add a row for each held-out prompt.")
    return CodeTests(path, found)


def _key(prompt: str) -> str:
    return unicodedata.normalize("NFC", prompt).strip()


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Rows with their numbers: of lines, or of Parquet rows from 1."""
    readers = {".jsonl": _json_lines, ".csv": _csv, ".parquet": _parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path}: give tests as .jsonl, .csv or .parquet.")
    try:
        yield from reader(path)
    except (OSError, UnicodeDecodeError, csv.Error, pa.ArrowInvalid) as error:
        raise DataError(f"{path}: cannot be read ({error}). Give a whole file in UTF-8.") from error


def _json_lines(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise DataError(
                    f"{path}:{number}: is not JSON ({error}). Write one object a line."
                ) from error
            if not isinstance(row, dict):
                raise DataError(f"{path}:{number}: is no object. Write one object a line.")
            yield number, row


def _csv(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    csv.field_size_limit(_FIELD_BYTES)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        _require_columns(path, reader.fieldnames or ())
        for row in reader:
            yield reader.line_num, row


def _parquet(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with pq.ParquetFile(path) as file:
        _require_columns(path, file.schema_arrow.names)
        number = 0
        for batch in file.iter_batches(columns=list(_FIELDS)):
            for row in batch.to_pylist():
                number += 1
                yield number, row


def _require_columns(path: Path, names: Any) -> None:
    missing = [field for field in _FIELDS if field not in names]
    if missing:
        raise DataError(
            f"{path}: has no column {' and no column '.join(missing)}. Name the columns "
            "prompt and tests."
        )


def _field(row: Mapping[str, Any], field: str, place: str) -> str:
    value = row.get(field)
    if not isinstance(value, str) or not value.strip():
        what = "is missing" if value is None else "is empty or no text"
        raise DataError(f"{place}: {field} {what}. Give every row a prompt and its tests.")
    return value


def _require_tests(tests: str, place: str) -> None:
    try:
        body = ast.parse(tests).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise DataError(
            f"{place}: tests do not parse ({error}). They must be Python source."
        ) from error
    if not any(_runs_something(statement) for statement in body):
        raise DataError(
            f"{place}: tests run nothing: they only define. Call the check that they define, or "
            "name test functions test_..."
        )


def _runs_something(statement: ast.stmt) -> bool:
    """Whether a statement of tests can fail by itself or is called by the sandbox."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        arguments = statement.args
        needed = len(arguments.posonlyargs + arguments.args) - len(arguments.defaults)
        return statement.name.startswith("test") and needed <= 0
    if isinstance(statement, ast.ClassDef):
        return any(ast.unparse(base).endswith("TestCase") for base in statement.bases)
    if isinstance(statement, ast.Expr):
        return not isinstance(statement.value, ast.Constant)  # a docstring
    return not isinstance(statement, _IDLE + _IDLE_TOO)
