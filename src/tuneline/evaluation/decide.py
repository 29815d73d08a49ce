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

    What may be used are the baselines and the tuned candidates that pass the gate. The cheapest of
    these that is not significantly worse than the best of these is recommended, and it wins where
    it is tuned. With a negative margin a tuned candidate only has to be not worse by that much, so
    those that pass the gate compete with each other alone. Without evidence (no rows, no baseline,
    no tuned candidate, no answer, a score that is not a number) nothing passes.
    """
    missing = contest.missing_evidence()
    if missing:
        return _no_verdict(missing, contest)
    gate = apply_rules(contest)
    passing = [candidate for candidate in contest.tuned if gate.passes(candidate)]
    usable = [c for c in contest.candidates if c.kind == "baseline" or c in passing]
    compete = passing if passing and contest.settings.gate.margin < 0 else usable
    recommended = contest.not_worse_than_best(compete)[0]
    winner = None if recommended.kind == "baseline" else recommended
    best_tuned = contest.best(contest.tuned)
    shown = winner or best_tuned
    return Verdict(
        passed=winner is not None,
        winner=winner.name if winner else "",
        recommended=recommended.name,
        headline=_headline(contest, gate, winner),
        reasons=_reasons(contest, gate, recommended, compete),
        sensitivity=_sensitivity(contest, shown, contest.best(contest.baselines)),
        task=contest.task,
        task_reason=contest.task_reason,
        primary_metric=contest.metric.name,
        metrics=list(contest.metrics),
        rows=contest.rows,
        best_baseline=contest.best(contest.baselines).name,
        best_tuned=best_tuned.name,
        candidates=list(contest.candidates),
        gate_tests=gate.tests,
        worst_slices=_worst_slices(contest, shown),
    )


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
        task=contest.task,
        task_reason=contest.task_reason,
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
        f"difference {_difference(contest, test)}, {p_value(test.p_gate)}."
    )


def _reasons(
    contest: Contest,
    gate: Gate,
    recommended: CandidateSummary,
    compete: list[CandidateSummary],
) -> list[str]:
    reasons = []
    for candidate in contest.tuned:
        reasons.append(_gate_reason(contest, gate, candidate))
        reasons += [f"failed: {sentence}" for sentence in gate.broken[candidate.name]]
        reasons += [f"passed: {sentence}" for sentence in gate.held[candidate.name]]
    reasons.append(
        _baseline_reason(contest, recommended)
        if recommended.kind == "baseline"
        else _winner_reason(contest, recommended, compete)
    )
    return reasons


def _winner_reason(
    contest: Contest, winner: CandidateSummary, compete: list[CandidateSummary]
) -> str:
    best = contest.best(compete)
    if winner is best:
        among = "" if best is contest.best(contest.candidates) else " of those that may be used"
        return f"passed: {winner.name} has the best {contest.metric.title}{among}."
    return f"passed: {_not_worse(contest, winner, best)} and costs less."


def _baseline_reason(contest: Contest, baseline: CandidateSummary) -> str:
    best = contest.best(contest.candidates)
    told = f"failed: {baseline.name}, which needs no tuning, "
    if baseline is best:
        return f"{told}has the best {contest.metric.title}."
    if contest.not_worse(baseline, best):
        return f"failed: {_not_worse(contest, baseline, best)} and needs no tuning."
    return f"{told}stays in use: no tuned candidate holds every rule."


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
    result = "passed" if candidate.name in gate.beating else "failed"
    verb, needed = _asked(contest, passed=result == "passed")
    return (
        f"{result}: {candidate.name} {verb} every baseline; hardest is {hardest.name}: "
        f"{contest.metric.title} {score(contest.score(candidate), contest.metric)} against "
        f"{score(contest.score(hardest), contest.metric)} on {contest.rows} rows, difference "
        f"{_difference(contest, test)}, {p_value(test.p_gate)}{_correction(contest)}; required: "
        f"{needed}, with p below {contest.settings.significance:g}."
    )


def _asked(contest: Contest, *, passed: bool) -> tuple[str, str]:
    """What a candidate does to every baseline, and what is asked of it."""
    margin = contest.settings.gate.margin
    if margin < 0:
        verb = "is not much worse than" if passed else "may be much worse than"
        return verb, f"worse by less than {gap(-margin, contest.metric)}"
    by = f" by {gap(margin, contest.metric)}" if margin else " at all"
    return "beats" if passed else "does not beat", f"better{by}"


def _correction(contest: Contest) -> str:
    count = len(contest.tuned)
    return f" (corrected for {count} tuned candidates)" if count > 1 else ""


def _not_worse(contest: Contest, candidate: CandidateSummary, best: CandidateSummary) -> str:
    behind = contest.lead(best, candidate)
    if behind <= 0:
        return f"{candidate.name} is as good as {best.name}"
    test = contest.between(candidate, best).test
    return (
        f"{candidate.name} is not significantly worse than the best candidate, {best.name} "
        f"({gap(behind, contest.metric)} behind, {p_value(test.p_value)}),"
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
