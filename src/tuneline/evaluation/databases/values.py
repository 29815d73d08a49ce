"""Cells as plain values, and results kept within bounds."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tuneline.evaluation.databases.result import Row, Value

MAX_ROWS = 100_000
"""Rows of a result; a query with more fails."""

MAX_TEXT = 64 * 1024 * 1024
"""Characters and bytes in all cells of a result together."""

_BATCH_ROWS = 1000


class TooLargeError(Exception):
    """A result has more rows or text than is compared."""


class Cursor(Protocol):
    """What both engines' cursors have."""

    def fetchmany(self, size: int, /) -> Sequence[Sequence[Any]]:
        """The next rows; none at the end."""


def fetch(cursor: Cursor) -> tuple[Row, ...]:
    """All rows of a result as plain values.

    Raises:
        TooLargeError: There are more than `MAX_ROWS`, or `MAX_TEXT`.
    """
    rows: list[Row] = []
    text = 0
    for cells in _cells(cursor):
        row = tuple(map(plain, cells))
        text += sum(len(value) for value in row if isinstance(value, str | bytes))
        rows.append(row)
        if len(rows) > MAX_ROWS:
            raise TooLargeError(f"the result has more than {MAX_ROWS:,} rows")
        if text > MAX_TEXT:
            raise TooLargeError(f"the result has more than {MAX_TEXT:,} characters")
    return tuple(rows)


def _cells(cursor: Cursor) -> Iterator[Sequence[Any]]:
    while batch := cursor.fetchmany(_BATCH_ROWS):
        yield from batch


def plain(value: Any) -> Value:
    """A cell without the types of its engine.

    Example:
        >>> from decimal import Decimal
        >>> plain({"a": Decimal("1.50"), "b": [True, None]})
        (('a', 1.5), ('b', (1, None)))
    """
    if value is None or isinstance(value, str | bytes | float):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Decimal):
        whole = value.is_finite() and value == value.to_integral_value()
        return int(value) if whole else float(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, dict):
        return tuple((plain(key), plain(item)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return tuple(map(plain, value))
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    return str(value)
