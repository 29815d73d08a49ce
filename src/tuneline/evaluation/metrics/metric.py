"""What a metric is: statistics of single rows, and the score that their sums give.

Whatever a metric needs of a row is a few numbers that can be added up. So one table of numbers, a
row for each held-out row, is all that intervals, paired tests and slices work on: resampling rows
means weighting them, and the score of a sample is the score of its weighted sums. That holds for
means over rows as for corpus scores such as chrF, F1 over entities or perplexity.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scipy.sparse import csr_array

    from tuneline.evaluation.rows import FloatArray, Rows

Unit = Literal["share", "ratio"]
"""``share``: between 0 and 1, shown in per cent. ``ratio``: any number, shown as it is."""


class Metric(ABC):
    """One metric. Instances can be pickled, since rows are measured in several processes.

    Attributes:
        name: As in ``metrics.json``: ``rouge_l``.
        title: As people write it within a sentence: ``ROUGE-L``, ``exact match``.
        source: The library or rule that defines it, with its version where one matters.
        unit: How values read.
        higher_is_better: Which way is better.
        right_or_wrong: Whether every row scores 0 or 1 and the value is their mean.
        same_rows_only: Whether candidates are compared only on rows that all of them have with the
            same weight, which is the last column.
        uses_all_cores: Whether it measures rows side by side on its own.
        columns: Names of the statistics of a row.
    """

    name: str
    title: str
    source: str
    unit: Unit = "share"
    higher_is_better: bool = True
    right_or_wrong: bool = False
    same_rows_only: bool = False
    uses_all_cores: bool = False
    columns: tuple[str, ...]

    @abstractmethod
    def measure(self, rows: Rows) -> FloatArray | csr_array:
        """Statistics of each row, shape (rows, columns), all finite."""

    @abstractmethod
    def value(self, sums: FloatArray) -> FloatArray:
        """The score of summed statistics, shape (..., columns) to (...); NaN where undefined."""

    def remark(self, prompt: str, reference: str, prediction: str) -> str:
        """Why one answer is wrong, for people; empty where the metric cannot tell."""
        del prompt, reference, prediction
        return ""


class MeanMetric(Metric):
    """A metric that is the mean of its rows' scores; rows without a score are left out."""

    columns = ("score", "rows")

    @abstractmethod
    def scores(self, rows: Rows) -> Sequence[float] | FloatArray:
        """The score of each row; NaN where it has none."""

    def measure(self, rows: Rows) -> FloatArray:
        """Score and weight of each row."""
        scores = np.asarray(self.scores(rows), dtype=np.float64)
        defined = ~np.isnan(scores)
        return np.stack([np.where(defined, scores, 0.0), defined.astype(np.float64)], axis=1)

    def value(self, sums: FloatArray) -> FloatArray:
        """Sum over count."""
        return divided(sums[..., 0], sums[..., 1])


def divided(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Elementwise quotient; NaN where the denominator is 0."""
    result: FloatArray = np.divide(
        numerator, denominator, out=np.full(np.shape(numerator), np.nan), where=denominator != 0
    )
    return result
