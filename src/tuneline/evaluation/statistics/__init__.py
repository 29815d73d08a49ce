"""How sure the numbers are: intervals, paired tests and what they could have found.

Everything works on tables of additive statistics (`tuneline.evaluation.metrics.metric`), a row for
each independent unit: a held-out row, or a group of rows that belong together. The usual order:

    units = Units.of(groups, rows)
    resampling = Resampling(units.count, resamples, seed)
    first, second = resampling.sampled([units.sums(table) for table in tables])
    interval = estimate(metric, first, units)
    difference = compare(metric, first, second, units, PairedRandomization(draws, seed))

All intervals are 95 % intervals. Which method is used where was chosen by simulation; the figures
stand with each method and are checked by ``tests/evaluation/statistics``.
"""

from __future__ import annotations

from tuneline.evaluation.statistics.intervals import Interval, bootstrap_interval, share_interval
from tuneline.evaluation.statistics.multiple import holm
from tuneline.evaluation.statistics.paired import (
    Comparison,
    PairedDifference,
    compare,
    compare_all,
)
from tuneline.evaluation.statistics.paired_shares import mcnemar, share_difference_interval
from tuneline.evaluation.statistics.power import detectable_difference, detectable_from_draws
from tuneline.evaluation.statistics.randomization import Pair, PairedRandomization
from tuneline.evaluation.statistics.resampling import Resampling, Sampled
from tuneline.evaluation.statistics.scores import estimate
from tuneline.evaluation.statistics.tables import Table, column_sums
from tuneline.evaluation.statistics.units import Units
from tuneline.evaluation.statistics.wins import Preference, preference

__all__ = [
    "Comparison",
    "Interval",
    "Pair",
    "PairedDifference",
    "PairedRandomization",
    "Preference",
    "Resampling",
    "Sampled",
    "Table",
    "Units",
    "bootstrap_interval",
    "column_sums",
    "compare",
    "compare_all",
    "detectable_difference",
    "detectable_from_draws",
    "estimate",
    "holm",
    "mcnemar",
    "preference",
    "share_difference_interval",
    "share_interval",
]
