"""What reading a piece of a file gives: rows that are objects, and rows that are none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from msgspec.structs import replace

from tuneline.data.problems import MAX_TEXT

if TYPE_CHECKING:
    from tuneline.data.checks.rule import Hit, RowError

BATCH_BYTES = 1024 * 1024
"""Bytes from which a batch ends, whatever its rows."""

BATCH_ROWS = 1024
"""Rows of a batch at most: with more of them alive at a time, reading is a fifth slower."""

KEPT_BYTES = 4 * MAX_TEXT
"""Bytes of raw text that can matter: no character takes more than four."""


class Rejected(NamedTuple):
    """A row that could not be read: its number in the piece, why, and its raw bytes."""

    number: int
    error: RowError
    raw: bytes


@dataclass(slots=True)
class Rows:
    """Rows that stand one after another in a piece.

    Attributes:
        numbers: Where each row stands in the piece, from 0: physical lines of JSON lines, CSV and
            TSV (a record's first), elements of a JSON array, rows of Parquet and Arrow.
        values: Each row's object.
        raws: Each row's bytes, or None where the file holds no text.
        rejected: Rows between them that could not be read.
        hits: Readable rows that break a rule which only warns; their index is that of ``values``.
        size: About how many bytes their texts take.
    """

    numbers: list[int] = field(default_factory=list)
    values: list[dict[str, Any]] = field(default_factory=list)
    raws: list[bytes | None] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    hits: list[Hit] = field(default_factory=list)
    size: int = 0

    def __len__(self) -> int:
        return len(self.values) + len(self.rejected)

    def add(self, number: int, value: dict[str, Any], raw: bytes | None) -> None:
        """Append a readable row."""
        self.numbers.append(number)
        self.values.append(value)
        self.raws.append(raw)
        self.size += len(raw or b"")

    def reject(self, number: int, error: RowError, raw: bytes = b"") -> None:
        """Append a row that could not be read."""
        self.rejected.append(Rejected(number, error, raw[:KEPT_BYTES]))

    def extend(self, others: Rows) -> None:
        """Append the rows of the next batch."""
        here = len(self.values)
        self.numbers += others.numbers
        self.values += others.values
        self.raws += others.raws
        self.rejected += others.rejected
        self.size += others.size
        self.hits += [replace(hit, index=hit.index + here) for hit in others.hits]


def raw_text(raw: bytes | None, value: Any = None) -> str:
    """A row as text, as far as it was kept.

    Args:
        raw: Its bytes; what is no UTF-8 in them becomes escapes. None: made from ``value``.
        value: Its object.
    """
    if raw is None:
        raw = orjson.dumps(value, default=repr)
    return raw[:KEPT_BYTES].decode("utf-8", errors="backslashreplace").rstrip("\r\n")
