"""The labels in each split."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from tuneline.data.reading.concealing import concealed_texts
from tuneline.data.report.wording import Bar, bars
from tuneline.data.split.names import SPLITS

if TYPE_CHECKING:
    from tuneline.data.manifest import Manifest

SHOWN_LABELS = 100


class LabelRow(NamedTuple):
    """One label: its examples in each split, and in all as a bar."""

    bar: Bar
    per_split: list[int]


class LabelsView(NamedTuple):
    """The most frequent labels, and what the others are together."""

    rows: list[LabelRow]
    others: int
    rows_of_others: int


def labels_view(manifest: Manifest) -> LabelsView:
    """The labels, the most frequent first."""
    counts = [
        (label, [per_split[split] for split in SPLITS])
        for label, per_split in manifest.labels.items()
    ]
    counts.sort(key=lambda item: (-sum(item[1]), item[0]))
    first, others = counts[:SHOWN_LABELS], counts[SHOWN_LABELS:]
    names = concealed_texts(pa.array([label for label, _ in first], pa.string())).to_pylist()
    drawn = bars([(name, sum(own)) for name, (_, own) in zip(names, first, strict=True)])
    return LabelsView(
        [LabelRow(bar, own) for bar, (_, own) in zip(drawn, first, strict=True)],
        len(others),
        sum(sum(own) for _, own in others),
    )
