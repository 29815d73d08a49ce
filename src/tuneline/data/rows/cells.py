"""Arrow batches as JSON objects.

JSON has no word for some cells. Missing numbers, which pandas writes as NaN, become null; an
infinite one rejects its row. Decimals, dates, times and durations become text as Arrow writes them,
so that a decimal keeps its digits. Bytes become text where they are UTF-8, as some writers store
texts; other bytes reject their row. Maps become objects.
"""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tuneline.data.checks.rule import RowError
from tuneline.data.rows.row import BATCH_ROWS, Rows

_Value = dict[str, Any] | RowError


class CellReader:
    """Turns the batches of one file into rows.

    Args:
        schema: The file's columns.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._as_text = {field.name for field in schema if _is_written_as_text(field.type)}
        self._plain = all(field.name in self._as_text or _is_plain(field.type) for field in schema)

    def rows(self, batch: pa.RecordBatch, first: int) -> Rows:
        """The rows of a batch of at most `BATCH_ROWS`; ``first`` is the first one's number."""
        rows = Rows()
        for number, value in enumerate(self._values(self._prepared(batch)), start=first):
            if isinstance(value, RowError):
                rows.reject(number, value)
            else:
                rows.add(number, value, None)
        rows.size = batch.nbytes
        return rows

    def _prepared(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        for place, name in enumerate(batch.schema.names):
            if name in self._as_text:
                text = pc.cast(batch.column(place), pa.string())
                batch = batch.set_column(place, name, text)
        return batch

    def _values(self, batch: pa.RecordBatch) -> list[_Value]:
        try:
            values = batch.to_pylist(maps_as_pydicts="strict")
        except (UnicodeDecodeError, KeyError, ValueError, OverflowError) as error:
            if batch.num_rows == 1:
                return [_cell_error(error)]
            middle = batch.num_rows // 2
            return self._values(batch.slice(0, middle)) + self._values(batch.slice(middle))
        return values if self._plain else [_mended(value) for value in values]


def batches_of(table: pa.Table | pa.RecordBatch) -> list[pa.RecordBatch]:
    """Slices of at most `BATCH_ROWS` rows."""
    return [table.slice(first, BATCH_ROWS) for first in range(0, table.num_rows, BATCH_ROWS)]


def _is_written_as_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_decimal(kind) or pa.types.is_temporal(kind) or pa.types.is_duration(kind)
    )


def _is_plain(kind: pa.DataType) -> bool:
    """Whether JSON has a word for every cell of the type."""
    if pa.types.is_dictionary(kind):
        return _is_plain(kind.value_type)
    if pa.types.is_struct(kind):
        return all(_is_plain(field.type) for field in kind)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _is_plain(kind.value_type)
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_null(kind)
    )


def _cell_error(error: Exception) -> RowError:
    if isinstance(error, UnicodeDecodeError):
        return RowError("bad_utf8", "", f"holds a text that is not UTF-8: {error.reason}.")
    if isinstance(error, KeyError):
        return RowError("duplicate_key", "", "holds a map with a key twice; keep one.")
    return RowError("bad_cell", "", f"holds a cell that cannot be read: {error}.")


def _mended(row: dict[str, Any]) -> _Value:
    try:
        return {name: _json_value(value, name) for name, value in row.items()}
    except RowError as error:
        return error


def _json_value(value: Any, field: str) -> Any:
    if isinstance(value, float):
        if math.isinf(value):
            raise RowError("nan", field, "is infinite, which JSON cannot hold. Write null.")
        return None if math.isnan(value) else value
    if isinstance(value, dict):
        return {name: _json_value(item, f"{field}.{name}") for name, item in value.items()}
    if isinstance(value, list):
        return [_json_value(item, f"{field}[{place}]") for place, item in enumerate(value)]
    if isinstance(value, bytes):
        return _text_of(value, field)
    if value is None or isinstance(value, str | int):
        return value
    return str(value)  # decimals, dates, times, durations and identifiers inside lists and structs


def _text_of(value: bytes, field: str) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        message = "holds bytes that are no text. Drop the column, or give media by URI."
        raise RowError("binary_cell", field, message) from None
