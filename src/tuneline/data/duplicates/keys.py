"""Equal 64-bit keys among many rows, found by sorting: no object for each row.

A key is the first 8 bytes of a BLAKE2b digest. Among n different contents the probability that any
two share a key is about n² / 2⁶⁵: 3e-8 for a million rows, 3e-6 for ten million.
"""

from __future__ import annotations

import numpy as np

Keys = np.ndarray[tuple[int], np.dtype[np.uint64]]
Rows = np.ndarray[tuple[int], np.dtype[np.int32]]
Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]

NO_ROW = -1


def first_rows(keys: np.ndarray) -> Rows:
    """For every row, the first row that has its key: its own number where it is the first.

    Args:
        keys: One key for each row, fewer than 2³¹.
    """
    order = np.argsort(keys, kind="stable").astype(np.int32)
    ordered = keys[order]
    begins = np.empty(len(keys), np.bool_)
    begins[:1] = True
    np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
    del ordered
    # The sort is stable, so that a run of equal keys begins with its first row.
    run = np.cumsum(begins, dtype=np.int32) - 1
    firsts = np.empty(len(keys), np.int32)
    firsts[order] = order[begins][run]
    return firsts


def matching_rows(keys: np.ndarray, others: np.ndarray, rows: Rows) -> Rows:
    """For every key, the first of ``rows`` whose key is the same, or `NO_ROW`.

    Args:
        keys: What to look up.
        others: The keys to look in.
        rows: The row number of each of ``others``, in ascending order.
    """
    if not len(others):
        return np.full(len(keys), NO_ROW, np.int32)
    order = np.argsort(others, kind="stable")
    ordered = others[order]
    places = np.searchsorted(ordered, keys, side="left").astype(np.int32)
    np.minimum(places, len(others) - 1, out=places)
    return np.where(ordered[places] == keys, rows[order][places], NO_ROW).astype(np.int32)
