"""CSV and TSV records, in bounded memory whatever the quotes do."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from tuneline.data.checks.rule import RowError
from tuneline.data.rows import lines
from tuneline.data.rows.json_errors import nul_error, utf8_error
from tuneline.data.rows.row import BATCH_BYTES, BATCH_ROWS, Rows
from tuneline.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO


class _Lines:
    """Feeds the CSV reader with text and remembers the lines of the record that it is reading."""

    def __init__(self, file: BinaryIO) -> None:
        self._lines = lines.physical_lines(file)
        self.count = 0
        self.begin_record()

    def begin_record(self) -> None:
        self.first = self.count
        self.problem: RowError | None = None
        self._raw: list[bytes] = []
        self._bytes = 0

    @property
    def raw(self) -> bytes:
        return b"\n".join(self._raw)

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.count += 1
        if isinstance(line, lines.LongLine):
            self.problem = line.error
            self._raw.append(line.start)
            return "\n"
        self._bytes += len(line)
        if self._bytes > lines.MAX_LINE_BYTES:  # a quote that was never closed takes all the rest
            self.problem = lines.too_long()
            raise csv.Error
        self._raw.append(line)
        if b"\0" in line:
            self.problem = nul_error(line)
        try:
            return line.decode() + "\n"
        except UnicodeDecodeError:
            self.problem = utf8_error(line)
            return line.decode(errors="backslashreplace") + "\n"


class RecordReader:
    """Reads the records of a CSV or TSV file.

    Args:
        path: The file.
        name: What messages call it.
        delimiter: What stands between fields.
    """

    def __init__(self, path: Path, name: str, delimiter: str) -> None:
        self.lines = 0
        self._path = path
        self._name = name
        self._delimiter = delimiter

    def __iter__(self) -> Iterator[Rows]:
        # The csv module's limit of 128 KiB a field is for the whole process; records are bounded.
        csv.field_size_limit(2 * lines.MAX_LINE_BYTES)
        with self._path.open("rb") as file:
            feed = _Lines(file)
            reader = csv.reader(feed, strict=True, delimiter=self._delimiter)
            header = self._header(reader, feed)
            more = True
            while more:
                rows = Rows()
                while more and len(rows) < BATCH_ROWS and rows.size < BATCH_BYTES:
                    more = _add_record(rows, reader, feed, header)
                yield rows
            self.lines = feed.count

    def _header(self, reader: Iterator[list[str]], feed: _Lines) -> list[str]:
        place = f"{self._name}:1: the header"
        try:
            header = next((fields for fields in reader if fields), [])
        except csv.Error as error:
            if feed.problem:
                raise DataError(f"{place} {feed.problem.message}") from error
            raise DataError(f"{place} is not CSV: {error}.") from error
        if feed.problem:
            raise DataError(f"{place} {feed.problem.message}")
        twice = sorted({column for column in header if header.count(column) > 1})
        if twice:
            raise DataError(
                f"{place} names a column twice: {', '.join(twice)}. Rename one of them."
            )
        return header


def _add_record(rows: Rows, reader: Iterator[list[str]], feed: _Lines, header: list[str]) -> bool:
    """Read one record; False at the end of the file."""
    feed.begin_record()
    try:
        fields = next(reader)
    except StopIteration:
        return False
    except csv.Error as error:
        problem = feed.problem or RowError("bad_csv", "", f"is not CSV: {error}.")
        rows.reject(feed.first, problem, feed.raw)
        return True
    if feed.problem:
        rows.reject(feed.first, feed.problem, feed.raw)
    elif len(fields) == len(header):
        rows.add(feed.first, dict(zip(header, fields, strict=True)), feed.raw)
    elif fields:
        message = f"has {len(fields)} fields, but the header names {len(header)}."
        rows.reject(feed.first, RowError("wrong_columns", "", message), feed.raw)
    return True
