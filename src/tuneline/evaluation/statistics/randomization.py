"""Paired approximate randomisation: would swapping the candidates matter?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

from tuneline.evaluation.statistics.tables import chunks, column_sums, dense, weighted_sums

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from tuneline.evaluation.metrics.metric import Metric
    from tuneline.evaluation.rows import FloatArray
    from tuneline.evaluation.statistics.tables import Table, Weights

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Pair:
    """Statistics of two candidates on the same units, shape (units, columns) each."""

    metric: Metric
    first: Table
    second: Table


@dataclass(frozen=True, slots=True)
class PairedRandomization:
    """Paired randomisation tests (Noreen 1989) that share their random swaps.

    If it made no difference which candidate answered, each unit's two answers could be swapped. The
    p-value is the share of swaps whose difference between the candidates is at least as large as
    the one seen, in either direction. All ``2 ** n`` swaps are tried where they are no more than
    ``draws``, otherwise ``draws`` random ones, among which the one seen is counted too.

    Units with equal statistics on both sides change nothing and do not count into ``n``.
    A pair's p-value does not depend on which other pairs are tested with it.

    Attributes:
        draws: Number of random swaps.
        seed: Equal seeds give equal swaps.
    """

    draws: int
    seed: int

    def p_values(self, pairs: Sequence[Pair]) -> list[float]:
        """Two-sided p-values of pairs on the same units, in their order.

        A p-value is 1 where the two never differ, and where the difference is undefined. Swaps that
        make it undefined count as large.
        """
        swaps = [_Swap.of(pair) for pair in pairs]
        p_values = [1.0] * len(pairs)
        drawn: list[int] = []
        for place, swap in enumerate(swaps):
            combinations = 2 ** min(len(swap.differing), 64)
            if combinations == 1 or np.isnan(swap.observed):
                continue
            if combinations <= self.draws:
                p_values[place] = swap.exact_p_value()
            else:
                drawn.append(place)
        if drawn:
            for place, count in zip(drawn, self._large([swaps[i] for i in drawn]), strict=True):
                p_values[place] = (1 + int(count)) / (1 + self.draws)
        return p_values

    def _large(self, swaps: Sequence[_Swap]) -> npt.NDArray[np.int64]:
        """How many random swaps are as large as the one seen, for each."""
        units = swaps[0].change.shape[0]
        kept = np.unique(np.concatenate([swap.differing for swap in swaps]))
        changes = [swap.change[kept] for swap in swaps]
        counts = np.zeros(len(swaps), dtype=np.int64)
        for flips in self._flips(units):
            moved = weighted_sums(flips[:, kept], changes)
            counts += [swap.large(part) for swap, part in zip(swaps, moved, strict=True)]
        return counts

    def _flips(self, units: int) -> Iterator[Weights]:
        """Yield which units are swapped (1) or not (0), in chunks of shape (draws, units)."""
        generator = np.random.default_rng(self.seed)
        for count in chunks(self.draws, units):
            words = generator.integers(
                0, 2**64 - 1, (count, -(-units // 64)), dtype=np.uint64, endpoint=True
            )
            yield np.unpackbits(words.astype("<u8").view(np.uint8), axis=1, count=units)


@dataclass(frozen=True, slots=True)
class _Swap:
    """A pair prepared for swapping.

    Attributes:
        metric: Gives the value of summed statistics.
        first: Sums of the first candidate, shape (columns,).
        second: Sums of the second candidate.
        change: What a swap of each unit takes from the first and gives to the second, shape
            (units, columns).
        differing: Units that have any change.
        observed: Value of the first minus that of the second.
        threshold: Least absolute difference that counts as large: that seen, less rounding.
    """

    metric: Metric
    first: FloatArray
    second: FloatArray
    change: Table
    differing: npt.NDArray[np.intp]
    observed: float
    threshold: float

    @classmethod
    def of(cls, pair: Pair) -> _Swap:
        if isinstance(pair.first, csr_array) and isinstance(pair.second, csr_array):
            change: Table = csr_array(pair.first - pair.second)
        else:
            change = dense(pair.first) - dense(pair.second)
        differing = np.unique(np.asarray(change.nonzero()[0], dtype=np.intp))
        first, second = column_sums(pair.first), column_sums(pair.second)
        values = float(pair.metric.value(first)), float(pair.metric.value(second))
        observed = values[0] - values[1]
        slack = _ROUNDING * max(abs(values[0]), abs(values[1]))
        return cls(pair.metric, first, second, change, differing, observed, abs(observed) - slack)

    def large(self, moved: FloatArray) -> int:
        """How many differences are as large as that seen, or undefined.

        Args:
            moved: Summed changes of the swapped units, shape (draws, columns).
        """
        values = self.metric.value(self.first - moved) - self.metric.value(self.second + moved)
        return len(values) - int(np.sum(np.abs(values) < self.threshold))

    def exact_p_value(self) -> float:
        """Over all swaps of the units that differ, of which there are few."""
        count = len(self.differing)
        numbers = np.arange(2**count, dtype="<u4").view(np.uint8).reshape(-1, 4)
        flips = np.unpackbits(numbers, axis=1, count=count, bitorder="little")
        (moved,) = weighted_sums(flips, [self.change[self.differing]])
        return self.large(moved) / len(flips)
