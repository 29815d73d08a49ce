"""Deterministic splits: by hash of the content, never by position or chance.

A unit is what may not part: the examples of one prompt, or of one group with every prompt in it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal

from tuneline.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

SplitName = Literal["train", "validation", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")

_RANGE = 2**64


def rank(unit: str, seed: int) -> float:
    """A unit's fixed place between 0 and 1: BLAKE2b of the seed and the unit, evenly spread."""
    digest = hashlib.blake2b(f"{seed}\0{unit}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / _RANGE


def assign(
    strata: Mapping[str, str | None], shares: Mapping[SplitName, float], seed: int
) -> dict[str, SplitName]:
    """Give every unit its split.

    With labels, each label is split on its own, in order of rank, so that the shares hold within
    it; without labels a unit's rank alone decides, so that it stays where it is when rows are
    appended.

    Args:
        strata: The label of each unit by the unit's key, or ``None`` for all of them.
        shares: Share of the held-out splits that are wanted, without ``train``.
        seed: Salt of the hash.

    Raises:
        DataError: There are fewer units than splits.
    """
    wanted = {name: share for name, share in shares.items() if share > 0}
    if len(strata) < len(wanted) + 1:
        raise DataError(
            f"{len(strata)} distinct prompts (or groups) cannot fill {len(wanted) + 1} splits: "
            "each needs one of its own. Give more rows, or set a share to 0."
        )
    ranks = {unit: rank(unit, seed) for unit in strata}
    ordered = sorted(strata, key=lambda unit: (ranks[unit], unit))
    if any(label is not None for label in strata.values()):
        splits = _stratified(ordered, strata, wanted)
    else:
        splits = {unit: _by_threshold(ranks[unit], wanted) for unit in ordered}
    _fill_empty(splits, ordered, wanted)
    return splits


def _by_threshold(place: float, wanted: Mapping[SplitName, float]) -> SplitName:
    edge = 0.0
    for name, share in wanted.items():
        edge += share
        if place < edge:
            return name
    return "train"


def _stratified(
    ordered: list[str], strata: Mapping[str, str | None], wanted: Mapping[SplitName, float]
) -> dict[str, SplitName]:
    by_label: dict[str, list[str]] = {}
    for unit in ordered:
        by_label.setdefault(strata[unit] or "", []).append(unit)
    splits: dict[str, SplitName] = {}
    # What rounding left over in labels too small for every split, so that together they keep the
    # shares too.
    owed = dict.fromkeys(wanted, 0.0)
    for label in sorted(by_label):
        units = by_label[label]
        counts = _counts(len(units), wanted, owed)
        start = 0
        for name, count in counts.items():
            splits.update(dict.fromkeys(units[start : start + count], name))
            start += count
        splits.update(dict.fromkeys(units[start:], "train"))
    return splits


def _counts(
    units: int, wanted: Mapping[SplitName, float], owed: dict[SplitName, float]
) -> dict[SplitName, int]:
    """How many units of one label go to each held-out split; training keeps at least one."""
    counts: dict[SplitName, int] = {}
    if units > len(wanted):
        spare = units - 1 - len(wanted)
        for name, share in wanted.items():
            more = min(max(0, int(units * share + 0.5) - 1), spare)
            spare -= more
            counts[name] = 1 + more
        return counts
    spare = units - 1
    for name, share in wanted.items():
        owed[name] += units * share
        counts[name] = min(int(owed[name] + 0.5), spare)
        owed[name] -= counts[name]
        spare -= counts[name]
    return counts


def _fill_empty(
    splits: dict[str, SplitName], ordered: list[str], wanted: Mapping[SplitName, float]
) -> None:
    """Move the lowest-ranked unit of the fullest split into each split that came out empty."""
    for name in ("train", *wanted):
        if name in splits.values():
            continue
        sizes = {other: list(splits.values()).count(other) for other in SPLITS}
        fullest = max(SPLITS, key=lambda other: sizes[other])
        splits[next(unit for unit in ordered if splits[unit] == fullest)] = name
