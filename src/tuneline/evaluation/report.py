"""The evaluation's page: the answer, its evidence, and the rows behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuneline.evaluation.score import right_answers
from tuneline.evaluation.wording import metric_name, p_value, percent, points
from tuneline.report.charts import IntervalRow, intervals
from tuneline.report.confusion import confusion_table
from tuneline.report.page import render_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from tuneline.evaluation.held_out import HeldOut
    from tuneline.evaluation.metrics import Flags
    from tuneline.evaluation.results import (
        CandidateResult,
        CandidateSummary,
        EvaluationMetrics,
        LabelScores,
    )
    from tuneline.evaluation.verdict import Verdict

_ROWS_A_GROUP = 10
_LONGEST_TEXT = 1_500
_LONGEST_PROMPT = 20_000
_METRIC_ORDER = ("accuracy", "macro_f1", "exact_match", "invalid_label_rate")


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """One held-out row as the best prompt and the tuned candidate answered it."""

    number: int
    prompt: str
    reference: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ChangedRows:
    """Rows with one outcome: the first few of them, and how many there are."""

    title: str
    total: int
    rows: tuple[ChangedRow, ...]


def evaluation_page(held_out: HeldOut, metrics: EvaluationMetrics, verdict: Verdict) -> str:
    """Render the report of one evaluation; it shows the numbers of ``metrics`` and ``verdict``."""
    shown = _candidate(metrics, verdict.winner or verdict.best_tuned)
    return render_page(
        "tuneline.evaluation",
        "evaluation.html",
        verdict=verdict,
        metrics=metrics,
        shown=shown,
        metric_names=_metric_names(metrics),
        chart=_chart(metrics, verdict),
        confusion=_confusion(shown),
        label_scores=sorted(shown.labels, key=_worst_first) if shown else [],
        changes=_changes(held_out, metrics, verdict),
        prompts=[
            (answers.candidate.name, shortened(answers.candidate.prompt_example, _LONGEST_PROMPT))
            for answers in held_out.answers
        ],
        digests={
            answers.candidate.name: answers.candidate.model_digest for answers in held_out.answers
        },
        metric_name=metric_name,
        percent=percent,
        points=points,
        p_value=p_value,
    )


def shortened(text: str, limit: int) -> str:
    """The first ``limit`` characters, and how many more there are."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… ({len(text) - limit:,} more characters)"


def _candidate(metrics: EvaluationMetrics, name: str) -> CandidateResult | None:
    return next((c for c in metrics.candidates if c.name == name), None)


def _metric_names(metrics: EvaluationMetrics) -> list[str]:
    measured = {name for candidate in metrics.candidates for name in candidate.metrics}
    return sorted(
        measured, key=lambda name: (name != metrics.primary_metric, _METRIC_ORDER.index(name))
    )


def _chart(metrics: EvaluationMetrics, verdict: Verdict) -> Markup | None:
    if not metrics.rows:
        return None
    rows = [_interval_row(c, metrics.primary_metric, verdict.winner) for c in metrics.candidates]
    label = f"{metric_name(metrics.primary_metric)} with 95 % interval, %"
    return intervals(rows, label)


def _interval_row(candidate: CandidateSummary, metric: str, winner: str) -> IntervalRow:
    found = candidate.metrics[metric]
    return IntervalRow(
        candidate.name, found.value, found.low, found.high, chosen=candidate.name == winner
    )


def _confusion(shown: CandidateResult | None) -> Markup | None:
    if shown is None or shown.confusion is None:
        return None
    categories, matrix = shown.confusion.categories, shown.confusion.matrix
    return confusion_table(categories[:-1], categories, matrix[:-1])


def _worst_first(scores: LabelScores) -> tuple[float, str]:
    return (2.0 if scores.f1 is None else scores.f1, scores.label)


def _changes(held_out: HeldOut, metrics: EvaluationMetrics, verdict: Verdict) -> list[ChangedRows]:
    before, after = verdict.best_baseline, verdict.winner or verdict.best_tuned
    if not before or not after:
        return []
    right = right_answers(held_out, metrics.primary_metric)
    texts = {answers.candidate.name: answers.texts for answers in held_out.answers}
    groups = {
        f"{after} has right, {before} has wrong": right[after] & ~right[before],
        f"{before} has right, {after} has wrong": right[before] & ~right[after],
        "Both have wrong": ~right[before] & ~right[after],
    }
    return [
        _changed_rows(title, flags, held_out, texts[before], texts[after])
        for title, flags in groups.items()
    ]


def _changed_rows(
    title: str, flags: Flags, held_out: HeldOut, before: Sequence[str], after: Sequence[str]
) -> ChangedRows:
    rows = tuple(
        ChangedRow(
            number=index + 1,
            prompt=shortened(held_out.prompts[index], _LONGEST_TEXT),
            reference=shortened(held_out.references[index], _LONGEST_TEXT),
            before=shortened(before[index], _LONGEST_TEXT),
            after=shortened(after[index], _LONGEST_TEXT),
        )
        for index in flags.nonzero()[0][:_ROWS_A_GROUP].tolist()
    )
    return ChangedRows(title, int(flags.sum()), rows)
