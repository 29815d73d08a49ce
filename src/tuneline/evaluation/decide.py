"""The verdict: which candidate wins or is recommended, and why, in sentences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tuneline.evaluation.gate import Contest, Gate, apply_rules
from tuneline.evaluation.results import Metric
from tuneline.evaluation.verdict import GateTest, Verdict
from tuneline.evaluation.wording import gap, interval, p_value, score

if TYPE_CHECKING:
    from tuneline.evaluation.results import CandidateSummary, PairedTest, SliceResult

_WORST_SLICES = 5


def decide(contest: Contest) -> Verdict:
    """Decide by paired tests on the same rows and the gate's rules.

    The winner is the cheapest tuned candidate that passes the gate and is not significantly worse
    than the best candidate. Where a cheaper baseline is not significantly worse than the best, it
    is recommended and nothing passes, unless the margin is negative: then the tuned candidate only
    has to be not worse by that much. Without evidence (no rows, no baseline, no tuned candidate, a
    score that is not a number) nothing passes.
    """
    missing = contest.missing_evidence()
    if missing:
        return _no_verdict(missing, contest)
    gate = apply_rules(contest)
    contenders = contest.not_worse_than_best()
    winner = _winner(contest, gate, contenders)
    best_tuned = contest.best(contest.tuned)
    best_baseline = contest.best(contest.baselines)
    shown = winner or best_tuned
    return Verdict(
        passed=winner is not None,
        winner=winner.name if winner else "",
        recommended=(winner or contenders[0]).name,
        headline=_headline(contest, gate, winner),
        reasons=_reasons(contest, gate, contenders[0], winner),
        sensitivity=_sensitivity(contest, shown, best_baseline),
        primary_metric=contest.metric.name,
        metrics=list(contest.metrics),
        rows=contest.rows,
        best_baseline=best_baseline.name,
        best_tuned=best_tuned.name,
        candidates=list(contest.candidates),
        gate_tests=gate.tests,
        worst_slices=_worst_slices(contest, shown),
    )


def _winner(
    contest: Contest, gate: Gate, contenders: list[CandidateSummary]
) -> CandidateSummary | None:
    for candidate in contenders:
        if candidate.kind == "baseline":
            if contest.settings.gate.margin >= 0:
                return None
        elif gate.passes(candidate):
            return candidate
    return None


def _worst_slices(contest: Contest, shown: CandidateSummary) -> list[SliceResult]:
    judged = [
        part
        for part in contest.slices
        if part.candidate == shown.name and part.rows >= contest.settings.gate.min_slice_rows
    ]
    return sorted(judged, key=lambda part: -part.loss)[:_WORST_SLICES]


def _no_verdict(missing: str, contest: Contest) -> Verdict:
    return Verdict(
        passed=False,
        winner="",
        recommended="",
        headline=f"No verdict: {missing}, so nothing shows that tuning was worth it.",
        reasons=[f"failed: {missing}; without evidence nothing passes."],
        sensitivity="",
        primary_metric=contest.metric.name,
        metrics=list(contest.metrics),
        rows=contest.rows,
        best_baseline="",
        best_tuned="",
        candidates=list(contest.candidates),
        gate_tests=[],
        worst_slices=[],
    )


def _headline(contest: Contest, gate: Gate, winner: CandidateSummary | None) -> str:
    shown = winner or contest.best(contest.tuned)
    baseline = contest.best(contest.baselines)
    test = _test(gate, shown, baseline)
    if winner:
        answer = "Tuning was worth it"
    elif shown.name in gate.beating and gate.broken[shown.name]:
        answer = "Tuning helped, but does not hold every rule"
    elif contest.lead(shown, baseline) < 0 and test.p_value < contest.settings.significance:
        answer = "Tuning made the answers worse"
    else:
        answer = "Tuning was not shown to be worth it"
    return (
        f"{answer}: {shown.name} has {contest.metric.title} "
        f"{score(contest.score(shown), contest.metric)} on {contest.rows} held-out rows, against "
        f"{score(contest.score(baseline), contest.metric)} for the best prompt ({baseline.name}); "
        f"difference {_difference(contest, test)}, {p_value(test.p_value)}."
    )


def _reasons(
    contest: Contest,
    gate: Gate,
    cheapest: CandidateSummary,
    winner: CandidateSummary | None,
) -> list[str]:
    reasons = []
    for candidate in contest.tuned:
        reasons.append(_gate_reason(contest, gate, candidate))
        reasons += [f"failed: {sentence}" for sentence in gate.broken[candidate.name]]
        reasons += [f"passed: {sentence}" for sentence in gate.held[candidate.name]]
    best = contest.best(contest.candidates)
    highest = f"has the best {contest.metric.title}"
    if winner:
        why = highest if winner is best else _not_worse(contest, winner, best) + " and costs less"
        reasons.append(f"passed: {winner.name} {why}.")
    elif cheapest.kind == "baseline":
        why = highest if cheapest is best else _not_worse(contest, cheapest, best)
        reasons.append(f"failed: {cheapest.name}, which needs no tuning, {why}.")
    return reasons


def _gate_reason(contest: Contest, gate: Gate, candidate: CandidateSummary) -> str:
    """On the baseline that is hardest to beat."""
    hardest = max(
        contest.baselines,
        key=lambda baseline: (
            -contest.lead(candidate, baseline),
            contest.between(candidate, baseline).p_margin,
        ),
    )
    test = _test(gate, candidate, hardest)
    margin = contest.settings.gate.margin
    result, verb = (
        ("passed", "beats") if candidate.name in gate.beating else ("failed", "does not beat")
    )
    needed = (
        "better at all"
        if margin == 0
        else f"better by {gap(margin, contest.metric)}"
        if margin > 0
        else f"worse by less than {gap(-margin, contest.metric)}"
    )
    return (
        f"{result}: {candidate.name} {verb} every baseline; hardest is {hardest.name}: "
        f"{contest.metric.title} {score(contest.score(candidate), contest.metric)} against "
        f"{score(contest.score(hardest), contest.metric)} on {contest.rows} rows, difference "
        f"{_difference(contest, test)}, {p_value(test.p_gate)}{_correction(contest)}; required: "
        f"{needed}, with p below {contest.settings.significance:g}."
    )


def _correction(contest: Contest) -> str:
    count = len(contest.tuned)
    return f" (corrected for {count} tuned candidates)" if count > 1 else ""


def _not_worse(contest: Contest, candidate: CandidateSummary, best: CandidateSummary) -> str:
    behind = contest.lead(best, candidate)
    if behind == 0:
        return f"is as good as {best.name}"
    test = contest.between(candidate, best).test
    return (
        f"is not significantly worse than the best candidate, {best.name} "
        f"({gap(behind, contest.metric)} behind, {p_value(test.p_value)})"
    )


def _sensitivity(contest: Contest, shown: CandidateSummary, baseline: CandidateSummary) -> str:
    smallest = contest.between(shown, baseline).detectable
    rows = f"With {contest.rows} rows"
    if contest.units < contest.rows:
        rows += f" in {contest.units} independent groups"
    if math.isnan(smallest):
        return (
            f"{rows}, no difference between {shown.name} and {baseline.name} can be shown "
            "reliably; more rows are needed."
        )
    return (
        f"{rows}, a true difference between {shown.name} and {baseline.name} under "
        f"{gap(smallest, contest.metric)} cannot be seen reliably: it would be missed more often "
        "than one time in five."
    )


def _difference(contest: Contest, test: PairedTest) -> str:
    found = Metric(value=test.difference, low=test.low, high=test.high)
    ends = interval(found, contest.metric)
    return gap(test.difference, contest.metric) + (f", 95 % interval {ends}" if ends else "")


def _test(gate: Gate, tuned: CandidateSummary, baseline: CandidateSummary) -> GateTest:
    return next(test for test in gate.of(tuned) if test.second == baseline.name)
