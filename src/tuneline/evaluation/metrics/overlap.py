"""Metrics of what a prediction shares with its reference: ROUGE, chrF, and the length ratio.

ROUGE equals rouge-score to 1e-9 on texts whose letters and digits are all ASCII, and gives sensible
scores elsewhere; see ``words`` for what a word is.
"""

from __future__ import annotations

from abc import abstractmethod
from importlib.util import find_spec
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from tuneline.errors import ConfigurationError
from tuneline.evaluation.metrics.character_ngrams import ORDER, ngram_statistics
from tuneline.evaluation.metrics.last_batch import LastBatch
from tuneline.evaluation.metrics.metric import MeanMetric, Metric, divided
from tuneline.evaluation.metrics.text import WordPairs, in_common
from tuneline.evaluation.metrics.union_lcs import lcs_length, union_lcs_hits
from tuneline.evaluation.metrics.words import rouge_words, stemmed

if TYPE_CHECKING:
    from tuneline.evaluation.rows import FloatArray, Rows

BETA = 2  # chrF2: recall weighs twice as much as precision


def _word_pairs(rows: Rows) -> WordPairs:
    pairs = zip(rows.references, rows.predictions, strict=True)
    return [(rouge_words(reference), rouge_words(prediction)) for reference, prediction in pairs]


def _stem_pairs(rows: Rows) -> WordPairs:
    return [(stemmed(left), stemmed(right)) for left, right in _last_words.of(rows)]


_last_words = LastBatch(_word_pairs)
_last_stems = LastBatch(_stem_pairs)


class _Rouge(MeanMetric):
    """Mean over rows of an F-measure of ROUGE (Lin 2004): twice the hits over all units of both.

    Rows with a text without words score 0, as in rouge-score.

    Args:
        use_stemmer: Compare English words by their stem, as rouge-score's option of this name.
            Needs the package nltk.

    Raises:
        ConfigurationError: ``use_stemmer`` without nltk.
    """

    def __init__(self, *, use_stemmer: bool = False) -> None:
        if use_stemmer and find_spec("nltk") is None:
            raise ConfigurationError(
                "ROUGE with use_stemmer needs nltk's Porter stemmer: pip install nltk."
            )
        self.use_stemmer = use_stemmer
        stemmer = "with" if use_stemmer else "no"
        self.source = f"F-measure as rouge-score 0.1.2, {stemmer} stemmer; words of any script"

    def word_pairs(self, rows: Rows) -> WordPairs:
        """Words, or stems, of reference and prediction."""
        return (_last_stems if self.use_stemmer else _last_words).of(rows)


class _RougeN(_Rouge):
    """ROUGE over n-grams of words, as multisets."""

    order: int

    def scores(self, rows: Rows) -> list[float]:
        """F-measure of each row."""
        shorter = self.order - 1
        return [
            _f_measure(
                in_common(self.ngrams(reference), self.ngrams(prediction)),
                max(len(reference) - shorter, 0) + max(len(prediction) - shorter, 0),
            )
            for reference, prediction in self.word_pairs(rows)
        ]

    @abstractmethod
    def ngrams(self, words: list[str]) -> list[str] | pairwise[tuple[str, str]]:
        """N-grams in their order."""


class Rouge1(_RougeN):
    """ROUGE-1: single words."""

    name = "rouge_1"
    title = "ROUGE-1"
    order = 1

    def ngrams(self, words: list[str]) -> list[str]:
        """The words themselves."""
        return words


class Rouge2(_RougeN):
    """ROUGE-2: pairs of neighbouring words."""

    name = "rouge_2"
    title = "ROUGE-2"
    order = 2

    def ngrams(self, words: list[str]) -> pairwise[tuple[str, str]]:
        """Pairs of neighbours."""
        return pairwise(words)


class RougeL(_Rouge):
    """ROUGE-L: longest common subsequence of the whole texts."""

    name = "rouge_l"
    title = "ROUGE-L"

    def scores(self, rows: Rows) -> list[float]:
        """F-measure of each row."""
        return [
            _f_measure(lcs_length(reference, prediction), len(reference) + len(prediction))
            for reference, prediction in self.word_pairs(rows)
        ]


class RougeLsum(_Rouge):
    """ROUGE-Lsum: union over lines of their longest common subsequences.

    A sentence is a line, as in rouge-score; texts of one line score as ROUGE-L.
    """

    name = "rouge_lsum"
    title = "ROUGE-Lsum"

    def scores(self, rows: Rows) -> list[float]:
        """F-measure of each row."""
        pairs = zip(rows.references, rows.predictions, self.word_pairs(rows), strict=True)
        return [
            _f_measure(
                union_lcs_hits(self._lines(reference, words), self._lines(prediction, others)),
                len(words) + len(others),
            )
            for reference, prediction, (words, others) in pairs
        ]

    def _lines(self, text: str, words: list[str]) -> list[list[str]]:
        if "\n" not in text:
            return [words]
        lines = map(rouge_words, text.split("\n"))
        return [stemmed(line) if self.use_stemmer else line for line in lines if line]


class Chrf(Metric):
    """chrF2 (Popović 2015) of the corpus, from 0 to 1: sacrebleu's ``corpus_score`` over 100.

    Counts of n-grams are summed over rows before precision and recall are taken, so that long
    texts weigh more. Orders that no prediction or no reference is long enough for are left out.
    """

    name = "chrf"
    title = "chrF"
    source = "sacrebleu 2.6: chrF2, nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no"
    columns = (
        *(f"{side}_{order + 1}" for order in range(ORDER) for side in ("hyp", "ref", "match")),
        "rows",
    )

    def measure(self, rows: Rows) -> FloatArray:
        """N-grams of each order in prediction, reference and both; then 1 for the row."""
        statistics = ngram_statistics(rows.references, rows.predictions)
        return np.column_stack([statistics.reshape(len(rows), 3 * ORDER), np.ones(len(rows))])

    def value(self, sums: FloatArray) -> FloatArray:
        """F-score of the mean precision and recall over orders; NaN without rows."""
        counts = sums[..., :-1].reshape(*sums.shape[:-1], ORDER, 3)
        predicted, expected, matched = counts[..., 0], counts[..., 1], counts[..., 2]
        used = (predicted > 0) & (expected > 0)
        orders = used.sum(axis=-1)
        precision = _mean(np.where(used, divided(matched, predicted), 0.0), orders)
        recall = _mean(np.where(used, divided(matched, expected), 0.0), orders)
        weighted = BETA**2 * precision + recall
        score = np.nan_to_num(divided((1 + BETA**2) * precision * recall, weighted))
        return np.where(sums[..., -1] > 0, score, np.nan)


class LengthRatio(Metric):
    """Words of all predictions over words of all references; words as for ROUGE.

    1 is best, more and less are both worse: there is no better direction. ``higher_is_better`` is
    left at its default because a metric has to say one; do not rank candidates by this metric or
    ask a verdict for an improvement of it, only bound it.
    """

    name = "length_ratio"
    title = "length ratio"
    source = "predicted words / reference words"
    unit = "ratio"
    columns = ("predicted_words", "reference_words")

    def measure(self, rows: Rows) -> FloatArray:
        """Words of prediction and reference."""
        pairs = _last_words.of(rows)
        counts = [(len(prediction), len(reference)) for reference, prediction in pairs]
        return np.array(counts, dtype=np.float64).reshape(-1, 2)

    def value(self, sums: FloatArray) -> FloatArray:
        """Ratio of the sums; NaN where no reference has a word."""
        return divided(sums[..., 0], sums[..., 1])


def _f_measure(hits: int, units: int) -> float:
    """Harmonic mean of hits over the units of either text, by the units of both together."""
    return 2 * hits / units if units else 0.0


def _mean(values: FloatArray, counts: FloatArray) -> FloatArray:
    """Mean over the last axis of as many as counted; 0 where none is."""
    result: FloatArray = values.sum(axis=-1) / np.maximum(counts, 1)
    return result
