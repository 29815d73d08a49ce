"""Rows of JSONL, CSV and Parquet files, one at a time, in bounded memory.

A row that cannot be read is yielded with its `RowError` instead of a value, so that the rest of the
file is still read and every row is accounted for.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from tuneline.data.content_kind import BYTE_ORDER_MARK
from tuneline.data.problems import MAX_TEXT, RowError
from tuneline.data.shapes.content import json_type
from tuneline.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from tuneline.data.content_kind import Format

MAX_LINE_BYTES = 16 * 1024 * 1024
"""A longer line is rejected without being held in memory whole."""

_PARQUET_BATCH_ROWS = 1024


class Row(NamedTuple):
    """One row: its number in the file, its object or what is wrong, and its raw text if there is.

    Numbers start at 1: physical lines for JSONL and CSV (a record's first line), rows for Parquet.
    """

    number: int
    value: dict[str, Any] | RowError
    raw: bytes | None


def read_rows(path: Path, name: str, form: Format) -> Iterator[Row]:
    """Yield the rows of a file; blank lines are skipped, though they count as lines.

    Args:
        path: The local file.
        name: What messages call it.
        form: Its format.

    Raises:
        DataError: The file as a whole cannot be read: a broken Parquet file, a CSV header that
            names a column twice.
    """
    readers: dict[Format, Callable[[Path, str], Iterator[Row]]] = {
        "jsonl": _read_jsonl,
        "csv": _read_csv,
        "parquet": _read_parquet,
    }
    return readers[form](path, name)


def raw_text(row: Row) -> str:
    """The row as text, cut to `MAX_TEXT` characters; bytes that are no UTF-8 as escapes."""
    raw = row.raw if row.raw is not None else orjson.dumps(row.value, default=repr)
    return raw[: 4 * MAX_TEXT].decode("utf-8", errors="backslashreplace").rstrip("\r\n")[:MAX_TEXT]


def _read_jsonl(path: Path, _name: str) -> Iterator[Row]:
    with path.open("rb") as file:
        for number, line in _lines(file):
            if isinstance(line, RowError):
                yield Row(number, line, b"")
                continue
            if line.isspace():
                continue
            try:
                value = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                yield Row(number, _json_error(line, error), line)
                continue
            if type(value) is dict:
                yield Row(number, value, line)
            else:
                message = f"must be a JSON object, not {json_type(value)}."
                yield Row(number, RowError("not_object", "", message), line)


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes | RowError]]:
    """Physical lines by number, without a byte order mark; one that is too long as its error."""
    number = 0
    while line := file.readline(MAX_LINE_BYTES):
        number += 1
        if number == 1:
            line = line.removeprefix(BYTE_ORDER_MARK)
        if len(line) < MAX_LINE_BYTES or line.endswith(b"\n"):
            yield number, line or b"\n"
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(MAX_LINE_BYTES)
        limit = f"is longer than {MAX_LINE_BYTES // 1024**2} MiB."
        yield number, RowError("too_long_line", "", limit)


def _json_error(line: bytes, error: orjson.JSONDecodeError) -> RowError:
    if utf8 := _utf8_error(line):
        return utf8
    reason = str(error).split(": line ")[0]
    return RowError("bad_json", "", f"is not JSON: {reason} at character {error.pos + 1}.")


def _utf8_error(line: bytes) -> RowError | None:
    try:
        line.decode()
    except UnicodeDecodeError as error:
        byte = f"byte {line[error.start]:#04x} at position {error.start + 1}"
        return RowError("bad_utf8", "", f"is not UTF-8: {byte}. Save the file as UTF-8.")
    return None


class _CsvLines:
    """Feeds the CSV reader with text and remembers the lines of the record that it is reading."""

    def __init__(self, file: BinaryIO) -> None:
        self._lines = _lines(file)
        self._next_number = 1
        self.first = 1
        self.raw: list[bytes] = []
        self.problem: RowError | None = None

    def begin_record(self) -> None:
        self.first = self._next_number
        self.raw = []
        self.problem = None

    def __iter__(self) -> _CsvLines:
        return self

    def __next__(self) -> str:
        number, line = next(self._lines)
        self._next_number = number + 1
        if isinstance(line, RowError):
            self.problem = line
            return "\n"
        self.raw.append(line)
        try:
            return line.decode()
        except UnicodeDecodeError:
            self.problem = _utf8_error(line)
            return line.decode(errors="backslashreplace")


def _read_csv(path: Path, name: str) -> Iterator[Row]:
    # The csv module's limit of 128 KiB a field is for the whole process; lines are bounded here.
    csv.field_size_limit(MAX_LINE_BYTES)
    with path.open("rb") as file:
        lines = _CsvLines(file)
        reader = csv.reader(lines, strict=True)
        header = _header(reader, lines, name)
        while True:
            lines.begin_record()
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                problem = lines.problem or RowError("bad_csv", "", f"is not CSV: {error}.")
                yield Row(lines.first, problem, b"".join(lines.raw))
                continue
            if lines.problem:
                yield Row(lines.first, lines.problem, b"".join(lines.raw))
            elif len(fields) == len(header):
                yield Row(lines.first, dict(zip(header, fields, strict=True)), b"".join(lines.raw))
            elif fields:
                message = f"has {len(fields)} fields, but the header names {len(header)}."
                problem = RowError("wrong_columns", "", message)
                yield Row(lines.first, problem, b"".join(lines.raw))


def _header(reader: Iterator[list[str]], lines: _CsvLines, name: str) -> list[str]:
    try:
        header = next((fields for fields in reader if fields), [])
    except csv.Error as error:
        raise DataError(f"{name}:1: the header is not CSV: {error}.") from error
    if lines.problem:
        raise DataError(f"{name}:1: the header {lines.problem.message}")
    twice = sorted({column for column in header if header.count(column) > 1})
    if twice:
        raise DataError(
            f"{name}:1: the header names a column twice: {', '.join(twice)}. Rename one of them."
        )
    return header


def _read_parquet(path: Path, name: str) -> Iterator[Row]:
    try:
        with pq.ParquetFile(path) as file:
            number = 0
            for batch in file.iter_batches(batch_size=_PARQUET_BATCH_ROWS):
                for value in _batch_values(batch):
                    number += 1
                    yield Row(number, value, b"" if isinstance(value, RowError) else None)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{name}: is a broken Parquet file ({error}). Write it again.") from error


def _batch_values(batch: pa.RecordBatch) -> list[dict[str, Any] | RowError]:
    try:
        return list(batch.to_pylist())
    except UnicodeDecodeError as error:
        if batch.num_rows == 1:
            return [RowError("bad_utf8", "", f"holds a text that is not UTF-8: {error.reason}.")]
        return [
            value
            for place in range(batch.num_rows)
            for value in _batch_values(batch.slice(place, 1))
        ]
