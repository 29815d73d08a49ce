"""What reading the sources found out: counts, and a few numbers for each kept example."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tuneline.data.content_kind import Format
    from tuneline.data.labels import LabelCollector
    from tuneline.data.problems import LeftOut, Reason
    from tuneline.data.shapes.detection import Shape
    from tuneline.data.sources import Source

_FIRST_PROBLEMS = 20
_EXAMPLES_A_REASON = 3


@dataclass(slots=True)
class SourceTally:
    """What was read of one source; ``read`` = ``kept`` + ``rejected`` + ``duplicates``."""

    source: Source
    format: Format
    shape: Shape
    read: int = 0
    kept: int = 0
    rejected: int = 0
    duplicates: int = 0


@dataclass(slots=True)
class Kept:
    """The kept examples, one entry each, in the order of reading: what later steps decide by.

    Attributes:
        sources: Index of the example's source in `Collection.tallies`.
        rows: Row number in that source.
        prompts: Number of its prompt in `prompt_ids`.
        groups: Number of its group in `group_names`; empty without a group column.
        prompt_lengths: Characters of everything before the answer, system instruction included.
        answer_lengths: Characters of the answer.
        prompt_ids: Number of each distinct prompt by its hash.
        group_names: Number of each distinct group by its name.
        labels: Number of each example's label, and the labels' names.
    """

    labels: LabelCollector
    sources: array[int] = field(default_factory=lambda: array("B"))
    rows: array[int] = field(default_factory=lambda: array("Q"))
    prompts: array[int] = field(default_factory=lambda: array("L"))
    groups: array[int] = field(default_factory=lambda: array("L"))
    prompt_lengths: array[int] = field(default_factory=lambda: array("L"))
    answer_lengths: array[int] = field(default_factory=lambda: array("L"))
    prompt_ids: dict[str, int] = field(default_factory=dict)
    group_names: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(slots=True)
class Collection:
    """Everything that reading found out, without the examples themselves.

    Attributes:
        tallies: Counts by source, in the order of reading: held-out files first.
        reasons: Left-out rows by reason.
        first_problems: The first rejected rows.
        by_reason: The first left-out rows of each reason.
    """

    kept: Kept
    tallies: list[SourceTally] = field(default_factory=list)
    reasons: Counter[Reason] = field(default_factory=Counter)
    first_problems: list[LeftOut] = field(default_factory=list)
    by_reason: dict[Reason, list[LeftOut]] = field(default_factory=dict)

    def note(self, row: LeftOut, tally: SourceTally) -> None:
        """Count a left-out row, and remember it where it is among the first."""
        if row.kind == "rejected":
            tally.rejected += 1
            if len(self.first_problems) < _FIRST_PROBLEMS:
                self.first_problems.append(row)
        else:
            tally.duplicates += 1
        self.reasons[row.reason] += 1
        examples = self.by_reason.setdefault(row.reason, [])
        if len(examples) < _EXAMPLES_A_REASON:
            examples.append(row)

    def rejections(self) -> list[tuple[Reason, int]]:
        """Rejected rows by reason, without duplicates, the most frequent first."""
        return [
            (reason, count)
            for reason, count in sorted(self.reasons.items(), key=lambda item: (-item[1], item[0]))
            if self.by_reason[reason][0].kind == "rejected"
        ]

    def total(self, count: str) -> int:
        """The sum of ``read``, ``kept``, ``rejected`` or ``duplicates`` over the sources."""
        return sum(getattr(tally, count) for tally in self.tallies)
