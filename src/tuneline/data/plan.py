"""Task, labels and split of every kept example, decided once everything was read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuneline.data.labels import NO_LABEL
from tuneline.data.split import SPLITS, SplitName, assign
from tuneline.data.units import units_of
from tuneline.errors import DataError, TunelineError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.data.collection import Collection, Kept
    from tuneline.data.schema import Task
    from tuneline.data.settings import PrepareSettings

MIN_EXAMPLES = 10
"""Fewer examples in all splits together prove nothing."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written.

    Attributes:
        task: The task.
        why: The reason for it.
        splits: Split of each kept example, by ordinal.
        label_names: Label of each kept example, by ordinal; ``None`` where there is none.
        labels: Sorted label set of the training split; empty unless the task is a classification.
    """

    task: Task
    why: str
    splits: Sequence[SplitName]
    label_names: Sequence[str | None]
    labels: tuple[str, ...]

    def rows(self, split: SplitName) -> int:
        """How many examples a split has."""
        return self.splits.count(split)

    def labels_per_split(self) -> dict[SplitName, Counter[str]]:
        """How many examples of each label each split has."""
        counts: dict[SplitName, Counter[str]] = {split: Counter() for split in SPLITS}
        for split, label in zip(self.splits, self.label_names, strict=True):
            if label is not None:
                counts[split][label] += 1
        return counts


def make_plan(collection: Collection, settings: PrepareSettings) -> Plan:
    """Decide task, labels and splits.

    Raises:
        DataError: There are too few examples, prompts or labels.
    """
    kept = collection.kept
    _require_enough(collection)
    task, why = kept.labels.decide(settings)
    with_labels = task == "classification" or bool(settings.label_column)
    names = list(kept.labels.names)
    label_names: list[str | None] = [
        names[number] if with_labels and number != NO_LABEL else None
        for number in kept.labels.numbers
    ]
    splits = _splits(collection, settings, label_names)
    _prove_disjoint(kept, splits)
    trained = {label for label, split in zip(label_names, splits, strict=True) if split == "train"}
    labels = tuple(sorted(filter(None, trained))) if task == "classification" else ()
    return Plan(task, why, splits, label_names, labels)


def _require_enough(collection: Collection) -> None:
    for tally in collection.tallies:
        if not tally.kept:
            raise DataError(
                f"{tally.source.name}: none of its {tally.read} rows can be kept "
                f"({tally.rejected} rejected, {tally.duplicates} duplicates)."
            )
    if (count := len(collection.kept)) < MIN_EXAMPLES:
        names = ", ".join(tally.source.name for tally in collection.tallies)
        raise DataError(
            f"{names}: {count} examples in all, and at least {MIN_EXAMPLES} are needed to train, "
            f"validate and test ({collection.total('read')} rows read, "
            f"{collection.total('rejected')} rejected, {collection.total('duplicates')} "
            "duplicates). Give more rows."
        )


def _splits(
    collection: Collection, settings: PrepareSettings, label_names: Sequence[str | None]
) -> list[SplitName]:
    kept = collection.kept
    purposes = [tally.source.purpose for tally in collection.tallies]
    own = [place for place, source in enumerate(kept.sources) if purposes[source] == "data"]
    units = units_of(kept, own)
    shares: dict[SplitName, float] = {
        "validation": 0 if "validation" in purposes else settings.validation_share,
        "test": 0 if "test" in purposes else settings.test_share,
    }
    assigned = assign(_strata(own, units, label_names), shares, settings.seed)
    by_ordinal = {place: assigned[unit] for place, unit in zip(own, units, strict=True)}
    splits: list[SplitName] = []
    for place, source in enumerate(kept.sources):
        purpose = purposes[source]
        splits.append(by_ordinal[place] if purpose == "data" else purpose)
    return splits


def _strata(
    own: Sequence[int], units: Sequence[str], label_names: Sequence[str | None]
) -> dict[str, str | None]:
    """Each unit's most frequent label; the first in order where two are as frequent."""
    if not any(label_names):
        return dict.fromkeys(units)
    counts: dict[str, dict[str, int]] = {}
    for place, unit in zip(own, units, strict=True):
        labels = counts.setdefault(unit, {})
        label = label_names[place] or ""
        labels[label] = labels.get(label, 0) + 1
    return {
        unit: min(labels.items(), key=lambda item: (-item[1], item[0]))[0]
        for unit, labels in counts.items()
    }


def _prove_disjoint(kept: Kept, splits: Sequence[SplitName]) -> None:
    for name, numbers in (("prompt", kept.prompts), ("group", kept.groups)):
        seen: dict[int, SplitName] = {}
        for number, split in zip(numbers, splits, strict=False):
            if seen.setdefault(number, split) != split:
                raise TunelineError(
                    f"Internal error: one {name} is in both {seen[number]} and {split}. Nothing "
                    "was written; please report this."
                )
