"""The target beside the data: its limits, and the statistics by the service's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tuneline.data.report.wording import number
from tuneline.data.split.names import SPLITS, TRAIN
from tuneline.data.targets.dataset import SplitFacts

if TYPE_CHECKING:
    from tuneline.data.collection import Collection
    from tuneline.data.manifest import Manifest
    from tuneline.data.plan import Plan
    from tuneline.data.targets.catalogue import ModelEntry
    from tuneline.data.targets.summary import TargetSummary

_DISTRIBUTION = ("sum", "min", "p5", "median", "mean", "p95", "max")


class Limit(NamedTuple):
    """One limit of the target, and where the data stand."""

    name: str
    limit: str
    data: str


class StatisticsView(NamedTuple):
    """The service's statistics: plain numbers, and distributions under their headings."""

    numbers: list[tuple[str, str]]
    headings: tuple[str, ...]
    distributions: list[tuple[str, list[str]]]


def limits(
    entry: ModelEntry, manifest: Manifest, collection: Collection, plan: Plan
) -> list[Limit]:
    """The limits of a target that numbers of the data can be held against."""
    columns, train = collection.columns, plan.fates == TRAIN
    submitted = plan.fates <= SPLITS.index("validation")
    # Both are unsigned and of 32 bits, and no row is so long that their sum is not.
    longest = int((columns["prompt_tokens"] + columns["answer_tokens"])[submitted].max(initial=0))
    file_bytes = int(columns["export_bytes"][train].sum(dtype=np.int64))
    facts = SplitFacts.of(columns["kinds"][train], file_bytes)
    rows = entry.max_train_rows_multimodal if facts.media_rows else entry.max_train_rows
    own = manifest.counts.per_split
    return [
        Limit("tokens of an example, at most", _known(entry.max_example_tokens), number(longest)),
        Limit("training rows, at most", _known(rows), number(facts.rows)),
        Limit(
            "training rows, recommended", _known(entry.recommended_train_rows), number(facts.rows)
        ),
        Limit(
            "bytes of the training file, at most", _known(entry.max_file_bytes), number(file_bytes)
        ),
        Limit("validation rows, at most", _known(entry.validation.rows), number(own["validation"])),
    ]


def _known(value: int | str) -> str:
    return "not known" if isinstance(value, str) else number(value)


def statistics_view(target: TargetSummary) -> StatisticsView:
    """The statistics as the service calls them; what is not known is left out."""
    values = target.statistics.model_dump(by_alias=True)
    return StatisticsView(
        [(name, number(value)) for name, value in values.items() if isinstance(value, int)],
        _DISTRIBUTION,
        [
            (name, [number(value[column]) for column in _DISTRIBUTION])
            for name, value in values.items()
            if isinstance(value, dict)
        ],
    )
