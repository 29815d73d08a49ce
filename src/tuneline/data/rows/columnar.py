"""Parquet and Arrow files: cut by row groups and record batches, read a few rows at a time."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from tuneline.data.rows.cells import CellReader, batches_of
from tuneline.data.rows.formats import ARROW_FILE
from tuneline.data.rows.row import BATCH_ROWS, Rows
from tuneline.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_READ_BYTES = 1024 * 1024


def row_groups(path: Path, name: str, piece_bytes: int) -> list[tuple[int, int]]:
    """Cut a Parquet file into ranges of row groups of about ``piece_bytes`` each.

    Raises:
        DataError: It is broken or names a column twice.
    """
    with _named(name, "Parquet"), pq.ParquetFile(path) as file:
        _require_names(file.schema_arrow, name)
        sizes = [
            file.metadata.row_group(group).total_byte_size
            for group in range(file.metadata.num_row_groups)
        ]
    return _grouped(sizes, piece_bytes)


def record_batches(path: Path, name: str, piece_bytes: int) -> list[tuple[int, int]]:
    """Cut an Arrow file into ranges of record batches of about ``piece_bytes`` each.

    A stream has no table of contents, so what it holds is one range.

    Raises:
        DataError: It is broken or names a column twice.
    """
    with _named(name, "Arrow"), pa.memory_map(str(path)) as file:
        if file.read(len(ARROW_FILE)) != ARROW_FILE:
            file.seek(0)
            _require_names(pa.ipc.open_stream(file).schema, name)
            return [(0, -1)]
        reader = pa.ipc.open_file(file)
        _require_names(reader.schema, name)
        sizes = [reader.get_batch(place).nbytes for place in range(reader.num_record_batches)]
    return _grouped(sizes, piece_bytes)


class ParquetReader:
    """Reads some row groups of a Parquet file.

    Args:
        path: The file.
        name: What messages call it.
        groups: First row group, and the one behind the last.
    """

    def __init__(self, path: Path, name: str, groups: tuple[int, int]) -> None:
        self.lines = 0
        self._path = path
        self._name = name
        self._groups = list(range(*groups))

    def __iter__(self) -> Iterator[Rows]:
        with (
            _named(self._name, "Parquet"),
            # Read through a small buffer: a row group as a whole may be larger than memory.
            pq.ParquetFile(self._path, buffer_size=_READ_BYTES, pre_buffer=False) as file,
        ):
            cells = CellReader(file.schema_arrow)
            for batch in file.iter_batches(
                batch_size=BATCH_ROWS, row_groups=self._groups, use_threads=False
            ):
                yield cells.rows(batch, self.lines)
                self.lines += batch.num_rows


class ArrowReader:
    """Reads some record batches of an Arrow file, or a whole Arrow stream.

    Args:
        path: The file.
        name: What messages call it.
        places: First record batch, and the one behind the last; ignored for a stream.
    """

    def __init__(self, path: Path, name: str, places: tuple[int, int]) -> None:
        self.lines = 0
        self._path = path
        self._name = name
        self._places = places

    def __iter__(self) -> Iterator[Rows]:
        with _named(self._name, "Arrow"), pa.memory_map(str(self._path)) as file:
            is_stream = file.read(len(ARROW_FILE)) != ARROW_FILE
            file.seek(0)
            reader = pa.ipc.open_stream(file) if is_stream else pa.ipc.open_file(file)
            cells = CellReader(reader.schema)
            found = reader if is_stream else map(reader.get_batch, range(*self._places))
            for batch in found:
                batch.validate()  # offsets of a damaged file must not lead outside of it
                for part in batches_of(batch):
                    yield cells.rows(part, self.lines)
                    self.lines += part.num_rows


@contextmanager
def _named(name: str, kind: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{name}: is a broken {kind} file ({error}). Write it again.") from error


def _require_names(schema: pa.Schema, name: str) -> None:
    twice = sorted({column for column in schema.names if schema.names.count(column) > 1})
    if twice:
        raise DataError(f"{name}: names a column twice: {', '.join(twice)}. Rename one of them.")


def _grouped(sizes: list[int], piece_bytes: int) -> list[tuple[int, int]]:
    """Ranges of neighbours that together have at least ``piece_bytes``, the last one maybe less."""
    ranges = []
    start = total = 0
    for place, size in enumerate(sizes, start=1):
        total += size
        if total >= piece_bytes or place == len(sizes):
            ranges.append((start, place))
            start, total = place, 0
    return ranges
