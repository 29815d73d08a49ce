"""Elements of a JSON array, one at a time: a damaged one costs its own row alone.

The standard library's parser finds where an element ends, since it reads over much that is not
JSON in the strict sense; its bytes then go the way of a JSON line. So a NaN or half a surrogate
pair rejects one row by its own code, and the raw text of every row is at hand.
"""

from __future__ import annotations

import codecs
import json
import re
from typing import TYPE_CHECKING, NamedTuple

import orjson

from tuneline.data.checks.rule import RowError
from tuneline.data.rows import lines
from tuneline.data.rows.json_errors import deep_nesting, json_error, not_object
from tuneline.data.rows.repeated_keys import KeyWatch, passes
from tuneline.data.rows.row import BATCH_BYTES, BATCH_ROWS, KEPT_BYTES, Rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from tuneline.data.checks.rule import Severity

_BLOCK_BYTES = 1024 * 1024
_BLANKS = re.compile(r"[ \t\r\n]*")


class _Element(NamedTuple):
    raw: bytes
    repeated: RowError | None


class _Window:
    """The part of the text that is being read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        # Bytes that are no UTF-8 pass through and come back as they were.
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self.text = ""
        self.place = 0
        self.ended = False
        self.read = 0
        self.grow()
        self.text = self.text.removeprefix("\ufeff")

    def grow(self) -> bool:
        """Read as much again as is still unread; False where the file has ended."""
        rest = self.text[self.place :]
        block = self._file.read(max(_BLOCK_BYTES, min(len(rest), lines.MAX_LINE_BYTES)))
        self.ended = not block
        self.read += self.place
        self.text = rest + self._decoder.decode(block, final=self.ended)
        self.place = 0
        return not self.ended

    def next_mark(self) -> str:
        """The character behind blanks, not taken; empty at the end of the file."""
        while True:
            match = _BLANKS.match(self.text, self.place)
            self.place = match.end() if match else self.place
            if self.place < len(self.text):
                return self.text[self.place]
            if not self.grow():
                return ""

    def rest(self) -> bytes:
        """The beginning of what was not taken, as much of it as can matter."""
        return self.text[self.place : self.place + KEPT_BYTES].encode("utf-8", "surrogateescape")

    def broken(self, expected: str) -> RowError:
        """The error of an array that cannot be followed further."""
        place = self.read + self.place + 1
        found = "the file ends" if not self.next_mark() else f"there is no {expected}"
        return RowError(
            "bad_json",
            "",
            f"breaks the array: {found} at character {place}. Nothing behind it was read.",
        )


def _elements(window: _Window) -> Iterator[_Element | RowError]:
    """Yield elements as they stand; the error that ends the array is the last."""
    window.next_mark()
    window.place += 1  # the bracket that made this file an array
    if window.next_mark() == "]":
        return
    while True:
        element = _element(window)
        yield element
        if isinstance(element, RowError):
            return
        mark = window.next_mark()
        if mark not in {",", "]"}:
            yield window.broken("comma or bracket behind an element")
            return
        window.place += 1
        if mark == "]":
            break
        window.next_mark()
    if window.next_mark():
        yield RowError("bad_json", "", "stands behind the end of the array; take it out.")


def _element(window: _Window) -> _Element | RowError:
    while True:
        watch = KeyWatch()
        decoder = json.JSONDecoder(
            object_pairs_hook=watch, parse_int=str, parse_float=str, strict=False
        )
        try:
            _, end = decoder.raw_decode(window.text, window.place)
        except RecursionError:
            return deep_nesting()
        except json.JSONDecodeError:
            end = 0
        # At the window's end an element may go on: a number for one.
        if end and (end < len(window.text) or window.ended):
            raw = window.text[window.place : end].encode("utf-8", "surrogateescape")
            window.place = end
            return _Element(raw, watch.error)
        if window.ended:
            return window.broken("complete element")
        if len(window.text) - window.place > lines.MAX_LINE_BYTES:
            message = f"{lines.too_long().message[:-1]}, or broken. Nothing behind it was read."
            return RowError("too_long_line", "", message)
        window.grow()


class ElementReader:
    """Reads the elements of a JSON array.

    Args:
        path: The file.
        severity: That of ``duplicate_key``.
    """

    def __init__(self, path: Path, severity: Severity) -> None:
        self.lines = 0
        self._path = path
        self._severity = severity

    def __iter__(self) -> Iterator[Rows]:
        rows = Rows()
        with self._path.open("rb") as file:
            window = _Window(file)
            for element in _elements(window):
                if isinstance(element, RowError):
                    rows.reject(self.lines, element, window.rest())
                else:
                    self._add(rows, element)
                self.lines += 1
                if len(rows) == BATCH_ROWS or rows.size >= BATCH_BYTES:
                    yield rows
                    rows = Rows()
        yield rows

    def _add(self, rows: Rows, element: _Element) -> None:
        problem = element.repeated
        if len(element.raw) > lines.MAX_LINE_BYTES:
            rows.reject(self.lines, lines.too_long(), element.raw)
            return
        try:
            value = orjson.loads(element.raw)
        except orjson.JSONDecodeError as error:
            rows.reject(self.lines, json_error(element.raw, error), element.raw)
            return
        if type(value) is not dict:
            problem = not_object(value)
        if problem and not passes(problem, self._severity, len(rows.values), rows.hits):
            rows.reject(self.lines, problem, element.raw)
        else:
            rows.add(self.lines, value, element.raw)
