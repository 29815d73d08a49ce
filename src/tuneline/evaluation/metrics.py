"""What each answer is worth: exact match, and scores over a label set.

Normalisation is the same for every candidate. Exact match compares texts after Unicode NFC with
outer white space removed, and nothing else: case and punctuation count. A classification is more
lenient, since prompted models answer ``Refund.`` for ``refund``: a prediction is a label where both
are equal after NFC, case folding and removal of outer white space and trailing punctuation.
Anything else is no label at all and counts as wrong.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

if TYPE_CHECKING:
    from collections.abc import Sequence

Codes = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


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
    """

    confusion: Codes
    precision: npt.NDArray[np.float64]
    recall: npt.NDArray[np.float64]
    f1: npt.NDArray[np.float64]
    support: Codes
    macro_f1: float


def exact_matches(references: Sequence[str], predictions: Sequence[str]) -> Flags:
    """Which predictions equal their reference after NFC and removal of outer white space."""
    pairs = zip(references, predictions, strict=True)
    return np.array([_plain(right) == _plain(given) for right, given in pairs], dtype=bool)


def label_codes(predictions: Sequence[str], labels: Sequence[str]) -> Codes:
    """Read each prediction as the position of a label; ``len(labels)`` means none of them.

    A label that equals the prediction with case and punctuation is preferred. Where two labels
    differ in case or trailing punctuation alone, only such an equal one is taken.
    """
    plain = {_plain(label): code for code, label in enumerate(labels)}
    folds = Counter(_folded(label) for label in labels)
    folded = {
        _folded(label): code for code, label in enumerate(labels) if folds[_folded(label)] == 1
    }
    none = len(labels)
    codes = {
        text: plain.get(_plain(text), folded.get(_folded(text), none)) for text in set(predictions)
    }
    return np.array([codes[text] for text in predictions], dtype=np.int64)


def classification_scores(expected: Codes, predicted: Codes, size: int) -> ClassificationScores:
    """Score label codes by scikit-learn.

    Args:
        expected: Right labels as codes below ``size``, one for each row; at least one row.
        predicted: Predicted labels; ``size`` stands for a prediction that is no label.
        size: Number of labels.
    """
    precision, recall, f1, support = precision_recall_fscore_support(
        expected, predicted, labels=range(size), zero_division=np.nan
    )
    return ClassificationScores(
        confusion=confusion_matrix(expected, predicted, labels=range(size + 1))[:size],
        precision=precision,
        recall=recall,
        f1=f1,
        support=support,
        macro_f1=float(np.nanmean(f1)),
    )


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()


def _folded(text: str) -> str:
    plain = _plain(_plain(text).casefold())
    end = len(plain)
    while end and (plain[end - 1].isspace() or unicodedata.category(plain[end - 1])[0] == "P"):
        end -= 1
    return plain[:end] or plain  # a label such as "?" is all punctuation
