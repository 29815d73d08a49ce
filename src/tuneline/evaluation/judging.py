"""A judge model's preference for each tuned candidate over the best baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneline.evaluation.gate import best_by
from tuneline.evaluation.measure import rows_of
from tuneline.evaluation.metrics.names import JUDGE_METRIC
from tuneline.evaluation.pairwise.judge import chosen_rows, judge_pairs
from tuneline.evaluation.results import JudgeResult, Metric, MetricInfo, finite
from tuneline.evaluation.statistics.wins import preference

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tuneline.evaluation.held_out import HeldOut
    from tuneline.evaluation.pairwise.judge import Asker, Judged
    from tuneline.evaluation.pairwise.settings import JudgeSettings
    from tuneline.evaluation.results import CandidateResult

WIN_RATE = MetricInfo(
    name=JUDGE_METRIC,
    title="judge prefers it",
    source="pairwise, both orders; ties count half; against the best baseline",
    unit="share",
    higher_is_better=True,
)
"""The judge's preference as a metric, so that the gate can ask for it."""


def judge_for(settings: JudgeSettings, folder: Path) -> Asker:
    """The judge of the settings; its replies are kept, and found again by a later run.

    Args:
        settings: Which model, and where its replies are kept.
        folder: Where they are kept unless the settings say it.

    Raises:
        ConfigurationError: The model cannot be asked.
    """
    from tuneline.evaluation.pairwise.gemini_judge import GeminiJudge
    from tuneline.prediction.journal import Journal

    return GeminiJudge(settings, Journal(settings.journal or folder / "judge.journal"))


def judged(
    held_out: HeldOut,
    candidates: Sequence[CandidateResult],
    primary: MetricInfo,
    settings: JudgeSettings,
    judge: Asker,
) -> list[JudgeResult]:
    """Ask the judge about each tuned candidate and the best baseline.

    Args:
        held_out: The rows.
        candidates: From the cheapest to the costliest.
        primary: The metric that tells the best baseline.
        settings: Which rows, and what makes an answer better.
        judge: Who is asked.

    Raises:
        ServiceError: The judge does not answer.
    """
    scored = [candidate for candidate in candidates if primary.name in candidate.metrics]
    baselines = [candidate for candidate in scored if candidate.kind == "baseline"]
    tuned = [candidate.name for candidate in scored if candidate.kind != "baseline"]
    if not baselines:
        return []
    baseline = best_by(baselines, primary).name
    places = chosen_rows(held_out.rows, settings.rows, settings.seed)
    before = rows_of(held_out.rows_of(baseline, places))
    found = []
    for name in tuned:
        after = held_out.rows_of(name, places, ["prediction"])["prediction"].to_pylist()
        verdicts = judge_pairs(judge, before, after, before.predictions, settings.criteria)
        found.append(_result(settings.model, name, baseline, verdicts))
    return found


def with_win_rates(
    candidates: Sequence[CandidateResult], judgements: Sequence[JudgeResult]
) -> list[CandidateResult]:
    """The candidates with the judge's preference among their metrics."""
    rates = {judgement.first: judgement.win_rate for judgement in judgements}
    return [
        candidate.model_copy(
            update={"metrics": {**candidate.metrics, WIN_RATE.name: rates[candidate.name]}}
        )
        if candidate.name in rates
        else candidate
        for candidate in candidates
    ]


def _result(judge: str, first: str, second: str, found: Judged) -> JudgeResult:
    # What cannot be read is no win: otherwise one readable row could decide.
    shown = preference(found.wins, found.losses, found.ties + found.unreadable)
    rate = shown.win_rate
    return JudgeResult(
        judge=judge,
        first=first,
        second=second,
        rows=len(found.rows),
        wins=found.wins,
        ties=found.ties,
        losses=found.losses,
        unreadable=found.unreadable,
        order_agreement=found.order_agreement,
        first_shown_share=found.first_shown_share,
        win_rate=Metric(value=rate.value, low=finite(rate.low), high=finite(rate.high)),
        p_value=shown.p_value,
    )
