"""The comparison as plain text, for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneline.evaluation.wording import metric_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.evaluation.results import CandidateSummary, Metric
    from tuneline.evaluation.verdict import Verdict


def comparison_table(verdict: Verdict) -> str:
    """Lay out the candidates with scores and costs; the winner is marked with ``*``."""
    shown = [verdict.primary_metric]
    shown += ["macro_f1"] if any("macro_f1" in c.metrics for c in verdict.candidates) else []
    header = ["candidate", f"{metric_name(shown[0])} [95 % interval]"]
    header += [metric_name(name) for name in shown[1:]]
    header += ["trainable parameters", "tuning seconds", "prompt tokens per call"]
    lines = [_cells(candidate, shown, verdict.winner) for candidate in verdict.candidates]
    return _aligned([header, *lines])


def _cells(candidate: CandidateSummary, shown: Sequence[str], winner: str) -> list[str]:
    metrics = [candidate.metrics.get(name) for name in shown]
    return [
        candidate.name + (" *" if candidate.name == winner else ""),
        _with_interval(metrics[0]),
        *("" if metric is None else f"{100 * metric.value:.1f} %" for metric in metrics[1:]),
        f"{candidate.trainable_parameters:,}",
        f"{candidate.training_seconds:.1f}",
        f"{candidate.prompt_tokens_per_call:.0f}",
    ]


def _with_interval(metric: Metric | None) -> str:
    if metric is None:
        return ""
    low, high = (f"{100 * end:.1f}" for end in (metric.low, metric.high))
    return f"{100 * metric.value:5.1f} % [{low:>5} to {high:>5}]"


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
