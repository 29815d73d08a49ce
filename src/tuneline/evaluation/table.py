"""The comparison as plain text, for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneline.evaluation.wording import dollars, interval, score
from tuneline.report.shown import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.evaluation.results import CandidateSummary, MetricInfo
    from tuneline.evaluation.verdict import Verdict

_SHOWN_METRICS = 2
_LONGEST_NAME = 40


def comparison_table(verdict: Verdict) -> str:
    """Lay out the candidates with scores and costs; the winner is marked with ``*``.

    The first two metrics that any candidate has are shown, the primary one with its interval.
    Prices have a column where one is known.
    """
    metrics = [
        info
        for info in verdict.metrics
        if info.name == verdict.primary_metric
        or any(info.name in candidate.metrics for candidate in verdict.candidates)
    ][:_SHOWN_METRICS]
    priced = any(c.cost.serving_usd_per_1000_calls is not None for c in verdict.candidates)
    header = ["candidate", f"{metrics[0].title} [95 % interval]"]
    header += [info.title for info in metrics[1:]]
    header += ["trainable parameters", "tuning seconds", "prompt tokens per call"]
    header += ["$ per 1,000 calls"] if priced else []
    lines = [
        [
            _name(candidate.name) + (" *" if candidate.name == verdict.winner else ""),
            _with_interval(candidate, metrics[0]),
            *(_score(candidate, info) for info in metrics[1:]),
            *_costs(candidate, priced=priced),
        ]
        for candidate in verdict.candidates
    ]
    return _aligned([header, *lines])


def _name(name: str) -> str:
    """A name in one line, so that no name can draw on the terminal."""
    return shown(" ".join(name.split()), _LONGEST_NAME)


def _score(candidate: CandidateSummary, info: MetricInfo) -> str:
    found = candidate.metrics.get(info.name)
    return "" if found is None else score(found.value, info)


def _with_interval(candidate: CandidateSummary, info: MetricInfo) -> str:
    found = candidate.metrics.get(info.name)
    if found is None:
        return ""
    ends = interval(found, info)
    return f"{score(found.value, info)} [{ends}]" if ends else score(found.value, info)


def _costs(candidate: CandidateSummary, *, priced: bool) -> list[str]:
    cells = [
        f"{candidate.trainable_parameters:,}",
        f"{candidate.cost.training_seconds:.1f}",
        f"{candidate.cost.prompt_tokens_per_call:.0f}",
    ]
    return [*cells, dollars(candidate.cost.serving_usd_per_1000_calls)] if priced else cells


def _aligned(table: Sequence[Sequence[str]]) -> str:
    """Names to the left, numbers to the right, a rule under the header."""
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])
