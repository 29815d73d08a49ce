"""Examples on disk between reading them and knowing their split: one set of files a piece."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import pyarrow as pa

from tuneline.data.duplicates.minhash import save_signatures
from tuneline.data.left_out import LEFT_OUT_SCHEMA
from tuneline.data.left_out import to_arrow as left_out_to_arrow
from tuneline.data.schema import EXAMPLES_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tuneline.data.problems import LeftOut
    from tuneline.data.settings import ExportName


_SIGNATURES_A_FILE = 16_384


@dataclass(frozen=True, slots=True)
class Spool:
    """The files of all pieces in one folder, which needs room for the examples once.

    Attributes:
        folder: Where they are; it goes when the run ends.
        exports: Names of the columns of exported lines.
        keep_examples: Whether examples and left-out rows are written; a check needs neither.
    """

    folder: Path
    exports: tuple[ExportName, ...] = ()
    keep_examples: bool = True

    @property
    def schema(self) -> pa.Schema:
        """`EXAMPLES_SCHEMA`, and each export's lines with their line ends."""
        lines = [pa.field(name, pa.large_binary()) for name in self.exports]
        return pa.schema([*EXAMPLES_SCHEMA, *lines])

    @property
    def signature_paths(self) -> list[Path]:
        """Files of `minhash.save_signatures`, in the order of the examples."""
        return sorted(self.folder.glob("*.signatures"))

    def examples(self, piece: int) -> Iterator[pa.RecordBatch]:
        """Yield the piece's batches."""
        yield from _batches(self._examples_path(piece))

    def left_out(self, piece: int) -> Iterator[pa.RecordBatch]:
        """Yield the piece's rejected rows, with row numbers that begin at the piece's first row."""
        yield from _batches(self._left_out_path(piece))

    def writer(self, piece: int) -> SpoolWriter:
        """A writer of one piece's files."""
        return SpoolWriter(self, piece, self._examples_path(piece), self._left_out_path(piece))

    def _examples_path(self, piece: int) -> Path:
        return self.folder / f"{piece:06d}.examples.arrow"

    def _left_out_path(self, piece: int) -> Path:
        return self.folder / f"{piece:06d}.rejected.arrow"


class SpoolWriter:
    """Writes what reading one piece gives, batch by batch."""

    def __init__(self, spool: Spool, piece: int, examples: Path, left_out: Path) -> None:
        self._spool = spool
        self._piece = piece
        self._signatures: list[np.ndarray] = []
        self._saved = 0
        self._files: list[pa.RecordBatchWriter] = []
        if spool.keep_examples:
            with ExitStack() as stack:
                for path, schema in ((examples, spool.schema), (left_out, LEFT_OUT_SCHEMA)):
                    self._files.append(stack.enter_context(pa.ipc.new_file(path, schema)))
                stack.pop_all()  # all are open: they are closed in the end

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.close()
        if self._signatures:
            self._save_signatures()

    def add(self, examples: pa.RecordBatch, lines: Mapping[ExportName, Sequence[bytes]]) -> None:
        """Take kept examples and their exported lines, without line ends."""
        if not self._files:
            return
        exported = [_column(lines[name]) for name in self._spool.exports]
        columns = [*examples.columns, *exported]
        self._files[0].write_batch(pa.record_batch(columns, schema=self._spool.schema))

    def add_signatures(self, signatures: np.ndarray) -> None:
        """Take the signatures of kept examples."""
        self._signatures.append(signatures)
        if sum(map(len, self._signatures)) >= _SIGNATURES_A_FILE:
            self._save_signatures()

    def _save_signatures(self) -> None:
        name = f"{self._piece:06d}.{self._saved:06d}.signatures"
        save_signatures(self._spool.folder / name, self._signatures)
        self._saved += 1
        self._signatures = []

    def leave_out(self, rows: Sequence[LeftOut]) -> None:
        """Take rejected rows."""
        if self._files and rows:
            self._files[1].write_batch(left_out_to_arrow(rows))


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    # Not mapped: the pages of a mapped file count as the process's memory until it is closed.
    with pa.OSFile(str(path)) as file:
        reader = pa.ipc.open_file(file)
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)


def _column(lines: Sequence[bytes]) -> pa.LargeBinaryArray:
    """Lines with their ends, made of two buffers: half the time of handing them to Arrow."""
    lengths = np.fromiter(map(len, lines), np.int64, len(lines)) + 1
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    text = b"\n".join([*lines, b""])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(text)]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(lines), buffers)
