"""Reads whole files through their pieces, for tests."""

from pathlib import Path
from typing import Any

from tuneline.data.rows.formats import Format
from tuneline.data.rows.pieces import PIECE_BYTES, pieces, read_piece


def read_file(path: Path, form: Format, piece_bytes: int = PIECE_BYTES, duplicate_key="error"):
    """Every row as (number from 1, object or reason), in the file's order."""
    found: list[tuple[int, dict[str, Any] | str]] = []
    base = 1
    for piece in pieces(path, "file", form, piece_bytes):
        reader = read_piece(piece, duplicate_key)
        for rows in reader:
            assert len(rows.numbers) == len(rows.values) == len(rows.raws)
            found += [
                (base + number, value)
                for number, value in zip(rows.numbers, rows.values, strict=True)
            ]
            found += [(base + row.number, row.error.reason) for row in rows.rejected]
        base += reader.lines
    return sorted(found, key=lambda row: row[0])


def read(path: Path, content: bytes, form: Format, piece_bytes: int = PIECE_BYTES):
    """The same of bytes, written to ``path`` first."""
    path.write_bytes(content)
    return read_file(path, form, piece_bytes)
