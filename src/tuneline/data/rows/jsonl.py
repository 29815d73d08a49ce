"""JSON lines: pieces of whole lines, split and proved in compiled code."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import orjson

from tuneline.data.rows import lines
from tuneline.data.rows.json_errors import BYTE_ORDER_MARK, json_error, not_object
from tuneline.data.rows.repeated_keys import has_keys, key_bounds, passes, repeated_key
from tuneline.data.rows.row import BATCH_ROWS, Rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from tuneline.data.checks.rule import RowError, Severity

WHOLE_BYTES = 8 * 1024 * 1024
"""A piece up to this size is read in one go; a larger one, with a huge line in it, by lines."""

_BLOCK_BYTES = 256 * 1024
_SEARCH_BYTES = 64 * 1024
_BATCH_LINE_BYTES = 1024 * 1024  # a longer line ends its batch, so that few are held at a time


def line_aligned(path: Path, piece_bytes: int) -> list[tuple[int, int]]:
    """Cut a file into byte ranges of whole lines, each ``piece_bytes`` and the rest of a line."""
    size = path.stat().st_size
    ranges = []
    start = 0
    with path.open("rb") as file:
        while start < size:
            stop = _line_end(file, min(start + piece_bytes, size) - 1, size)
            ranges.append((start, stop))
            start = stop
    return ranges


def _line_end(file: BinaryIO, place: int, size: int) -> int:
    """The place behind the first line end at or behind ``place``."""
    file.seek(place)
    while block := file.read(_SEARCH_BYTES):
        if (found := block.find(b"\n")) >= 0:
            return place + found + 1
        place += len(block)
    return size


def _blocks(piece: bytes) -> Iterator[bytes]:
    """Whole lines that fit into a processor's cache together."""
    start = 0
    while start < len(piece):
        stop = piece.rfind(b"\n", start, start + _BLOCK_BYTES) + 1
        if not stop:
            stop = piece.find(b"\n", start) + 1 or len(piece)
        yield piece[start:stop]
        start = stop


class LineReader:
    """Reads the lines of one byte range.

    Args:
        path: The file.
        start: Its first byte, where a line starts.
        stop: Behind its last byte.
        severity: That of ``duplicate_key``.
    """

    def __init__(self, path: Path, start: int, stop: int, severity: Severity) -> None:
        self.lines = 0
        self._path = path
        self._start = start
        self._stop = stop
        self._severity = severity

    def __iter__(self) -> Iterator[Rows]:
        with self._path.open("rb") as file:
            file.seek(self._start)
            if self._stop - self._start <= min(WHOLE_BYTES, lines.MAX_LINE_BYTES):
                yield from self._whole(file.read(self._stop - self._start))
            else:
                yield from self._line_by_line(file)

    def _whole(self, piece: bytes) -> Iterator[Rows]:
        if self._start == 0:
            piece = piece.removeprefix(BYTE_ORDER_MARK)
        for block in _blocks(piece):
            found = block.split(b"\n")
            if not found[-1]:
                found.pop()
            bounds = [-1] * len(found) if self._severity == "off" else key_bounds(block)
            for first in range(0, len(found), BATCH_ROWS):
                part = slice(first, first + BATCH_ROWS)
                rows = Rows()
                self._rows(rows, self.lines + first, found[part], bounds[part])
                rows.size = len(block)
                yield rows
            self.lines += len(found)

    def _rows(self, rows: Rows, first: int, found: list[bytes], bounds: list[int]) -> None:
        numbers, values, raws = rows.numbers, rows.values, rows.raws
        loads = orjson.loads
        for number, line, bound in zip(count(first), found, bounds, strict=False):
            try:
                value = loads(line)
            except orjson.JSONDecodeError as error:
                if line and not line.isspace():
                    rows.reject(number, json_error(line, error), line)
                continue
            # Objects with objects in them have more keys than the bound is compared with here.
            if type(value) is not dict or len(value) != bound:
                problem = self._problem(line, value, bound)
                if problem and not passes(problem, self._severity, len(values), rows.hits):
                    rows.reject(number, problem, line)
                    continue
            numbers.append(number)
            values.append(value)
            raws.append(line)

    def _problem(self, line: bytes, value: object, bound: int) -> RowError | None:
        if type(value) is not dict:
            return not_object(value)
        if self._severity == "off" or has_keys(value, bound):
            return None
        return repeated_key(line)

    def _line_by_line(self, file: BinaryIO) -> Iterator[Rows]:
        rows = Rows()
        for line in lines.physical_lines(file, self._stop):
            number, self.lines = self.lines, self.lines + 1
            if isinstance(line, lines.LongLine):
                rows.reject(number, line.error, line.start)
                continue
            bounds = [-1] if self._severity == "off" else key_bounds(line)
            self._rows(rows, number, [line], bounds)
            if len(rows) == BATCH_ROWS or len(line) > _BATCH_LINE_BYTES:
                yield rows
                rows = Rows()
        yield rows
