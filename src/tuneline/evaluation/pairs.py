"""Every pair of candidates: difference, interval, test, and what the gate needs beside it."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from tuneline.evaluation.gate import Comparison
from tuneline.evaluation.results import PairedTest, finite
from tuneline.evaluation.statistics.margin import margin_p_value
from tuneline.evaluation.statistics.multiple import holm
from tuneline.evaluation.statistics.paired import Comparison as Pair
from tuneline.evaluation.statistics.paired import compare_all
from tuneline.evaluation.statistics.power import detectable_difference, detectable_from_draws
from tuneline.evaluation.statistics.randomization import PairedRandomization

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tuneline.evaluation.metrics import metric as measures
    from tuneline.evaluation.results import CandidateResult
    from tuneline.evaluation.settings import EvaluationSettings
    from tuneline.evaluation.statistics.paired import PairedDifference
    from tuneline.evaluation.statistics.resampling import Sampled
    from tuneline.evaluation.statistics.units import Units


def compared(
    results: Sequence[CandidateResult],
    metric: measures.Metric,
    sampled: Mapping[str, Sampled],
    units: Units,
    settings: EvaluationSettings,
) -> list[Comparison]:
    """Compare every pair of candidates by the primary metric.

    Args:
        results: From the cheapest to the costliest; the costlier one of a pair stands first.
        metric: The primary metric.
        sampled: Its statistics with their bootstrap totals, by candidate.
        units: Independent rows or groups of rows.
        settings: Level, swaps and the gate's margin.
    """
    pairs = list(combinations([r.name for r in results if metric.name in r.metrics], 2))
    randomization = PairedRandomization(settings.permutations, settings.seed)
    found = compare_all(
        [Pair(metric, sampled[costlier], sampled[cheaper]) for cheaper, costlier in pairs],
        units,
        randomization,
    )
    corrected = holm({str(place): difference.p_value for place, difference in enumerate(found)})
    tuned = {result.name for result in results if result.kind != "baseline"}
    level = settings.significance / max(1, len(tuned))
    return [
        Comparison(
            test=_paired_test(
                metric, costlier, cheaper, len(units.codes), difference, corrected[str(place)]
            ),
            p_margin=margin_p_value(
                Pair(metric, *_tuned_first(sampled, costlier, cheaper, tuned)),
                units,
                settings.gate.margin,
                draws=settings.permutations,
                seed=settings.seed,
            )
            if settings.gate.margin
            else difference.p_value,
            detectable=_detectable(difference, units, level),
        )
        for place, ((cheaper, costlier), difference) in enumerate(zip(pairs, found, strict=True))
    ]


def _paired_test(
    metric: measures.Metric,
    first: str,
    second: str,
    rows: int,
    found: PairedDifference,
    p_corrected: float,
) -> PairedTest:
    return PairedTest(
        metric=metric.name,
        test=found.test,
        first=first,
        second=second,
        rows=rows,
        difference=found.difference.value,
        low=finite(found.difference.low),
        high=finite(found.difference.high),
        first_only=found.first_only,
        second_only=found.second_only,
        p_value=found.p_value,
        p_corrected=p_corrected,
    )


def _tuned_first(
    sampled: Mapping[str, Sampled], costlier: str, cheaper: str, tuned: set[str]
) -> tuple[Sampled, Sampled]:
    """A pair in the order in which a margin is meant: tuned against baseline."""
    if cheaper in tuned and costlier not in tuned:
        return sampled[cheaper], sampled[costlier]
    return sampled[costlier], sampled[cheaper]


def _detectable(found: PairedDifference, units: Units, level: float) -> float:
    rows = len(units.codes)
    if found.first_only is None or found.second_only is None:
        return detectable_from_draws(found.standard_error, level, units.count)
    by_chance = 2 * min(found.first_only, found.second_only) / rows
    return detectable_difference(rows, by_chance, level)
