"""The comparison as plain text, for a terminal."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from tuneline.evaluation.wording import UNKNOWN, dollars, interval, score
from tuneline.report.shown import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.evaluation.results import CandidateSummary, MetricInfo
    from tuneline.evaluation.verdict import Verdict

_SHOWN_METRICS = 2
_LONGEST_NAME = 40
_HEADER_WIDTH = 16
"""Characters from which a header is wrapped, unless the column is wider anyway."""

_NO_BREAK = "\N{NO-BREAK SPACE}"


def comparison_table(verdict: Verdict) -> str:
    """Lay out the candidates with scores and costs; the winner is marked with ``*``.

    The primary metric is shown with its interval, then the first other one that all candidates
    have. Prices have a column where one is known; what is not known is a dash.
    """
    metrics = _compared(verdict)
    priced = any(c.cost.serving_usd_per_1000_calls is not None for c in verdict.candidates)
    kept = f"[95{_NO_BREAK}%{_NO_BREAK}interval]"
    header = ["candidate", f"{_name(metrics[0].title)} {kept}"]
    header += [_name(info.title) for info in metrics[1:]]
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
    return _aligned(header, lines)


def _compared(verdict: Verdict) -> list[MetricInfo]:
    """The primary metric, and others in which all candidates can be compared."""
    others = [
        info
        for info in verdict.metrics
        if info.name != verdict.primary_metric
        and verdict.candidates
        and all(info.name in candidate.metrics for candidate in verdict.candidates)
    ]
    return [verdict.info(verdict.primary_metric), *others][:_SHOWN_METRICS]


def _name(name: str) -> str:
    """A name in one line, so that no name can draw on the terminal."""
    return shown(" ".join(name.split()), _LONGEST_NAME)


def _score(candidate: CandidateSummary, info: MetricInfo) -> str:
    found = candidate.metrics.get(info.name)
    return UNKNOWN if found is None else score(found.value, info)


def _with_interval(candidate: CandidateSummary, info: MetricInfo) -> str:
    found = candidate.metrics.get(info.name)
    if found is None:
        return UNKNOWN
    ends = interval(found, info)
    return f"{score(found.value, info)} [{ends}]" if ends else score(found.value, info)


def _costs(candidate: CandidateSummary, *, priced: bool) -> list[str]:
    cells = [
        UNKNOWN if candidate.hides_parameters else f"{candidate.trainable_parameters:,}",
        f"{candidate.cost.training_seconds:.1f}",
        f"{candidate.cost.prompt_tokens_per_call:.0f}",
    ]
    return [*cells, dollars(candidate.cost.serving_usd_per_1000_calls)] if priced else cells


def _aligned(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Names to the left, numbers to the right; long headers are wrapped and end at the rule."""
    columns = [[line[place] for line in lines] for place in range(len(header))]
    wrapped = [
        textwrap.wrap(title, max(_HEADER_WIDTH, *map(len, column), 0))
        for title, column in zip(header, columns, strict=True)
    ]
    height = max(map(len, wrapped))
    tops = [[""] * (height - len(parts)) + parts for parts in wrapped]
    widths = [max(map(len, [*top, *column])) for top, column in zip(tops, columns, strict=True)]
    head = [_line(cells, widths) for cells in zip(*tops, strict=True)]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    table = [*head, rule, *(_line(line, widths) for line in lines)]
    return "\n".join(table).replace(_NO_BREAK, " ")


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(
        cell.ljust(width) if place == 0 else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ).rstrip()
