"""Physical lines of a text file, none of them held in memory beyond a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tuneline.data.checks.rule import RowError
from tuneline.data.rows.json_errors import BYTE_ORDER_MARK
from tuneline.data.rows.row import KEPT_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

MAX_LINE_BYTES = 16 * 1024 * 1024
"""A longer line is rejected without being held in memory whole."""

_SKIP_BYTES = 64 * 1024


class LongLine(NamedTuple):
    """A line that was skipped: its first bytes, and the error for its row."""

    start: bytes
    error: RowError


def physical_lines(file: BinaryIO, stop: int | None = None) -> Iterator[bytes | LongLine]:
    """Yield lines without their line feed, from the file's place on.

    A byte order mark at the file's start is left out.

    Args:
        file: Where to read.
        stop: Place of the file, behind a line, to stop at; None: its end.
    """
    at_start = file.tell() == 0
    while stop is None or file.tell() < stop:
        line = file.readline(MAX_LINE_BYTES + 1)
        if not line:
            return
        if at_start:
            line = line.removeprefix(BYTE_ORDER_MARK)
            at_start = False
        if line.endswith(b"\n") or len(line) <= MAX_LINE_BYTES:
            yield line.removesuffix(b"\n")
            continue
        start = line[:KEPT_BYTES]
        while line and not line.endswith(b"\n"):
            line = file.readline(_SKIP_BYTES)
        yield LongLine(start, too_long())


def too_long() -> RowError:
    """The error of a row beyond the limit."""
    return RowError("too_long_line", "", f"is longer than {MAX_LINE_BYTES / 1024**2:g} MiB.")
