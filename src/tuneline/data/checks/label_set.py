"""Labels outside the set that the user gave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rapidfuzz import process
from rapidfuzz.distance import OSA

from tuneline.data.checks.rule import Hit, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tuneline.data.batch import Batch

RULES: tuple[Rule, ...] = (
    Rule(
        "label_outside_set",
        "error",
        "The label is not one of those in labels.",
        "Correct the label, or add it to labels.",
    ),
)

_MAX_EDITS = 3


@dataclass(frozen=True, slots=True)
class LabelSet:
    """Finds labels, or answers where no column holds the label, outside a set.

    Attributes:
        labels: The only labels there may be.
        column: Column that holds the label; empty: the answer is the label.
    """

    labels: frozenset[str]
    column: str = ""

    def __call__(self, batch: Batch) -> Iterator[Hit]:
        """Yield a hit for each example of the batch whose label is not in the set."""
        for index, example in enumerate(batch.examples):
            label = example.answer.strip() if example.label is None else example.label
            if label not in self.labels:
                last = len(example.turns) - 1
                field = self.column or batch.shape.field(example, last, 0)
                yield Hit(index, "label_outside_set", field, self._message(label))

    def _message(self, label: str) -> str:
        # Only the user's own labels are named: an answer may be anything.
        near = process.extractOne(
            label.casefold(),
            {name: name.casefold() for name in sorted(self.labels)},
            scorer=OSA.distance,
            score_cutoff=_MAX_EDITS,
        )
        meant = f" Is {near[2]!r} meant?" if near else ""
        return f"is not one of the {len(self.labels)} labels that were given.{meant}"
