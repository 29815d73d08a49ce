"""Parts of the held-out rows: where a tuned candidate loses against the best prompt."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from tuneline.evaluation.wording import p_number, score, signed, signed_interval
from tuneline.report.words import counted, listed, name_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.evaluation.results import EvaluationMetrics, MetricInfo, SliceResult
    from tuneline.evaluation.verdict import Verdict

SHOWN_SLICES = 100
_NAMED = 3


class SliceRow(NamedTuple):
    """One part; ``decides`` says whether it has enough rows to."""

    kind: str
    value: str
    rows: int
    baseline: str
    candidate: str
    gain: str
    interval: str
    p: str
    decides: bool
    loses: bool


class SlicesOf(NamedTuple):
    """The parts of one tuned candidate, the worst first, and how many are not shown."""

    candidate: str
    baseline: str
    rows: list[SliceRow]
    hidden: int


def slices_by_candidate(metrics: EvaluationMetrics, first: str) -> list[SlicesOf]:
    """The slices of each tuned candidate; those of the candidate ``first`` stand first."""
    by_name: dict[str, list[SliceResult]] = {}
    for found in metrics.slices:
        by_name.setdefault(found.candidate, []).append(found)
    return [
        _slices_of(metrics, by_name[name])
        for name in sorted(by_name, key=lambda name: name != first)
    ]


def _slices_of(metrics: EvaluationMetrics, found: Sequence[SliceResult]) -> SlicesOf:
    info, least = metrics.info(metrics.primary_metric), metrics.settings.gate.min_slice_rows
    ordered = sorted(found, key=lambda one: (one.rows < least, math.isnan(one.loss), -one.loss))
    return SlicesOf(
        name_of(found[0].candidate),
        name_of(found[0].baseline),
        [_row(one, info, least) for one in ordered[:SHOWN_SLICES]],
        max(0, len(ordered) - SHOWN_SLICES),
    )


def _row(one: SliceResult, info: MetricInfo, least: int) -> SliceRow:
    # The page says what is gained, so the interval of the loss turns around.
    low, high = (None if end is None else -end for end in (one.high, one.low))
    return SliceRow(
        one.slice,
        _value(one),
        one.rows,
        score(one.baseline_value, info),
        score(one.candidate_value, info),
        signed(-one.loss, info),
        signed_interval(low, high, info),
        p_number(one.p_corrected),
        decides=one.rows >= least,
        loses=one.loss > 0,
    )


def _value(one: SliceResult) -> str:
    return name_of(one.value) or "(empty)"


def worst_sentence(verdict: Verdict, info: MetricInfo) -> str:
    """The worst slices by name, in one sentence; empty where no slice could decide."""
    worst = verdict.worst_slices[:_NAMED]
    if not worst:
        return ""
    losing = [one for one in worst if one.loss > 0]
    unit = " points" if info.unit == "share" else ""
    named = [
        f"{one.slice} {_value(one)} ({signed(-one.loss, info)}{unit}, {counted(one.rows, 'row')})"
        for one in losing or worst[:1]
    ]
    tuned, baseline = name_of(worst[0].candidate), name_of(worst[0].baseline)
    if not losing:
        return (
            f"No slice with enough rows to decide loses against {baseline}; {tuned} gains least "
            f"on {named[0]}."
        )
    return f"{tuned} loses most against {baseline} on {listed(named)}."
