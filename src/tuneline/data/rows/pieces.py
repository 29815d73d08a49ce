"""Cuts files into pieces, and reads one piece, whoever does it and in whatever order.

Where a file is cut follows from its bytes alone, so any number of workers sees the same pieces. CSV
and TSV stay whole: whether a line end closes a record depends on every quote before it. A JSON
array stays whole too: whether a bracket closes an element depends on all before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tuneline.data.rows.columnar import ArrowReader, ParquetReader, record_batches, row_groups
from tuneline.data.rows.delimited import RecordReader
from tuneline.data.rows.json_array import ElementReader
from tuneline.data.rows.jsonl import LineReader, line_aligned

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tuneline.data.checks.rule import Severity
    from tuneline.data.rows.formats import Format
    from tuneline.data.rows.row import Rows

PIECE_BYTES = 4 * 1024 * 1024
"""About the size of a piece where a file can be cut."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a file that is read on its own.

    ``start`` and ``stop`` count bytes of JSON lines, row groups of Parquet and record batches of
    Arrow; formats that stay whole ignore them.
    """

    path: Path
    name: str
    form: Format
    start: int
    stop: int


class PieceReader(Protocol):
    """Reads a piece once, in batches of at most `row.BATCH_ROWS` rows.

    ``lines`` says, after the last batch, how many lines, elements or rows the piece had, blank ones
    included: what to add to the numbers of the next piece.
    """

    lines: int

    def __iter__(self) -> Iterator[Rows]: ...


def pieces(path: Path, name: str, form: Format, piece_bytes: int = PIECE_BYTES) -> list[Piece]:
    """Cut a file.

    Args:
        path: The local file.
        name: What messages call it.
        form: Its format.
        piece_bytes: About the size of a piece.

    Raises:
        DataError: It is a broken Parquet or Arrow file.
    """
    if form == "jsonl":
        ranges = line_aligned(path, piece_bytes)
    elif form == "parquet":
        ranges = row_groups(path, name, piece_bytes)
    elif form == "arrow":
        ranges = record_batches(path, name, piece_bytes)
    else:
        ranges = [(0, path.stat().st_size)]
    return [Piece(path, name, form, start, stop) for start, stop in ranges]


def read_piece(piece: Piece, duplicate_key: Severity = "error") -> PieceReader:
    """A reader of one piece.

    Args:
        piece: What to read.
        duplicate_key: Severity of the rule of that name.

    Raises:
        DataError: While it is read: the file as a whole cannot be; a broken Parquet or Arrow file,
            a CSV header that names a column twice.
    """
    if piece.form == "jsonl":
        return LineReader(piece.path, piece.start, piece.stop, duplicate_key)
    if piece.form == "json":
        return ElementReader(piece.path, duplicate_key)
    if piece.form == "parquet":
        return ParquetReader(piece.path, piece.name, (piece.start, piece.stop))
    if piece.form == "arrow":
        return ArrowReader(piece.path, piece.name, (piece.start, piece.stop))
    return RecordReader(piece.path, piece.name, "\t" if piece.form == "tsv" else ",")
