"""Classification: answers read as labels, and scores over a label set.

A prediction is a label where both are equal after NFC, case folding and removal of outer white
space and trailing punctuation, since prompted models answer ``Refund.`` for ``refund``. Anything
else is no label at all and counts as wrong. Normalisation is the same for every candidate.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from sklearn.metrics import precision_recall_fscore_support

from tuneline.errors import ConfigurationError, DataError
from tuneline.evaluation.metrics.metric import MeanMetric, Metric, divided
from tuneline.evaluation.metrics.text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.evaluation.rows import FloatArray, Rows

Codes = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

MOST_DENSE_LABELS = 32
"""With more labels, statistics of rows are sparse: at most three of ``3k`` numbers are not 0."""


@dataclass(frozen=True, slots=True)
class ClassificationScores:
    """Scores over a label set of size ``k``.

    Attributes:
        confusion: Counts, shape (k, k + 1): a row for each expected label, a column for each
            predicted one, the last for predictions that are no label.
        precision: Shape (k,); NaN for a label that was never predicted.
        recall: Shape (k,); NaN for a label that no row has.
        f1: Shape (k,); NaN for a label that no row has and that was never predicted.
        support: Rows of each label, shape (k,).
        macro_f1: Mean of ``f1`` over the labels for which it is defined.
        weighted_f1: Mean of ``f1`` weighted by ``support``.
    """

    confusion: Codes
    precision: FloatArray
    recall: FloatArray
    f1: FloatArray
    support: Codes
    macro_f1: float
    weighted_f1: float


def label_codes(predictions: Sequence[str], labels: Sequence[str]) -> Codes:
    """Read each prediction as the position of a label; ``len(labels)`` means none of them.

    A label that equals the prediction with case and punctuation is preferred. Where two labels
    differ in case or trailing punctuation alone, only such an equal one is taken.

    Args:
        predictions: Any texts.
        labels: The label set; of two that are equal after NFC and removal of outer white space,
            the last stands for both.
    """
    exact = {plain(label): code for code, label in enumerate(labels)}
    folds = Counter(map(_folded, exact))
    folded = {_folded(label): code for label, code in exact.items() if folds[_folded(label)] == 1}
    none = len(labels)
    codes = {
        text: exact.get(plain(text), folded.get(_folded(text), none)) for text in set(predictions)
    }
    return np.array([codes[text] for text in predictions], dtype=np.int64)


def confusion_counts(expected: Codes, predicted: Codes, size: int) -> Codes:
    """Count rows by expected and predicted label, shape (size, size + 1); batches add up.

    Args:
        expected: Right labels as codes below ``size``, one for each row.
        predicted: Predicted labels; ``size`` stands for a prediction that is no label.
        size: Number of labels.
    """
    cells = np.bincount(expected * (size + 1) + predicted, minlength=size * (size + 1))
    return cells.reshape(size, size + 1)


def scores_of_confusion(confusion: Codes) -> ClassificationScores:
    """Score counted rows by scikit-learn.

    Args:
        confusion: As `confusion_counts` gives it, of at least one row.
    """
    size = len(confusion)
    expected, predicted = np.nonzero(confusion)
    precision, recall, f1, _ = precision_recall_fscore_support(
        expected,
        predicted,
        labels=range(size),
        sample_weight=confusion[expected, predicted],
        zero_division=np.nan,
    )
    support = confusion.sum(axis=1)
    return ClassificationScores(
        confusion=confusion,
        precision=precision,
        recall=recall,
        f1=f1,
        support=support,
        macro_f1=float(np.nanmean(f1)),
        weighted_f1=float(np.average(np.nan_to_num(f1), weights=support)),
    )


def classification_scores(expected: Codes, predicted: Codes, size: int) -> ClassificationScores:
    """Score label codes of at least one row; arguments as for `confusion_counts`."""
    return scores_of_confusion(confusion_counts(expected, predicted, size))


class _LabelSet:
    """The labels of a metric, and rows read by them.

    Args:
        labels: The label set.

    Raises:
        ConfigurationError: There is no label.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        if not labels:
            raise ConfigurationError(
                "needs at least one label. Prepare the data as a classification."
            )
        self.labels = tuple(labels)

    def predicted(self, rows: Rows) -> Codes:
        """Codes of the answers."""
        return label_codes(rows.predictions, self.labels)

    def expected(self, rows: Rows) -> Codes:
        """Codes of the right labels.

        Raises:
            DataError: A row has no label, or one outside the label set.
        """
        codes = {plain(label): code for code, label in enumerate(self.labels)}
        expected = [codes.get(plain(label)) if label else None for label in rows.labels]
        if None in expected:
            row = expected.index(None)
            raise DataError(
                f"The label {rows.labels[row]!r} of the row with the prompt "
                f"{rows.prompts[row][:80]!r} is not among the {len(self.labels)} labels. Give "
                "every held-out row a label of the label set."
            )
        return np.array(expected, dtype=np.int64)


class Accuracy(MeanMetric):
    """Share of rows whose answer is the right label.

    Args:
        labels: The label set.
    """

    name = "accuracy"
    title = "accuracy"
    source = "answers read as labels, as scikit-learn's accuracy_score"
    right_or_wrong = True

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = _LabelSet(labels)

    def scores(self, rows: Rows) -> FloatArray:
        """1 where the answer is the right label."""
        right: Flags = self._labels.expected(rows) == self._labels.predicted(rows)
        return right.astype(np.float64)


class InvalidLabelRate(MeanMetric):
    """Share of rows whose answer is no label.

    Args:
        labels: The label set.
    """

    name = "invalid_label_rate"
    title = "answers that are no label"
    source = "answers read as labels"
    higher_is_better = False

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = _LabelSet(labels)

    def scores(self, rows: Rows) -> FloatArray:
        """1 where the answer is no label."""
        invalid: Flags = self._labels.predicted(rows) == len(self._labels.labels)
        return invalid.astype(np.float64)


class _LabelF1(Metric):
    """F1 of each label from rows that are right, predicted and expected.

    Args:
        labels: The label set.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = _LabelSet(labels)
        self.columns = tuple(
            f"{count}:{label}" for count in ("right", "predicted", "expected") for label in labels
        )

    def measure(self, rows: Rows) -> FloatArray | csr_array:
        """Right, predicted and expected as each label, shape (rows, 3k); sparse for many labels."""
        size = len(self._labels.labels)
        expected, predicted = self._labels.expected(rows), self._labels.predicted(rows)
        number = np.arange(len(rows))
        right, valid = expected == predicted, predicted < size
        row = np.concatenate([number[right], number[valid], number])
        column = np.concatenate([expected[right], predicted[valid] + size, expected + 2 * size])
        counts = csr_array((np.ones(len(row)), (row, column)), shape=(len(rows), 3 * size))
        return counts.toarray() if size <= MOST_DENSE_LABELS else counts

    def _of_labels(self, sums: FloatArray) -> tuple[FloatArray, FloatArray]:
        """F1 and support of each label, shape (..., k)."""
        right, predicted, expected = np.split(sums, 3, axis=-1)
        return divided(2 * right, predicted + expected), expected


class MacroF1(_LabelF1):
    """Mean of F1 over the labels that are expected or predicted."""

    name = "macro_f1"
    title = "macro-F1"
    source = "scikit-learn's f1_score, average macro, over the labels that occur"

    def value(self, sums: FloatArray) -> FloatArray:
        """The mean over labels; NaN where none occurs."""
        f1, _ = self._of_labels(sums)
        defined = ~np.isnan(f1)
        return divided(np.where(defined, f1, 0.0).sum(-1), defined.sum(-1).astype(np.float64))


class WeightedF1(_LabelF1):
    """Mean of F1 over the labels, weighted by the rows that each is expected in."""

    name = "weighted_f1"
    title = "weighted F1"
    source = "scikit-learn's f1_score, average weighted"

    def value(self, sums: FloatArray) -> FloatArray:
        """The weighted mean over labels; NaN without a row."""
        f1, support = self._of_labels(sums)
        return divided((np.nan_to_num(f1) * support).sum(-1), support.sum(-1))


def _folded(text: str) -> str:
    folded = plain(plain(text).casefold())
    end = len(folded)
    while end and (folded[end - 1].isspace() or unicodedata.category(folded[end - 1])[0] == "P"):
        end -= 1
    return folded[:end] or folded  # a label such as "?" is all punctuation
