"""Where a candidate is right and wrong: by label or entity type, and the confusion matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tuneline.evaluation.wording import UNKNOWN, percent
from tuneline.report.confusion import confusion_table
from tuneline.report.words import name_of

if TYPE_CHECKING:
    from markupsafe import Markup

    from tuneline.evaluation.results import CandidateResult, ConfusionMatrix, LabelScores

SHOWN_LABELS = 200
LARGEST_MATRIX = 50
"""Labels of the confusion matrix; with more, those with the most mistakes are shown."""


class LabelRow(NamedTuple):
    """One label or entity type."""

    label: str
    precision: str
    recall: str
    f1: str
    support: int


class MatrixView(NamedTuple):
    """A confusion matrix, and how many labels have no row in it."""

    table: Markup
    hidden: int


def label_rows(candidate: CandidateResult) -> list[LabelRow]:
    """The labels, those with the lowest F1 first, those without one last."""
    return [
        LabelRow(
            name_of(scores.label),
            _share(scores.precision),
            _share(scores.recall),
            _share(scores.f1),
            scores.support,
        )
        for scores in sorted(candidate.labels, key=_worst_first)[:SHOWN_LABELS]
    ]


def _worst_first(scores: LabelScores) -> tuple[float, str]:
    return (2.0 if scores.f1 is None else scores.f1, scores.label)


def _share(value: float | None) -> str:
    return UNKNOWN if value is None else percent(value)


def matrix_view(confusion: ConfusionMatrix) -> MatrixView:
    """Draw the matrix without the row of what is no label, since nothing is expected there."""
    names = [name_of(category) for category in confusion.categories]
    counts = confusion.matrix[:-1]
    labels = len(counts)
    if labels <= LARGEST_MATRIX:
        return MatrixView(confusion_table(names[:-1], names, counts), 0)
    worst = sorted(range(labels), key=lambda place: (-_mistakes(counts, place), place))
    chosen = sorted(worst[:LARGEST_MATRIX])
    left_out = set(range(labels)) - set(chosen)
    table = confusion_table(
        [names[place] for place in chosen],
        [*(names[place] for place in chosen), "other labels", names[-1]],
        [
            [*(row[place] for place in chosen), sum(row[place] for place in left_out), row[-1]]
            for row in (counts[place] for place in chosen)
        ],
    )
    return MatrixView(table, len(left_out))


def _mistakes(counts: list[list[int]], label: int) -> int:
    """Rows that were of the label and not answered so, or the other way round."""
    of_it, as_it = sum(counts[label]), sum(row[label] for row in counts)
    return of_it + as_it - 2 * counts[label][label]
