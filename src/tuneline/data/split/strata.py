"""The label of a unit, by which the splits are stratified."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tuneline.data.duplicates.keys import Rows


def majority_labels(unit_of_rows: Rows, labels: Rows, units: int) -> Rows:
    """Each unit's most frequent label; the lowest where two are as frequent.

    Args:
        unit_of_rows: Number of each row's unit.
        labels: Label of each row, numbered so that the order of numbers says which is preferred.
        units: How many units there are; each has at least one row.
    """
    lowest = int(labels.min())
    width = int(labels.max()) - lowest + 1
    pairs = unit_of_rows.astype(np.int64) * width + (labels - lowest)
    pairs.sort()
    begins = np.flatnonzero(np.diff(pairs, prepend=-1)).astype(np.int32)
    counts = np.diff(begins, append=np.int32(len(pairs)))
    pairs = pairs[begins]
    owners = (pairs // width).astype(np.int32)
    own = np.searchsorted(owners, np.arange(units, dtype=np.int32)).astype(np.int32)
    most = np.flatnonzero(counts == np.maximum.reduceat(counts, own)[owners]).astype(np.int32)
    # Pairs are in order of their labels, so the first of equals has the lowest.
    firsts = most[np.searchsorted(owners[most], np.arange(units, dtype=np.int32))]
    found: Rows = (pairs[firsts] % width + lowest).astype(np.int32)
    return found


def latest_times(unit_of_rows: Rows, times: np.ndarray, units: int) -> np.ndarray:
    """Each unit's latest time.

    Args:
        unit_of_rows: Number of each row's unit.
        times: Time of each row.
        units: How many units there are.
    """
    latest = np.full(units, np.iinfo(np.int64).min, np.int64)
    np.maximum.at(latest, unit_of_rows, times)
    return latest
