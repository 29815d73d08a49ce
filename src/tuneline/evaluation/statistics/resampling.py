"""The bootstrap: units drawn with replacement, once for all candidates and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tuneline.errors import DataError
from tuneline.evaluation.statistics.tables import chunks, weighted_sums

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tuneline.evaluation.rows import FloatArray
    from tuneline.evaluation.statistics.tables import Table, Weights


@dataclass(frozen=True, slots=True)
class Sampled:
    """One candidate under one metric.

    Attributes:
        table: Statistics of each unit, shape (units, columns).
        totals: Their sums in each resample, shape (resamples, columns).
    """

    table: Table
    totals: FloatArray


@dataclass(frozen=True, slots=True)
class Resampling:
    """Resamples of as many units as there are, drawn with replacement (Efron 1979).

    A resample is the number of times that each unit was drawn. The same numbers serve every table,
    so that differences between candidates are paired.

    Attributes:
        units: Number of units, at least 1.
        resamples: Number of resamples.
        seed: Equal seeds give equal resamples.

    Raises:
        DataError: There are no units.
    """

    units: int
    resamples: int
    seed: int

    def __post_init__(self) -> None:
        if self.units < 1:
            raise DataError("There are no held-out rows, so nothing can be resampled. Give some.")

    def weights(self) -> Iterator[Weights]:
        """Yield how often each resample holds each unit, in chunks of shape (resamples, units)."""
        generator = np.random.default_rng(self.seed)
        for count in chunks(self.resamples, self.units):
            # One byte is enough: the chance that a unit is drawn over 255 times is below 1 / 255!
            chunk = np.empty((count, self.units), dtype=np.uint8)
            for resample in chunk:
                drawn = generator.integers(0, self.units, self.units)
                resample[:] = np.bincount(drawn, minlength=self.units)
            yield chunk

    def totals(self, tables: Sequence[Table]) -> list[FloatArray]:
        """Sums of each table in each resample, shape (resamples, columns) each.

        One pass over the weights serves all tables: give as many at once as there are.

        Args:
            tables: Statistics of the same units, shape (units, columns) each.
        """
        parts = [weighted_sums(weights, tables) for weights in self.weights()]
        return [np.concatenate(chunked) for chunked in zip(*parts, strict=True)]

    def sampled(self, tables: Sequence[Table]) -> list[Sampled]:
        """Each table with its totals."""
        return [
            Sampled(table, totals)
            for table, totals in zip(tables, self.totals(tables), strict=True)
        ]
