"""The evaluation's page: the answer on top, then its evidence, then the rows behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tuneline.evaluation.report.candidates import (
    KINDS,
    cards,
    cost_rows,
    incomplete_answers,
    score_rows,
)
from tuneline.evaluation.report.comparisons import paired_tests
from tuneline.evaluation.report.curve import curve_points, curve_sentences
from tuneline.evaluation.report.labels import label_rows, matrix_view
from tuneline.evaluation.report.plots import interval_plot, learning_curve
from tuneline.evaluation.report.ran import prompts_view, settings_rows
from tuneline.evaluation.report.recommended import recommendation
from tuneline.evaluation.report.rows import rows_view
from tuneline.evaluation.report.slices import slices_by_candidate, worst_sentence
from tuneline.evaluation.wording import UNKNOWN, p_number, percent
from tuneline.report.breaks import breakable
from tuneline.report.page import render_page
from tuneline.report.words import capitalized, counted, name_of, sentence_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.evaluation.changes import ShownRows
    from tuneline.evaluation.results import CandidateResult, EvaluationMetrics
    from tuneline.evaluation.verdict import Verdict

_PACKAGE = "tuneline.evaluation.report"
_TEMPLATE = "page.html"
_SCRIPT = "filter.js"
_MOST_BYTES = 970_000
"""Of the whole page, which shall stay under a megabyte."""

_SHOWN_AT_ONCE = 20
"""Rows of a table above the fold; the others are there when asked for."""

_FIXED = {
    "kinds": KINDS,
    "shown_at_once": _SHOWN_AT_ONCE,
    "breakable": breakable,
    "counted": counted,
    "name_of": name_of,
    "sentence_of": sentence_of,
    "unknown": UNKNOWN,
    "percent": percent,
    "p_number": p_number,
}
"""What the templates need whatever was evaluated."""


class Reason(NamedTuple):
    """One rule of the gate: ``passed`` or ``failed``, and its numbers."""

    result: str
    text: str


def evaluation_page(
    metrics: EvaluationMetrics,
    verdict: Verdict,
    shown: ShownRows | None,
    prompts: Sequence[tuple[str, str]],
) -> str:
    """Render the report of one evaluation.

    Args:
        metrics: Everything measured.
        verdict: What was decided.
        shown: Rows of the best prompt and the tuned candidate; None without such a pair.
        prompts: A prompt of each candidate as its model saw it, by the candidate's name.

    Returns:
        One HTML file that needs no network, under a megabyte; all user text is escaped. A script
        filters its rows; without it, all of them are shown.
    """
    info = metrics.info(metrics.primary_metric)
    context = {
        **_FIXED,
        **_evidence(metrics, verdict),
        "metrics": metrics,
        "verdict": verdict,
        "info": info,
        "heading": capitalized(info.title),
        "unit": ", points" if info.unit == "share" else "",
        "recommended": recommendation(verdict),
        "cards": cards(metrics, verdict),
        "score_rows": score_rows(metrics),
        "cost_rows": cost_rows(metrics),
        "incomplete": list(incomplete_answers(metrics)),
        "prompts": prompts_view(prompts, [found.name for found in metrics.candidates]),
        "settings": settings_rows(metrics.settings),
    }
    page = render_page(_PACKAGE, _TEMPLATE, **context, rows=None)
    if not shown or not shown.rows:
        return page
    rows = rows_view(shown, info, _MOST_BYTES - len(page.encode()))
    return render_page(_PACKAGE, _TEMPLATE, script_name=_SCRIPT, **context, rows=rows)


def _evidence(metrics: EvaluationMetrics, verdict: Verdict) -> dict[str, Any]:
    """What the templates show between the candidates and the rows."""
    name = verdict.winner or verdict.best_tuned
    tuned = _candidate(metrics, name)
    return {
        "plot": interval_plot(metrics, verdict),
        "reasons": _reasons(verdict),
        "slices": slices_by_candidate(metrics, name),
        "worst": worst_sentence(verdict, metrics.info(metrics.primary_metric)),
        "tests": paired_tests(metrics, verdict),
        "tuned": tuned,
        "is_classification": metrics.task in ("classification", "sentiment"),
        "labels": label_rows(tuned) if tuned else [],
        "matrix": matrix_view(tuned.confusion) if tuned and tuned.confusion else None,
        "curve": learning_curve(metrics, verdict),
        "curve_points": curve_points(metrics),
        "curve_sentences": list(curve_sentences(metrics)),
    }


def _candidate(metrics: EvaluationMetrics, name: str) -> CandidateResult | None:
    return next((candidate for candidate in metrics.candidates if candidate.name == name), None)


def _reasons(verdict: Verdict) -> list[Reason]:
    parted = (reason.partition(": ") for reason in verdict.reasons)
    return [Reason(result, sentence_of(text)) for result, _, text in parted]
