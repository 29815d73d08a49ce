"""Spooled examples to their splits, and left-out rows to theirs, piece by piece in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tuneline.data.left_out import LEFT_OUT_SCHEMA
from tuneline.data.memory import give_back
from tuneline.data.problems import MAX_TEXT
from tuneline.data.reading.concealing import concealed_texts, cut
from tuneline.data.split.names import SPLITS
from tuneline.data.writing.background import Background
from tuneline.progress import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tuneline.data.collection import Collection
    from tuneline.data.plan import Plan
    from tuneline.data.spool import Spool
    from tuneline.data.writing.split_writer import SplitWriter


_LEFT_OUT_AT_ONCE = 16_384
"""Rows: more than a piece of lines has, and few enough of a file that is one piece."""


def write_all(
    spool: Spool,
    collection: Collection,
    plan: Plan,
    splits: Sequence[SplitWriter],
    rejected: Path,
    *,
    threaded: bool,
) -> int:
    """Write every spooled example and every left-out row.

    Args:
        spool: What reading left.
        collection: Counts and numbers of all examples.
        plan: Where each example goes.
        splits: The writers, in the order of `SPLITS`.
        rejected: File of the left-out rows.
        threaded: Whether a thread writes the left-out rows.

    Returns:
        The number of left-out rows.
    """
    left_out = 0
    with (
        pq.ParquetWriter(rejected, LEFT_OUT_SCHEMA, compression="zstd") as writer,
        Background(threaded=threaded) as background,
    ):
        for number in counted(
            range(collection.pieces), collection.pieces, "data: writing", "pieces"
        ):
            piece = _Piece(spool, collection, plan, number)
            for rows in piece.write(splits):
                background.call(_write_left_out, writer, rows)
                left_out += len(rows)
            give_back()
        background.finish()
    return left_out


@dataclass(slots=True)
class _LeftOutRows:
    """Left-out rows of one piece: rejected when they were read, and gone since."""

    rejected: list[pa.RecordBatch] = field(default_factory=list)
    gone: list[pa.RecordBatch] = field(default_factory=list)

    def __len__(self) -> int:
        return sum(map(len, self.rejected)) + sum(map(len, self.gone))


def _write_left_out(writer: pq.ParquetWriter, rows: _LeftOutRows) -> None:
    """Write left-out rows in the order of the file."""
    table = pa.concat_tables([_table(rows.rejected), _concealed(rows.gone)])
    writer.write_table(table.sort_by("row"))


class _Piece:
    """One piece on its way to the files."""

    def __init__(self, spool: Spool, collection: Collection, plan: Plan, number: int) -> None:
        self._spool = spool
        self._collection = collection
        self._plan = plan
        self._number = number
        self._base = int(collection.first_rows[number])

    def write(self, splits: Sequence[SplitWriter]) -> Iterator[_LeftOutRows]:
        """Hand the examples on, and yield the left-out rows: all at once, unless they are many."""
        rows = _LeftOutRows()
        for batch in self._spool.left_out(self._number):
            rows.rejected.append(self._with_rows(batch))
            if len(rows) >= _LEFT_OUT_AT_ONCE:
                yield rows
                rows = _LeftOutRows()
        begin = int(self._collection.starts[self._number])
        for batch in self._spool.examples(self._number):
            fates = self._plan.fates[begin : begin + len(batch)]
            placed = self._placed(batch, begin)
            for number, split in enumerate(splits):
                chosen = fates == number
                if chosen.any():
                    split.add(placed if chosen.all() else placed.filter(pa.array(chosen)))
            places = np.flatnonzero(fates >= len(SPLITS))
            if len(places):
                rows.gone.append(self._gone(placed.take(pa.array(places)), begin + places))
            begin += len(batch)
            if len(rows) >= _LEFT_OUT_AT_ONCE:
                yield rows
                rows = _LeftOutRows()
        if len(rows):
            yield rows

    def _with_rows(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        place = batch.schema.get_field_index("row")
        rows = pc.add(batch.column(place), self._base)
        return batch.set_column(place, batch.schema.field(place), rows)

    def _placed(self, batch: pa.RecordBatch, begin: int) -> pa.RecordBatch:
        """The batch with the rows of the file, and with labels where the task has some."""
        batch = self._with_rows(batch)
        labels = self._plan.label_column(begin, begin + len(batch))
        if labels is None:
            return batch
        place = batch.schema.get_field_index("label")
        return batch.set_column(place, batch.schema.field(place), labels)

    def _gone(self, batch: pa.RecordBatch, ordinals: np.ndarray) -> pa.RecordBatch:
        """Examples that did not stay, as left-out rows."""
        gone = self._plan.explain(ordinals, self._collection)
        columns = {
            "source": batch.column("source"),
            "row": batch.column("row"),
            "kind": pa.array([kind for kind, _, _ in gone], pa.string()),
            "reason": pa.array([reason for _, reason, _ in gone], pa.string()),
            "field": pa.array([""] * len(gone), pa.string()),
            "message": pa.array([message for _, _, message in gone], pa.string()),
            "text": _said(batch),
        }
        return pa.record_batch([columns[name] for name in LEFT_OUT_SCHEMA.names], LEFT_OUT_SCHEMA)


def _table(batches: list[pa.RecordBatch]) -> pa.Table:
    return pa.Table.from_batches(batches, LEFT_OUT_SCHEMA)


def _concealed(batches: list[pa.RecordBatch]) -> pa.Table:
    """The rows of a piece at once, since looking for what to conceal costs by the call."""
    table = _table(batches)
    place = LEFT_OUT_SCHEMA.get_field_index("text")
    texts = cut(concealed_texts(table.column(place).combine_chunks()))
    return table.set_column(place, LEFT_OUT_SCHEMA.field(place), texts)


def _said(batch: pa.RecordBatch) -> pa.Array:
    """All text parts of each example, one a line, with room behind what will be shown of them."""
    turns = batch.column("turns")
    parts = turns.flatten().field("parts")
    texts = parts.flatten().field("text").fill_null("[no text]")
    offsets = parts.offsets.take(turns.offsets)
    said = pc.binary_join(pa.ListArray.from_arrays(offsets, texts), "\n")
    return pc.utf8_slice_codeunits(said, 0, 2 * MAX_TEXT)
