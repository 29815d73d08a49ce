"""Which rows may not part: those of one prompt, one group, or one cluster of near duplicates.

A prompt that occurs in two groups ties the groups together, so units are the connected parts of the
graph of rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tuneline.data.duplicates.components import separate, unite
from tuneline.data.duplicates.keys import NO_ROW, first_rows

if TYPE_CHECKING:
    from tuneline.data.duplicates.keys import Keys, Rows


class Units(NamedTuple):
    """The units of some rows.

    Attributes:
        of_rows: Number of each row's unit.
        keys: Key of each unit, which depends neither on the order of the rows nor on other units:
            the smallest key of its groups, or of its prompts where there are no groups.
    """

    of_rows: Rows
    keys: Keys


def find_units(prompt_keys: Keys, group_keys: Keys | None, clusters: Rows | None) -> Units:
    """Number the units of rows.

    Args:
        prompt_keys: Key of each row's prompt.
        group_keys: Key of each row's group, where there are groups.
        clusters: Number of each row's cluster, `NO_ROW` for none, where they were looked for.
    """
    parts = first_rows(prompt_keys)
    rows = separate(len(parts))
    if group_keys is not None:
        unite(parts, rows, first_rows(group_keys))
    if clusters is not None:
        clustered = rows[clusters != NO_ROW]
        unite(parts, clustered, clustered[first_rows(clusters[clustered])])
    return _numbered(parts, prompt_keys if group_keys is None else group_keys)


def _numbered(parts: Rows, names: Keys) -> Units:
    """Number parts that are named by their first rows."""
    is_first = parts == np.arange(len(parts), dtype=np.int32)
    of_rows = (np.cumsum(is_first, dtype=np.int32) - 1)[parts]
    keys = np.full(int(is_first.sum()), np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(keys, of_rows, names)
    return Units(of_rows, keys)
