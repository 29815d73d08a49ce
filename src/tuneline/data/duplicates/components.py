"""Connected parts of a graph of rows: union-find on whole arrays at once.

Every row points at a row of its part that is not after it; hooking the later of two roots to the
earlier one and pointer jumping (Shiloach and Vishkin, 1982) leave each row pointing at the first
row of its part, whatever the order of the edges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tuneline.data.duplicates.keys import Rows


def separate(count: int) -> Rows:
    """As many parts as rows."""
    return np.arange(count, dtype=np.int32)


def unite(parts: Rows, left: Rows, right: Rows) -> None:
    """Make one part of the two parts of every edge.

    Args:
        parts: First row of each row's part; changed in place.
        left: One end of each edge.
        right: The other end.
    """
    while len(left):
        one, other = parts[left], parts[right]
        apart = one != other
        left, right, one, other = left[apart], right[apart], one[apart], other[apart]
        np.minimum.at(parts, np.maximum(one, other), np.minimum(one, other))
        _flatten(parts)


def _flatten(parts: Rows) -> None:
    while True:
        nearer = parts[parts]
        if np.array_equal(nearer, parts):
            return
        parts[:] = nearer
