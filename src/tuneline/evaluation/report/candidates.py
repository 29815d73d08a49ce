"""The candidates side by side: what they scored, and what they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tuneline.evaluation.costs import total_usd
from tuneline.evaluation.wording import (
    UNKNOWN,
    dollars,
    duration,
    interval,
    p_value,
    score,
    signed,
    signed_interval,
    size,
)
from tuneline.report.words import capitalized, counted, name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tuneline.evaluation.results import CandidateSummary, EvaluationMetrics, MetricInfo
    from tuneline.evaluation.verdict import Verdict

_ADAPTER_SIZE = "Adapter size"
KINDS = {"baseline": "prompt design", "pet": "parameter-efficient tuning", "full": "full tuning"}


class Cell(NamedTuple):
    """What one candidate has: the number, and what stands under it."""

    text: str
    note: str


class Row(NamedTuple):
    """One thing that is compared.

    Attributes:
        title: What it is.
        hint: Where its definition is from; empty for none.
        note: What to know when reading it.
        cells: One for each candidate.
        primary: Whether this decides.
    """

    title: str
    hint: str
    note: str
    cells: list[Cell]
    primary: bool = False


class Card(NamedTuple):
    """One number of the few that sum up the page."""

    text: str
    note: str


def score_rows(metrics: EvaluationMetrics) -> list[Row]:
    """A row for each metric that any candidate has, the primary one first."""
    return [
        Row(
            capitalized(info.title),
            info.source,
            "" if info.higher_is_better else "lower is better",
            [_score_cell(candidate, info) for candidate in metrics.candidates],
            primary=info.name == metrics.primary_metric,
        )
        for info in metrics.metrics
        if any(info.name in candidate.metrics for candidate in metrics.candidates)
    ]


def _score_cell(candidate: CandidateSummary, info: MetricInfo) -> Cell:
    found = candidate.metrics.get(info.name)
    if found is None:
        return Cell(UNKNOWN, "")
    return Cell(score(found.value, info), interval(found, info))


def cost_rows(metrics: EvaluationMetrics) -> list[Row]:
    """What tuning, storing and calling each candidate costs."""
    has_adapter = any(candidate.cost.adapter_bytes for candidate in metrics.candidates)
    rows = [
        _row(metrics, *described)
        for described in _COSTS
        if has_adapter or described[0] != _ADAPTER_SIZE
    ]
    calls = metrics.settings.prices.expected_calls
    totals = [total_usd(candidate.cost, calls) for candidate in metrics.candidates]
    if any(total is not None for total in totals):
        cells = [Cell(dollars(total), "") for total in totals]
        rows.append(Row(f"Tuning and {calls:,} calls", "", "", cells))
    return rows


def _row(
    metrics: EvaluationMetrics, title: str, note: str, cell: Callable[[CandidateSummary], Cell]
) -> Row:
    return Row(title, "", note, [cell(candidate) for candidate in metrics.candidates])


def _tuning(candidate: CandidateSummary) -> Cell:
    if candidate.kind == "baseline":
        return Cell("none", "")
    took = duration(candidate.cost.training_seconds)
    if candidate.cost.training_usd is None:
        return Cell(took, "")
    return Cell(dollars(candidate.cost.training_usd), took)


def _serving(candidate: CandidateSummary) -> Cell:
    took = duration(candidate.cost.seconds_per_1000_calls)
    if candidate.cost.serving_usd_per_1000_calls is None:
        return Cell(took, "")
    return Cell(dollars(candidate.cost.serving_usd_per_1000_calls), took)


def _prompt(candidate: CandidateSummary) -> Cell:
    shots = f"with {counted(candidate.shots, 'example')}" if candidate.shots else ""
    return Cell(f"{candidate.cost.prompt_tokens_per_call:,.0f}", shots)


def _trainable(candidate: CandidateSummary) -> Cell:
    if candidate.hides_parameters:
        return Cell("", "the service does not say")
    changed, whole = candidate.trainable_parameters, candidate.total_parameters
    return Cell(f"{changed:,}", f"{100 * changed / whole:.2g} %" if 0 < changed < whole else "")


_COSTS: tuple[tuple[str, str, Callable[[CandidateSummary], Cell]], ...] = (
    ("Tuning", "", _tuning),
    ("Serving, 1,000 calls", "prompt tokens included", _serving),
    (_ADAPTER_SIZE, "", lambda candidate: Cell(size(candidate.cost.adapter_bytes), "")),
    ("Prompt tokens per call", "", _prompt),
    (
        "Answer tokens per call",
        "",
        lambda candidate: Cell(f"{candidate.cost.output_tokens_per_call:,.0f}", ""),
    ),
    ("Trainable parameters", "", _trainable),
    (
        "Training rows",
        "",
        lambda candidate: Cell(
            f"{candidate.training_rows:,}" if candidate.training_rows else UNKNOWN, ""
        ),
    ),
)


def incomplete_answers(metrics: EvaluationMetrics) -> Iterator[str]:
    """A sentence for each candidate and each reason why answers are not whole."""
    for candidate in metrics.candidates:
        name, rows = name_of(candidate.name), f"{metrics.rows:,}"
        if candidate.cut_off_rows:
            yield f"{name}: the token limit cut off {candidate.cut_off_rows:,} of {rows} answers."
        if candidate.unasked_rows:
            yield (
                f"{name}: {candidate.unasked_rows:,} of {rows} prompts did not fit the model, so "
                "nothing was asked."
            )
        if candidate.blocked_rows:
            yield f"{name}: the service refused {candidate.blocked_rows:,} of {rows} answers."


def cards(metrics: EvaluationMetrics, verdict: Verdict) -> list[Card]:
    """The few numbers that matter most: both scores, the gain, and what a call needs."""
    names = [verdict.best_baseline, verdict.winner or verdict.best_tuned]
    found = [
        candidate for name in names for candidate in verdict.candidates if candidate.name == name
    ]
    found = [candidate for candidate in found if metrics.primary_metric in candidate.metrics]
    rows = Card(f"{metrics.rows:,}", "held-out rows")
    if len(found) < 2:
        return [rows]
    info = metrics.info(metrics.primary_metric)
    scores = [
        Card(
            score(candidate.metrics[info.name].value, info),
            f"{capitalized(info.title)} of {name_of(candidate.name)}",
        )
        for candidate in found
    ]
    return [*scores, *_gain(verdict, found, info), *_a_call(found), rows]


def _gain(verdict: Verdict, pair: Sequence[CandidateSummary], info: MetricInfo) -> Iterator[Card]:
    baseline, tuned = pair
    for test in verdict.gate_tests:
        if (test.first, test.second) == (tuned.name, baseline.name):
            ends = signed_interval(test.low, test.high, info)
            unit = " points" if info.unit == "share" else ""
            note = f"difference ({ends})" if ends else "difference"
            yield Card(f"{signed(test.difference, info)}{unit}", f"{note}, {p_value(test.p_gate)}")


def _a_call(pair: Sequence[CandidateSummary]) -> Iterator[Card]:
    baseline, tuned = (candidate.cost for candidate in pair)
    names = " → ".join(name_of(candidate.name) for candidate in pair)
    before, after = baseline.serving_usd_per_1000_calls, tuned.serving_usd_per_1000_calls
    if before is not None and after is not None:
        yield Card(f"{dollars(before)} → {dollars(after)}", f"per 1,000 calls, {names}")
    tokens = f"{baseline.prompt_tokens_per_call:,.0f} → {tuned.prompt_tokens_per_call:,.0f}"
    yield Card(tokens, f"prompt tokens per call, {names}")
