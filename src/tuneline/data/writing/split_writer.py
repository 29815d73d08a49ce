"""The files of one split: canonical Parquet, and the exports that were asked for."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO, Protocol, Self

import pyarrow as pa
import pyarrow.parquet as pq

from tuneline.data.exports.messages_parquet import MESSAGES_SCHEMA, to_messages
from tuneline.data.schema import EXAMPLES_SCHEMA, examples_writer
from tuneline.data.writing.background import Background

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tuneline.data.schema import ExamplesInfo
    from tuneline.data.settings import ExportName

_ROWS_A_GROUP = 8192
_BYTES_A_GROUP = 16 * 1024 * 1024


class _Writer(Protocol):
    """Takes batches of a spool's schema."""

    def write(self, batch: pa.RecordBatch) -> None: ...

    def close(self) -> None: ...


class SplitWriter:
    """Writes the batches of one split to all its files.

    Args:
        path: The canonical file.
        info: What that file says of itself.
        exports: Path by name of an export.
        threaded: Whether a thread does the writing.
    """

    def __init__(
        self,
        path: Path,
        info: ExamplesInfo,
        exports: Mapping[ExportName, Path],
        *,
        threaded: bool,
    ) -> None:
        self.rows = 0
        self._background = Background(threaded=threaded)
        self._writers: list[_Writer] = []
        with ExitStack() as stack:
            self._take(_Examples(path, info), stack)
            for name, own in exports.items():
                parquet = name == "messages_parquet"
                self._take(_Messages(own) if parquet else _Lines(own, name), stack)
            self._stack = stack.pop_all()  # all are open: they are closed in the end

    def _take(self, writer: _Writer, stack: ExitStack) -> None:
        stack.callback(writer.close)
        self._writers.append(writer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._stack, self._background:
            self._background.finish()

    def add(self, batch: pa.RecordBatch) -> None:
        """Take examples in their order."""
        self.rows += len(batch)
        for writer in self._writers:
            self._background.call(writer.write, batch)


class _RowGroups:
    """Gathers batches until they make a row group, whatever the size of the batches."""

    def __init__(self, file: pq.ParquetWriter, schema: pa.Schema) -> None:
        self._file = file
        self._schema = schema
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0
        self._bytes = 0

    def write(self, batch: pa.RecordBatch) -> None:
        self._waiting.append(batch)
        self._rows += len(batch)
        self._bytes += batch.nbytes
        if self._rows >= _ROWS_A_GROUP or self._bytes >= _BYTES_A_GROUP:
            self._flush()

    def close(self) -> None:
        if self._waiting:
            self._flush()
        self._file.close()

    def _flush(self) -> None:
        self._file.write_table(pa.Table.from_batches(self._waiting, self._schema))
        self._waiting.clear()
        self._rows = self._bytes = 0


class _Examples:
    def __init__(self, path: Path, info: ExamplesInfo) -> None:
        self._groups = _RowGroups(examples_writer(path, info), EXAMPLES_SCHEMA)

    def write(self, batch: pa.RecordBatch) -> None:
        self._groups.write(batch.select(EXAMPLES_SCHEMA.names))

    def close(self) -> None:
        self._groups.close()


class _Messages:
    def __init__(self, path: Path) -> None:
        file = pq.ParquetWriter(path, MESSAGES_SCHEMA, compression="zstd")
        self._groups = _RowGroups(file, MESSAGES_SCHEMA)

    def write(self, batch: pa.RecordBatch) -> None:
        self._groups.write(to_messages(batch))

    def close(self) -> None:
        self._groups.close()


class _Lines:
    def __init__(self, path: Path, name: str) -> None:
        self._file: BinaryIO = path.open("wb")
        self._name = name

    def write(self, batch: pa.RecordBatch) -> None:
        lines = batch.column(self._name)
        _, offsets, data = lines.buffers()
        ends = pa.Array.from_buffers(
            pa.int64(), len(lines) + 1, [None, offsets], offset=lines.offset
        )
        first, last = ends[0].as_py(), ends[len(lines)].as_py()
        self._file.write(memoryview(data)[first:last])

    def close(self) -> None:
        self._file.close()
