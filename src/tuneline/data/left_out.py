"""The rows that were read and not kept, as Parquet."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import pyarrow as pa

from tuneline.data.problems import LeftOut

if TYPE_CHECKING:
    from collections.abc import Sequence

_COLUMNS = tuple(column.name for column in fields(LeftOut))

LEFT_OUT_SCHEMA = pa.schema(
    [(name, pa.int64() if name == "row" else pa.string()) for name in _COLUMNS]
)
"""Arrow schema of rejected.parquet: the fields of `LeftOut`."""


def to_arrow(rows: Sequence[LeftOut]) -> pa.RecordBatch:
    """Left-out rows as one batch of `LEFT_OUT_SCHEMA`."""
    columns = [[getattr(row, name) for row in rows] for name in _COLUMNS]
    return pa.record_batch(
        [
            pa.array(column, field.type)
            for column, field in zip(columns, LEFT_OUT_SCHEMA, strict=True)
        ],
        schema=LEFT_OUT_SCHEMA,
    )
