"""Each tuned candidate against the best baseline on parts of the held-out rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tuneline.evaluation.gate import UnscoredSlice, best_by
from tuneline.evaluation.results import MetricInfo, SliceResult, finite
from tuneline.evaluation.slices import slices_of
from tuneline.evaluation.statistics.multiple import holm
from tuneline.evaluation.statistics.paired import Comparison as Pair
from tuneline.evaluation.statistics.paired import compare_all
from tuneline.evaluation.statistics.randomization import PairedRandomization
from tuneline.evaluation.statistics.resampling import Resampling
from tuneline.evaluation.statistics.scores import estimate
from tuneline.evaluation.statistics.units import Units

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tuneline.evaluation.held_out import HeldOut
    from tuneline.evaluation.measure import Measured
    from tuneline.evaluation.metrics import metric as measures
    from tuneline.evaluation.results import CandidateResult
    from tuneline.evaluation.settings import EvaluationSettings
    from tuneline.evaluation.slices import Slice
    from tuneline.evaluation.statistics.intervals import Interval


def slice_results(
    held_out: HeldOut,
    results: Sequence[CandidateResult],
    metric: measures.Metric,
    measured: Mapping[str, Measured],
    settings: EvaluationSettings,
) -> tuple[list[SliceResult], list[UnscoredSlice]]:
    """Compare each tuned candidate with the best baseline, slice by slice.

    Args:
        held_out: The rows.
        results: From the cheapest to the costliest.
        metric: The primary metric.
        measured: Statistics of the rows, by candidate.
        settings: Which slices, resamples and swaps.

    Returns:
        The results, and the slices with enough rows to decide on which a tuned candidate has no
        score.
    """
    scored = [result for result in results if metric.name in result.metrics]
    baselines = [result for result in scored if result.kind == "baseline"]
    tuned = [result.name for result in scored if result.kind != "baseline"]
    if not baselines or not tuned:
        return [], []
    names = [best_by(baselines, MetricInfo.of(metric)).name, *tuned]
    parts = slices_of(held_out, settings.slices, settings.gate.min_slice_rows)
    found = [_slice(held_out, part, metric, measured, names, settings) for part in parts]
    unscored = [
        UnscoredSlice(part.kind, part.value, name)
        for part, results_of_part in zip(parts, found, strict=True)
        for name in names[1:]
        if len(part.rows) >= settings.gate.min_slice_rows
        and name not in {result.candidate for result in results_of_part}
    ]
    return _corrected([result for of_part in found for result in of_part]), unscored


def _slice(
    held_out: HeldOut,
    part: Slice,
    metric: measures.Metric,
    measured: Mapping[str, Measured],
    names: Sequence[str],
    settings: EvaluationSettings,
) -> list[SliceResult]:
    """The first of the names is the baseline. Candidates without a value there are left out."""
    units = Units.of([held_out.groups[row] for row in part.rows], len(part.rows))
    tables = [units.sums(measured[name].statistics[metric.name][part.rows]) for name in names]
    sampled = Resampling(units.count, settings.resamples, settings.seed).sampled(tables)
    values = [estimate(metric, one, units).value for one in sampled]
    differences = compare_all(
        [Pair(metric, tuned, sampled[0]) for tuned in sampled[1:]],
        units,
        PairedRandomization(settings.permutations, settings.seed),
    )
    sign = 1 if metric.higher_is_better else -1
    return [
        SliceResult(
            slice=part.kind,
            value=part.value,
            rows=len(part.rows),
            candidate=name,
            baseline=names[0],
            candidate_value=value,
            baseline_value=values[0],
            loss=sign * (values[0] - value),
            low=finite(ends[0]),
            high=finite(ends[1]),
            p_value=found.p_value,
            p_corrected=found.p_value,
        )
        for name, value, found in zip(names[1:], values[1:], differences, strict=True)
        for ends in [_ends_of_loss(found.difference, sign)]
        if math.isfinite(value) and math.isfinite(values[0])
    ]


def _ends_of_loss(difference: Interval, sign: int) -> tuple[float, float]:
    """The interval of a difference, tuned less baseline, as that of the loss."""
    return (-difference.high, -difference.low) if sign > 0 else (difference.low, difference.high)


def _corrected(slices: Sequence[SliceResult]) -> list[SliceResult]:
    """Correct the p-values of each candidate for the number of its slices."""
    corrected: dict[int, float] = {}
    for name in {part.candidate for part in slices}:
        own = {
            str(place): part.p_value for place, part in enumerate(slices) if part.candidate == name
        }
        corrected |= {int(place): value for place, value in holm(own).items()}
    return [
        part.model_copy(update={"p_corrected": corrected[place]})
        for place, part in enumerate(slices)
    ]
