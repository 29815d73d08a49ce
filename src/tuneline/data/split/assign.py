"""The split of every row: by hash, within labels by hash, or by time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tuneline.data.split.names import SPLITS, TRAIN
from tuneline.data.split.ranks import ranks
from tuneline.data.split.strata import latest_times, majority_labels
from tuneline.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tuneline.data.duplicates.keys import Rows
    from tuneline.data.split.names import SplitName
    from tuneline.data.split.units import Units

Splits = np.ndarray[tuple[int], np.dtype[np.uint8]]
"""Place of a split in `SPLITS`, one for each row or unit."""

_RANGE = 2**64


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """How rows are to be split.

    Attributes:
        shares: Share of each held-out split, 0 for one that is not wanted, without ``train``.
        seed: Salt of the hash.
    """

    shares: Mapping[SplitName, float]
    seed: int

    @property
    def wanted(self) -> dict[int, float]:
        """Share by number of the held-out splits that are wanted, in the order of `SPLITS`."""
        shares = {number: self.shares.get(name, 0.0) for number, name in enumerate(SPLITS)}
        return {number: share for number, share in shares.items() if share > 0 and number != TRAIN}


def assign(
    units: Units, plan: SplitPlan, labels: Rows | None = None, times: np.ndarray | None = None
) -> Splits:
    """Give every row the split of its unit.

    With times, the newest units are the test split and those before them the validation split; a
    unit is as new as its newest row. Else, with labels, each label is split on its own, in order of
    rank, so that the shares hold within it. Without either a unit's rank alone decides, so that it
    stays where it is when rows are appended.

    Args:
        units: What may not part.
        plan: Shares and seed.
        labels: Number of each row's label in alphabetical order, where the task has labels.
        times: Time of each row, where there is a time column.

    Raises:
        DataError: There are fewer units than splits.
    """
    wanted, count = plan.wanted, len(units.keys)
    if count < len(wanted) + 1:
        raise DataError(
            f"{count} distinct prompts (or groups) cannot fill {len(wanted) + 1} splits: "
            "each needs one of its own. Give more rows, or set a share to 0. Prompts that are "
            "almost the same count as one, unless near_duplicates is off."
        )
    places = ranks(units.keys, plan.seed)
    if times is not None:
        newest = latest_times(units.of_rows, times, count)
        order = np.lexsort((places, newest))[::-1]
        splits = _by_time(order, np.bincount(units.of_rows, minlength=count), wanted)
    else:
        order = np.argsort(places)
        if labels is not None:
            splits = _stratified(order, majority_labels(units.of_rows, labels, count), wanted)
        else:
            splits = _by_threshold(places, wanted)
        _fill_empty(splits, order, wanted)
    return splits[units.of_rows]


def _by_threshold(places: np.ndarray, wanted: Mapping[int, float]) -> Splits:
    splits = np.full(len(places), TRAIN, np.uint8)
    edge = 0.0
    begin = 0
    for split, share in wanted.items():
        edge += share
        end = int(edge * _RANGE)
        splits[(places >= begin) & (places < end)] = split
        begin = end
    return splits


def _by_time(order: np.ndarray, sizes: np.ndarray, wanted: Mapping[int, float]) -> Splits:
    """Cut the units, newest first, where the rows come closest to each share."""
    splits = np.full(len(order), TRAIN, np.uint8)
    rows = sizes[order]
    # A unit belongs to the split in which its middle row is.
    middles = np.cumsum(rows) - rows / 2
    total, edge, begin = int(rows.sum()), 0.0, 0
    for left, (split, share) in enumerate(sorted(wanted.items(), reverse=True)):
        edge += share
        end = int(np.searchsorted(middles, edge * total))
        # At least one unit here, and one for each split that is still to come.
        end = min(max(end, begin + 1), len(order) - (len(wanted) - left))
        splits[order[begin:end]] = split
        begin = end
    return splits


def _stratified(order: np.ndarray, strata: Rows, wanted: Mapping[int, float]) -> Splits:
    splits = np.full(len(order), TRAIN, np.uint8)
    by_label = order[np.argsort(strata[order], kind="stable")]
    begins = np.flatnonzero(np.diff(strata[by_label], prepend=strata.min() - 1))
    # What rounding left over in labels too small for every split, so that together they keep the
    # shares too.
    owed = dict.fromkeys(wanted, 0.0)
    for start, end in zip(begins.tolist(), [*begins[1:].tolist(), len(order)], strict=True):
        place = start
        for split, count in _counts(end - start, wanted, owed).items():
            splits[by_label[place : place + count]] = split
            place += count
    return splits


def _counts(units: int, wanted: Mapping[int, float], owed: dict[int, float]) -> dict[int, int]:
    """How many units of one label go to each held-out split; training keeps at least one."""
    counts: dict[int, int] = {}
    if units > len(wanted):
        spare = units - 1 - len(wanted)
        for split, share in wanted.items():
            more = min(max(0, int(units * share + 0.5) - 1), spare)
            spare -= more
            counts[split] = 1 + more
        return counts
    spare = units - 1
    for split, share in wanted.items():
        owed[split] += units * share
        counts[split] = min(int(owed[split] + 0.5), spare)
        owed[split] -= counts[split]
        spare -= counts[split]
    return counts


def _fill_empty(splits: Splits, order: np.ndarray, wanted: Mapping[int, float]) -> None:
    """Move the lowest-ranked unit of the fullest split into each split that came out empty."""
    for split in (TRAIN, *wanted):
        sizes = np.bincount(splits, minlength=len(SPLITS))
        if not sizes[split]:
            fullest = int(sizes.argmax())
            splits[order[np.argmax(splits[order] == fullest)]] = split
