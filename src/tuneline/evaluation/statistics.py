"""How sure the numbers are: bootstrap intervals and paired tests.

Intervals are 95 % percentile bootstrap intervals over resampled rows (Efron 1979). A score that
depends only on how many rows fall into each cell of a table (right and wrong; the four outcomes of
a pair; a confusion matrix) has the same bootstrap distribution when the counts of the cells are
drawn from a multinomial with the observed shares. That is what is done here: exact, and cheaper.

Where all rows fall into one cell there is nothing to resample and the bootstrap would claim
certainty. For shares and differences of shares the exact binomial bound is used instead: with ``n``
of ``n`` rows alike, the share is at least 0.025 ** (1 / n) (Clopper and Pearson 1934).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tuneline.evaluation.metrics import Codes, Flags

_TAIL = 0.025
_CELLS_A_CHUNK = 4_000_000
_POWER = 0.8


@dataclass(frozen=True, slots=True)
class Interval:
    """A score with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Two candidates on the same rows.

    Attributes:
        difference: Share of rows that the first has right minus that of the second.
        first_only: Rows that the first alone has right.
        second_only: Rows that the second alone has right.
        p_value: Of the exact two-sided McNemar test; 1 where they never differ.
    """

    difference: Interval
    first_only: int
    second_only: int
    p_value: float


def share_interval(hits: int, rows: int, *, resamples: int, seed: int) -> Interval:
    """Share of rows that are hits, with its interval; ``rows`` is at least 1."""
    value = hits / rows
    if hits in {0, rows}:
        return _whole_table(value, rows, lowest=0.0)
    draws = np.random.default_rng(seed).binomial(rows, value, resamples) / rows
    return _percentiles(value, draws)


def macro_f1_interval(confusion: Codes, *, resamples: int, seed: int) -> Interval:
    """Macro-F1 of a confusion matrix of shape (k, k + 1), with its interval.

    The interval has no width where no resample could change the score, as when every row is right.
    """
    value = float(_macro_f1(confusion[None])[0])
    draws = [_macro_f1(chunk) for chunk in _resampled(confusion, resamples, seed)]
    return _percentiles(value, np.concatenate(draws))


def paired_difference(
    first: Flags, second: Flags, *, resamples: int, seed: int
) -> PairedDifference:
    """Compare what two candidates have right on the same rows, of which there is at least one.

    The test is McNemar's in its exact form: under the null hypothesis, the rows that only one of
    the two has right fall to either side with probability one half (McNemar 1947; a binomial test).
    """
    rows = len(first)
    gained, lost = int(np.sum(first & ~second)), int(np.sum(second & ~first))
    p_value = float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    value = (gained - lost) / rows
    if rows in {gained, lost, rows - gained - lost}:
        difference = _whole_table(value, rows, lowest=-1.0)
    else:
        shares = np.array([gained, lost, rows - gained - lost]) / rows
        draws = np.random.default_rng(seed).multinomial(rows, shares, resamples)
        difference = _percentiles(value, (draws[:, 0] - draws[:, 1]) / rows)
    return PairedDifference(difference, gained, lost, p_value)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Correct p-values for many comparisons, so that their family keeps its level (Holm 1979)."""
    corrected: dict[str, float] = {}
    largest = 0.0
    for index, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        largest = max(largest, min(1.0, (len(p_values) - index) * p_values[name]))
        corrected[name] = largest
    return corrected


def detectable_difference(rows: int, disagreement: float, significance: float) -> float:
    """The true difference that McNemar's test finds in four runs of five.

    Solves Connor's sample-size formula (1987) for the difference ``d``:
    ``rows = (z_a sqrt(u) + z_b sqrt(u - d ** 2)) ** 2 / d ** 2``.

    Args:
        rows: Held-out rows, at least 1.
        disagreement: Share ``u`` of rows that only one of the two candidates has right.
        significance: Level of the test.

    Returns:
        The difference as a share; NaN where even rows that all differ in one direction would not
        be enough.
    """
    level = NormalDist().inv_cdf(1 - significance / 2)
    power = NormalDist().inv_cdf(_POWER)
    under_root = rows + power**2 - level**2
    if under_root < 0:
        return math.nan
    difference = math.sqrt(disagreement) * (
        (level * math.sqrt(rows) + power * math.sqrt(under_root)) / (rows + power**2)
    )
    return difference if 0 < difference <= disagreement else math.nan


def _whole_table(value: float, rows: int, *, lowest: float) -> Interval:
    slack = 1 - _TAIL ** (1 / rows)
    return Interval(value, max(lowest, value - slack), min(1.0, value + slack))


def _percentiles(value: float, draws: npt.NDArray[np.float64]) -> Interval:
    low, high = np.quantile(draws, [_TAIL, 1 - _TAIL])
    return Interval(value, float(low), float(high))


def _resampled(table: Codes, resamples: int, seed: int) -> Iterator[Codes]:
    """Yield resampled tables in chunks that bound the memory, each of shape (chunk, *table)."""
    generator = np.random.default_rng(seed)
    rows = int(table.sum())
    shares = table.ravel() / rows
    filled = np.flatnonzero(shares)
    size = max(1, _CELLS_A_CHUNK // table.size)
    for start in range(0, resamples, size):
        count = min(size, resamples - start)
        chunk = np.zeros((count, table.size), dtype=np.int64)
        chunk[:, filled] = generator.multinomial(rows, shares[filled], count)
        yield chunk.reshape(count, *table.shape)


def _macro_f1(tables: Codes) -> npt.NDArray[np.float64]:
    """Macro-F1 of tables of shape (tables, k, k + 1): 2 right / (expected + predicted), averaged.

    Labels that neither occur nor are predicted are left out, as in `classification_scores`.
    """
    size = tables.shape[1]
    right = np.diagonal(tables[:, :, :size], axis1=1, axis2=2)
    involved = tables.sum(axis=2) + tables[:, :, :size].sum(axis=1)
    scores = np.divide(2 * right, involved, out=np.zeros(right.shape), where=involved > 0)
    occurring: npt.NDArray[np.float64] = (involved > 0).sum(axis=1)
    means: npt.NDArray[np.float64] = scores.sum(axis=1) / occurring
    return means
