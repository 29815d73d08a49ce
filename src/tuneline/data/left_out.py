"""The rows that were read and not kept, as Parquet."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Self

import pyarrow as pa
import pyarrow.parquet as pq

from tuneline.data.problems import LeftOut

if TYPE_CHECKING:
    from pathlib import Path

_ROWS_A_BATCH = 1024
_COLUMNS = tuple(column.name for column in fields(LeftOut))

LEFT_OUT_SCHEMA = pa.schema(
    [(name, pa.int64() if name == "row" else pa.string()) for name in _COLUMNS]
)
"""Arrow schema of rejected.parquet: the fields of `LeftOut`."""


class LeftOutWriter:
    """Writes left-out rows as they come, a batch at a time, so that memory stays bounded."""

    def __init__(self, path: Path) -> None:
        self._writer = pq.ParquetWriter(path, LEFT_OUT_SCHEMA, compression="zstd")
        self._batch: list[LeftOut] = []
        self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._write()
        self._writer.close()

    def add(self, row: LeftOut) -> None:
        """Take one row."""
        self._batch.append(row)
        self.rows += 1
        if len(self._batch) == _ROWS_A_BATCH:
            self._write()

    def _write(self) -> None:
        columns = [[getattr(row, name) for row in self._batch] for name in _COLUMNS]
        self._writer.write_batch(pa.record_batch(columns, schema=LEFT_OUT_SCHEMA))
        self._batch.clear()
