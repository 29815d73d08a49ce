"""Parts of the held-out rows that are compared on their own: labels, prompt lengths, groups."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy.typing as npt

    from tuneline.evaluation.held_out import HeldOut
    from tuneline.evaluation.settings import SliceKind

_LENGTHS = 3
_MOST_SMALL = 50
"""Slices of one kind, the largest first, that are shown although they are too small to decide."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the held-out rows: what it is, and the places of its rows, counted from 0."""

    kind: SliceKind
    value: str
    rows: npt.NDArray[np.int64]


def slices_of(held_out: HeldOut, kinds: Sequence[SliceKind], min_rows: int) -> list[Slice]:
    """Cut the held-out rows into slices of each kind that they have.

    A kind that gives one slice alone is left out, since that would be all rows again. Lengths are
    cut into thirds of the rows. Slices too small to decide are taken only until there are 50 of a
    kind, so that thousands of labels do not take hours.

    Args:
        held_out: The rows.
        kinds: Which slices.
        min_rows: Rows from which a slice can decide.
    """
    found: list[Slice] = []
    for kind in kinds:
        parts = list(_parts(held_out, kind))
        found += _worth_comparing(parts, min_rows) if len(parts) > 1 else []
    return found


def _worth_comparing(parts: Sequence[Slice], min_rows: int) -> list[Slice]:
    largest = sorted(parts, key=lambda part: (-len(part.rows), part.value))
    kept = {
        part.value
        for place, part in enumerate(largest)
        if len(part.rows) >= min_rows or place < _MOST_SMALL
    }
    return [part for part in parts if part.value in kept]


def _parts(held_out: HeldOut, kind: SliceKind) -> Iterator[Slice]:
    if kind == "label":
        yield from _by_value(kind, held_out.row_labels)
    elif kind == "group":
        yield from _by_value(kind, held_out.named_groups)
    else:
        yield from _by_length(held_out.prompt_lengths)


def _by_value(kind: SliceKind, values: Iterable[str | None]) -> Iterator[Slice]:
    places: dict[str, list[int]] = defaultdict(list)
    for place, value in enumerate(values):
        if value is not None:
            places[value].append(place)
    for value in sorted(places):
        yield Slice(kind, value, np.array(places[value], dtype=np.int64))


def _by_length(lengths: npt.NDArray[np.int64]) -> Iterator[Slice]:
    if not len(lengths):
        return
    ends = np.unique(np.quantile(lengths, np.arange(1, _LENGTHS + 1) / _LENGTHS, method="lower"))
    start = 0
    for end in ends.tolist():
        inside = (lengths >= start) & (lengths <= end)
        if inside.any():
            first = int(lengths[inside].min())
            span = f"{first:,} to {end:,}" if first < end else f"{end:,}"
            yield Slice("length", f"{span} characters", np.flatnonzero(inside))
        start = end + 1
