"""The rules that decide whether tuning was worth it.

A tuned candidate passes where it beats the best baseline on the same rows: a positive difference
and an exact McNemar test below the level, Holm-corrected over the tuned candidates, so that the
chance of passing without a real difference stays at the level however many are tried. The best
baseline is chosen by its score on these rows, which favours the baseline and so is the safe side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuneline.evaluation.statistics import detectable_difference, holm
from tuneline.evaluation.verdict import GateTest, Verdict
from tuneline.evaluation.wording import metric_name, p_value, percent, points

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.evaluation.results import CandidateSummary, PairedTest
    from tuneline.evaluation.settings import EvaluationSettings


@dataclass(frozen=True, slots=True)
class _Contest:
    """Candidates that can be compared, from the cheapest to the costliest."""

    candidates: Sequence[CandidateSummary]
    tests: Sequence[PairedTest]
    metric: str
    settings: EvaluationSettings

    @property
    def tuned(self) -> list[CandidateSummary]:
        return [candidate for candidate in self.candidates if candidate.kind != "baseline"]

    @property
    def best_baseline(self) -> CandidateSummary:
        return self.best([c for c in self.candidates if c.kind == "baseline"])

    def score(self, candidate: CandidateSummary) -> float:
        return candidate.metrics[self.metric].value

    def best(self, candidates: Sequence[CandidateSummary]) -> CandidateSummary:
        """The one with the highest score, the cheapest of equals."""
        return max(candidates, key=self.score)

    def gate_tests(self) -> dict[str, GateTest]:
        """Each tuned candidate against the best baseline, by the tuned candidate's name."""
        names = {candidate.name for candidate in self.tuned}
        baseline = self.best_baseline.name
        tests = {
            test.first: test
            for test in self.tests
            if test.first in names and test.second == baseline
        }
        corrected = holm({name: test.p_value for name, test in tests.items()})
        return {
            name: GateTest(**test.model_dump(), p_corrected=corrected[name])
            for name, test in tests.items()
        }

    def between(self, one: CandidateSummary, other: CandidateSummary) -> PairedTest:
        """The paired test of these two, whichever costs more."""
        pair = {one.name, other.name}
        return next(test for test in self.tests if {test.first, test.second} == pair)

    def not_worse_than_best(self) -> list[CandidateSummary]:
        """Candidates that are not significantly worse than the best, from the cheapest."""
        best = self.best(self.candidates)
        level = self.settings.significance
        return [
            candidate
            for candidate in self.candidates
            if candidate is best
            or self.score(candidate) == self.score(best)
            or self.between(candidate, best).p_value >= level
        ]

    def beats(self, test: GateTest) -> bool:
        """Whether the gate's test shows that tuning is better."""
        return test.difference > 0 and test.p_corrected < self.settings.significance

    def reaches_minimum(self, candidate: CandidateSummary) -> bool:
        """Whether the score is at least the least that the settings want."""
        return self.score(candidate) >= self.settings.min_score


def judge(
    candidates: Sequence[CandidateSummary],
    tests: Sequence[PairedTest],
    rows: int,
    primary_metric: str,
    settings: EvaluationSettings,
) -> Verdict:
    """Decide by paired tests on the same rows.

    The winner is the cheapest tuned candidate that beats the best baseline, reaches
    ``settings.min_score`` and is not significantly worse than the best candidate. Where a baseline
    is not significantly worse than the best, it is recommended and nothing passes. Without
    evidence (no rows, no baseline, no tuned candidate, a score that is not a number) nothing
    passes.

    Args:
        candidates: From the cheapest to the costliest, prompt design before tuning.
        tests: Every pair of candidates, the costlier one first.
        rows: Held-out rows that every candidate answered.
        primary_metric: Metric of the tests.
        settings: The rules' numbers.
    """
    gap = _missing_evidence(candidates, rows, primary_metric)
    if gap:
        return _no_verdict(gap, candidates, rows, primary_metric)
    return _decide(_Contest(candidates, tests, primary_metric, settings), rows)


def _decide(contest: _Contest, rows: int) -> Verdict:
    gates = contest.gate_tests()
    contenders = contest.not_worse_than_best()
    passing = [c for c in contest.tuned if contest.beats(gates[c.name])]
    passing = [c for c in passing if contest.reaches_minimum(c) and c in contenders]
    winner = None if contenders[0].kind == "baseline" or not passing else passing[0]
    best_tuned = contest.best(contest.tuned)
    return Verdict(
        passed=winner is not None,
        winner=winner.name if winner else "",
        recommended=(winner or contenders[0]).name,
        headline=_headline(contest, gates, winner),
        reasons=_reasons(contest, gates, contenders[0], winner),
        sensitivity=_sensitivity(contest, gates[best_tuned.name]),
        primary_metric=contest.metric,
        rows=rows,
        best_baseline=contest.best_baseline.name,
        best_tuned=best_tuned.name,
        candidates=list(contest.candidates),
        gate_tests=list(gates.values()),
    )


def _missing_evidence(candidates: Sequence[CandidateSummary], rows: int, metric: str) -> str:
    kinds = {candidate.kind for candidate in candidates}
    if not rows:
        return "there are no held-out rows"
    if "baseline" not in kinds:
        return "there is no prompt-design baseline to compare with"
    if kinds == {"baseline"}:
        return "there is no tuned candidate"
    for candidate in candidates:
        if metric not in candidate.metrics or not math.isfinite(candidate.metrics[metric].value):
            return f"the {metric_name(metric)} of {candidate.name} is not a number"
    return ""


def _no_verdict(
    gap: str, candidates: Sequence[CandidateSummary], rows: int, primary_metric: str
) -> Verdict:
    return Verdict(
        passed=False,
        winner="",
        recommended="",
        headline=f"No verdict: {gap}, so nothing shows that tuning was worth it.",
        reasons=[f"failed: {gap}; without evidence nothing passes."],
        sensitivity="",
        primary_metric=primary_metric,
        rows=rows,
        best_baseline="",
        best_tuned="",
        candidates=list(candidates),
        gate_tests=[],
    )


def _headline(
    contest: _Contest, gates: dict[str, GateTest], winner: CandidateSummary | None
) -> str:
    shown = winner or contest.best(contest.tuned)
    gate = gates[shown.name]
    minimum = percent(contest.settings.min_score)
    if winner:
        answer = "Tuning was worth it"
    elif gate.difference < 0 and gate.p_corrected < contest.settings.significance:
        answer = "Tuning made the answers worse"
    elif contest.beats(gate) and not contest.reaches_minimum(shown):
        answer = f"Tuning helped, but did not reach the required {minimum}"
    else:
        answer = "Tuning was not shown to be worth it"
    return (
        f"{answer}: {shown.name} answers {percent(contest.score(shown))} of {gate.rows} held-out "
        f"rows right, against {percent(contest.score(contest.best_baseline))} for the best prompt "
        f"({gate.second}); difference {_difference(gate)}, {p_value(gate.p_corrected)}."
    )


def _reasons(
    contest: _Contest,
    gates: dict[str, GateTest],
    cheapest: CandidateSummary,
    winner: CandidateSummary | None,
) -> list[str]:
    reasons = []
    for candidate in contest.tuned:
        reasons.append(_gate_reason(contest, candidate, gates))
        if contest.settings.min_score > 0:
            reasons.append(_minimum_reason(contest, candidate))
    best = contest.best(contest.candidates)
    highest = f"has the highest {metric_name(contest.metric)}"
    if cheapest.kind == "baseline":
        why = highest if cheapest is best else _not_worse(contest, cheapest, best)
        reasons.append(f"failed: {cheapest.name}, which needs no tuning, {why}.")
    elif winner:
        why = highest if winner is best else _not_worse(contest, winner, best) + " and costs less"
        reasons.append(f"passed: {winner.name} {why}.")
    return reasons


def _gate_reason(contest: _Contest, candidate: CandidateSummary, gates: dict[str, GateTest]) -> str:
    gate = gates[candidate.name]
    result, verb = ("passed", "beats") if contest.beats(gate) else ("failed", "does not beat")
    correction = f" (corrected for {len(gates)} tuned candidates)" if len(gates) > 1 else ""
    return (
        f"{result}: {candidate.name} {verb} the best baseline, {gate.second}: "
        f"{metric_name(gate.metric)} {percent(contest.score(candidate))} against "
        f"{percent(contest.score(contest.best_baseline))} on {gate.rows} rows, difference "
        f"{_difference(gate)}, {p_value(gate.p_corrected)}{correction}; required: a positive "
        f"difference with p below {contest.settings.significance:g}."
    )


def _minimum_reason(contest: _Contest, candidate: CandidateSummary) -> str:
    result = "passed" if contest.reaches_minimum(candidate) else "failed"
    return (
        f"{result}: {candidate.name} has {metric_name(contest.metric)} "
        f"{percent(contest.score(candidate))}; required: at least "
        f"{percent(contest.settings.min_score)}."
    )


def _not_worse(contest: _Contest, candidate: CandidateSummary, best: CandidateSummary) -> str:
    if contest.score(candidate) == contest.score(best):
        return f"is as good as {best.name}"
    behind = contest.score(best) - contest.score(candidate)
    return (
        f"is not significantly worse than the best candidate, {best.name} "
        f"({points(behind)} points behind, {p_value(contest.between(candidate, best).p_value)})"
    )


def _sensitivity(contest: _Contest, gate: GateTest) -> str:
    level = contest.settings.significance / len(contest.tuned)
    disagreement = (gate.first_only + gate.second_only) / gate.rows
    smallest = detectable_difference(gate.rows, disagreement, level)
    rows = (
        f"With {gate.rows} rows, of which {percent(disagreement)} are right for only one of "
        f"{gate.first} and {gate.second}, "
    )
    if math.isnan(smallest):
        return rows + "no difference between the two can be shown reliably; more rows are needed."
    return (
        f"{rows}a true difference under {points(smallest)} points would be missed more often than "
        "one time in five."
    )


def _difference(test: PairedTest) -> str:
    return (
        f"{points(test.difference)} points, 95 % interval {points(test.low)} to {points(test.high)}"
    )
