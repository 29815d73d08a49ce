"""Sentences about what a person should look at, though the run goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneline.data.split import SPLITS

if TYPE_CHECKING:
    from tuneline.data.collection import Collection
    from tuneline.data.plan import Plan
    from tuneline.data.problems import Reason

_LEAKS: dict[Reason, str] = {
    "also_in_test": "are also in the test file",
    "also_in_validation": "are also in the validation file",
    "prompt_in_test": "have a prompt that is also in the test file",
    "prompt_in_validation": "have a prompt that is also in the validation file",
    "group_in_test": "are of a group that is also in the test file",
    "group_in_validation": "are of a group that is also in the validation file",
}
_SHOWN_LABELS = 5


def make_warnings(collection: Collection, plan: Plan) -> list[str]:
    """Rejected rows, leaks that were taken out, and labels that training never sees."""
    return [*_rejected(collection), *_leaks(collection), *_unseen_labels(plan)]


def _rejected(collection: Collection) -> list[str]:
    reasons = collection.rejections()
    if not reasons:
        return []
    counts = ", ".join(f"{reason} {count}" for reason, count in reasons)
    first = collection.first_problems[0]
    return [f"{collection.total('rejected')} rows were rejected ({counts}). The first: {first}"]


def _leaks(collection: Collection) -> list[str]:
    warnings = []
    for reason, words in _LEAKS.items():
        if rows := collection.by_reason.get(reason):
            first = ", ".join(f"{row.source}:{row.row}" for row in rows)
            count = collection.reasons[reason]
            warnings.append(f"{count} rows {words} and were left out here; the first: {first}.")
    return warnings


def _unseen_labels(plan: Plan) -> list[str]:
    if plan.task != "classification":
        return []
    warnings = []
    per_split = plan.labels_per_split()
    for split in SPLITS[1:]:
        unseen = sorted(per_split[split].keys() - set(plan.labels))
        if unseen:
            shown = ", ".join(repr(label) for label in unseen[:_SHOWN_LABELS])
            more = ", ..." if len(unseen) > _SHOWN_LABELS else ""
            rows = sum(per_split[split][label] for label in unseen)
            warnings.append(
                f"{rows} {split} rows have a label that no training row has: {shown}{more}. They "
                "are kept, and no model can learn them."
            )
    return warnings
