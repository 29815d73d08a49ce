"""Sums of tables of statistics under many sets of weights, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from tuneline.evaluation.rows import FloatArray

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Table = FloatArray | csr_array
"""Additive statistics, shape (rows or units, columns)."""

Weights = npt.NDArray[np.uint8]
"""How often each unit counts, shape (draws, units)."""

_WEIGHTS_A_CHUNK = 64_000_000
_DRAWS_A_CHUNK = 1024
_FACTORS_A_BLOCK = 4_000_000


def column_sums(table: Table) -> FloatArray:
    """Sums over the rows, shape (columns,)."""
    return np.asarray(table.sum(axis=0), dtype=np.float64)


def dense(table: Table) -> FloatArray:
    """The table without zeros left out."""
    return table.toarray() if isinstance(table, csr_array) else table


def chunks(draws: int, units: int) -> Iterator[int]:
    """Sizes of chunks of draws whose weights stay under 64 MB, in all ``draws``."""
    size = max(1, min(_DRAWS_A_CHUNK, _WEIGHTS_A_CHUNK // units))
    for start in range(0, draws, size):
        yield min(size, draws - start)


def weighted_sums(weights: Weights, tables: Sequence[Table]) -> list[FloatArray]:
    """Weighted sums of each table, shape (draws, columns) each.

    The product runs over blocks of units, so that weights become floating point numbers for one
    block at a time, and over all dense tables at once: many products with few columns each would
    take five times as long. Sums of whole numbers are exact.

    Args:
        weights: Shape (draws, units).
        tables: Shape (units, columns of this table) each.
    """
    draws, units = weights.shape
    solid = [table for table in tables if not isinstance(table, csr_array)]
    ends = np.cumsum([table.shape[1] for table in solid], dtype=np.intp)
    together = np.zeros((draws, int(ends[-1]) if solid else 0))
    sparse = {
        place: np.zeros((table.shape[1], draws))
        for place, table in enumerate(tables)
        if isinstance(table, csr_array)
    }
    size = max(1, _FACTORS_A_BLOCK // draws)
    for start in range(0, units, size):
        block = slice(start, start + size)
        factors = np.ascontiguousarray(weights[:, block].T, dtype=np.float64)
        if solid:
            together += factors.T @ np.hstack([table[block] for table in solid])
        for place, sums in sparse.items():
            sums += tables[place][block].T @ factors
    parts = iter(np.split(together, ends[:-1], axis=1) if solid else [])
    return [sparse[place].T if place in sparse else next(parts) for place in range(len(tables))]
