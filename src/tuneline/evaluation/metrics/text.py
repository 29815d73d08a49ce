"""Metrics of texts that should equal a reference, from strict to lenient."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tuneline.evaluation.metrics.last_batch import LastBatch
from tuneline.evaluation.metrics.metric import MeanMetric
from tuneline.evaluation.metrics.words import plain, squad_words

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from tuneline.evaluation.rows import Rows

__all__ = ["Contains", "ExactMatch", "NormalizedMatch", "TokenF1", "in_common", "plain"]

WordPairs = list[tuple[list[str], list[str]]]
"""Words of reference and prediction, row by row."""

SQUAD_SOURCE = "SQuAD 1.1 rules; Unicode punctuation; Han, Kana, Thai by character"


def _squad_pairs(rows: Rows) -> WordPairs:
    pairs = zip(rows.references, rows.predictions, strict=True)
    return [(squad_words(reference), squad_words(prediction)) for reference, prediction in pairs]


_last_words = LastBatch(_squad_pairs)


def in_common(left: Iterable[Hashable], right: Iterable[Hashable]) -> int:
    """Size of the intersection of two multisets."""
    counts = Counter(left)
    common = 0
    for item in right:
        remaining = counts.get(item)
        if remaining:
            counts[item] = remaining - 1
            common += 1
    return common


class ExactMatch(MeanMetric):
    """Share of predictions that equal their reference after NFC, outer white space removed.

    Case, punctuation and inner white space count.
    """

    name = "exact_match"
    title = "exact match"
    source = "equality after Unicode NFC, outer white space removed"
    right_or_wrong = True

    def scores(self, rows: Rows) -> list[float]:
        """1 where equal."""
        pairs = zip(rows.references, rows.predictions, strict=True)
        return [float(plain(reference) == plain(prediction)) for reference, prediction in pairs]


class NormalizedMatch(MeanMetric):
    """Share of predictions that equal their reference by SQuAD's normalisation.

    Case, punctuation, English articles and the amount of white space do not count; see
    ``words.squad_words`` for scripts other than Latin and for texts of which nothing is left.
    """

    name = "normalized_match"
    title = "normalized match"
    source = SQUAD_SOURCE
    right_or_wrong = True

    def scores(self, rows: Rows) -> list[float]:
        """1 where all words are equal and in order."""
        pairs = _last_words.of(rows)
        return [float(reference == prediction) for reference, prediction in pairs]


class Contains(MeanMetric):
    """Share of predictions in which the reference stands, as whole words in its order.

    Both are normalised as for ``normalized_match``. An empty reference stands in an empty
    prediction alone.
    """

    name = "contains"
    title = "contains the reference"
    source = SQUAD_SOURCE
    right_or_wrong = True

    def scores(self, rows: Rows) -> list[float]:
        """1 where it stands."""
        return [
            float(f" {' '.join(reference)} " in f" {' '.join(prediction)} ")
            if reference
            else float(not prediction)
            for reference, prediction in _last_words.of(rows)
        ]


class TokenF1(MeanMetric):
    """Mean over rows of SQuAD's F1 over words, as multisets; two empty texts score 1."""

    name = "token_f1"
    title = "token F1"
    source = SQUAD_SOURCE

    def scores(self, rows: Rows) -> list[float]:
        """Twice the words in common over all words of both."""
        return [
            2 * in_common(reference, prediction) / (len(reference) + len(prediction))
            if reference or prediction
            else 1.0
            for reference, prediction in _last_words.of(rows)
        ]
