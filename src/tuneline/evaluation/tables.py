"""Tables of one candidate: scores by label or entity type, and the confusion matrix."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tuneline.evaluation.metrics.labels import scores_of_confusion
from tuneline.evaluation.results import ConfusionMatrix, LabelScores

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tuneline.evaluation.measure import Tally
    from tuneline.evaluation.metrics.labels import Codes


def label_scores(labels: Sequence[str], tally: Tally) -> list[LabelScores]:
    """Scores of each label, or of each entity type where there are no labels."""
    if tally.confusion is None:
        return _entity_scores(tally.entities)
    scores = scores_of_confusion(tally.confusion)
    columns = zip(labels, scores.precision, scores.recall, scores.f1, scores.support, strict=True)
    return [
        LabelScores(
            label=label,
            precision=_defined(precision),
            recall=_defined(recall),
            f1=_defined(f1),
            support=int(support),
        )
        for label, precision, recall, f1, support in columns
    ]


def confusion_matrix(labels: Sequence[str], counts: Codes | None) -> ConfusionMatrix | None:
    """The confusion matrix, square, with a last category for answers that are no label."""
    if counts is None:
        return None
    other = "(other)"
    while other in labels:
        other = f"({other})"
    square = np.vstack([counts, np.zeros_like(counts[:1])])
    return ConfusionMatrix(categories=[*labels, other], matrix=square.tolist())


def _entity_scores(counts: Mapping[str, tuple[int, int, int]]) -> list[LabelScores]:
    return [
        LabelScores(
            label=label,
            precision=right / predicted if predicted else None,
            recall=right / expected if expected else None,
            f1=2 * right / (predicted + expected) if predicted + expected else None,
            support=expected,
        )
        for label, (right, predicted, expected) in sorted(counts.items())
    ]


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
