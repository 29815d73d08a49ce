"""Small pieces, so that a small file has several."""

from functools import partial
from pathlib import Path

import pytest

from tuneline.data.reading import collect
from tuneline.data.rows.formats import format_of
from tuneline.data.rows.pieces import pieces

PIECE_BYTES = 400


def small_pieces(monkeypatch: pytest.MonkeyPatch, data: Path) -> int:
    """Cut files into pieces of a few rows; say how many a file has."""
    monkeypatch.setattr(collect, "pieces", partial(pieces, piece_bytes=PIECE_BYTES))
    return len(pieces(data, data.name, format_of(data, data.name), PIECE_BYTES))
