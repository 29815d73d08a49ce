"""The rules that decide whether a tuned model may be registered.

A tuned candidate passes where it beats every baseline on the same rows and holds every further
rule. Its p-value is the largest of those against the single baselines: all of these hypotheses must
fall, so no correction for their number is due (Berger 1982, intersection-union test). Those of
several tuned candidates are corrected by Holm. So the chance that anything passes which is no
better than some baseline stays at the level, however many candidates are tried.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from tuneline.evaluation.results import CandidateSummary
from tuneline.evaluation.statistics.multiple import holm
from tuneline.evaluation.verdict import GateTest
from tuneline.evaluation.wording import gap, percent, score

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.evaluation.results import MetricInfo, PairedTest, SliceResult
    from tuneline.evaluation.settings import EvaluationSettings, SliceKind, TaskKind


Candidate = TypeVar("Candidate", bound=CandidateSummary)


class UnscoredSlice(NamedTuple):
    """A slice on which a candidate has no score, such as one without any entity."""

    slice: SliceKind
    value: str
    candidate: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """A paired test with what the gate needs beside it.

    Attributes:
        test: The costlier candidate against the cheaper one.
        p_margin: Two-sided p-value of "the tuned candidate is better by exactly the margin"; that
            of the test itself where the margin is 0.
        detectable: The true difference that this test finds in four runs of five, in the metric's
            unit; NaN where even the largest would not be found.
    """

    test: PairedTest
    p_margin: float
    detectable: float


@dataclass(frozen=True, slots=True)
class Contest:
    """Everything that the rules look at.

    Attributes:
        candidates: From the cheapest to the costliest.
        comparisons: Every pair of them.
        slices: Each tuned candidate against the best baseline.
        unscored_slices: Slices with enough rows to decide on which a tuned candidate has no score.
        metrics: What was measured, the primary metric first.
        rows: Held-out rows.
        units: Independent ones.
        task: Kind of task.
        task_reason: Why it was taken for that.
        settings: The rules.
    """

    candidates: Sequence[CandidateSummary]
    comparisons: Sequence[Comparison]
    slices: Sequence[SliceResult]
    unscored_slices: Sequence[UnscoredSlice]
    metrics: Sequence[MetricInfo]
    rows: int
    units: int
    task: TaskKind
    task_reason: str
    settings: EvaluationSettings

    @property
    def metric(self) -> MetricInfo:
        """The metric that decides."""
        return self.metrics[0]

    @property
    def tuned(self) -> list[CandidateSummary]:
        """Tuned candidates, the cheapest first."""
        return [candidate for candidate in self.candidates if candidate.kind != "baseline"]

    @property
    def baselines(self) -> list[CandidateSummary]:
        """Prompt designs, the cheapest first."""
        return [candidate for candidate in self.candidates if candidate.kind == "baseline"]

    def score(self, candidate: CandidateSummary) -> float:
        """The value of the primary metric."""
        return candidate.metrics[self.metric.name].value

    def lead(self, one: CandidateSummary, other: CandidateSummary) -> float:
        """By how much one is better than the other, whichever way the metric counts."""
        difference = self.score(one) - self.score(other)
        return difference if self.metric.higher_is_better else -difference

    def best(self, candidates: Sequence[CandidateSummary]) -> CandidateSummary:
        """The one with the best score, the cheapest of equals."""
        return best_by(candidates, self.metric)

    def between(self, one: CandidateSummary, other: CandidateSummary) -> Comparison:
        """The comparison of these two, whichever costs more."""
        pair = {one.name, other.name}
        return next(c for c in self.comparisons if {c.test.first, c.test.second} == pair)

    def not_worse_than_best(self, candidates: Sequence[CandidateSummary]) -> list[CandidateSummary]:
        """Those of some candidates that are not significantly worse than the best of them."""
        best = self.best(candidates)
        return [candidate for candidate in candidates if self.not_worse(candidate, best)]

    def not_worse(self, candidate: CandidateSummary, best: CandidateSummary) -> bool:
        """Whether a candidate is not significantly worse than a better one."""
        return (
            candidate.name == best.name
            or self.lead(candidate, best) >= 0
            or self.between(candidate, best).test.p_value >= self.settings.significance
        )

    def missing_evidence(self) -> str:
        """What there is no evidence of, in a few words; empty where a decision can be made."""
        if not self.rows:
            return "there are no held-out rows"
        if not self.baselines:
            return "there is no prompt-design baseline to compare with"
        if not self.tuned:
            return "there is no tuned candidate"
        for kind, group in (("baseline", self.baselines), ("tuned candidate", self.tuned)):
            if all(candidate.unanswered_rows == self.rows for candidate in group):
                return f"no {kind} answered a single row"
        for candidate in self.candidates:
            found = candidate.metrics.get(self.metric.name)
            if found is None or not math.isfinite(found.value):
                return f"the {self.metric.title} of {candidate.name} is not a number"
        return ""


def best_by(candidates: Sequence[Candidate], metric: MetricInfo) -> Candidate:
    """The candidate with the best value of a metric, the first of equals."""
    sign = 1 if metric.higher_is_better else -1
    return max(candidates, key=lambda candidate: sign * candidate.metrics[metric.name].value)


@dataclass(frozen=True, slots=True)
class Gate:
    """What the rules say of each tuned candidate.

    Attributes:
        tests: Each tuned candidate, as the first, against each baseline.
        beating: Names of those that beat every baseline by the margin.
        broken: Sentences on the further rules that a candidate breaks, by its name.
        held: Sentences on those that it holds, likewise.
    """

    tests: list[GateTest]
    beating: set[str]
    broken: dict[str, list[str]]
    held: dict[str, list[str]]

    def of(self, candidate: CandidateSummary) -> list[GateTest]:
        """The tests of one tuned candidate."""
        return [test for test in self.tests if test.first == candidate.name]

    def passes(self, candidate: CandidateSummary) -> bool:
        """Whether a tuned candidate holds every rule."""
        return candidate.name in self.beating and not self.broken[candidate.name]


def apply_rules(contest: Contest) -> Gate:
    """Hold every tuned candidate against every rule."""
    against = {tuned.name: _p_against_all(contest, tuned) for tuned in contest.tuned}
    corrected = holm(against)
    tests = [
        _gate_test(contest.between(tuned, baseline).test, tuned.name, corrected[tuned.name])
        for tuned in contest.tuned
        for baseline in contest.baselines
    ]
    level = contest.settings.significance
    beating = {name for name, value in corrected.items() if value < level}
    broken: dict[str, list[str]] = {}
    held: dict[str, list[str]] = {}
    for tuned in contest.tuned:
        verdicts = [
            *_answered(contest, tuned),
            *_bounds(contest, tuned),
            *_slice_rule(contest, tuned),
        ]
        broken[tuned.name] = [sentence for good, sentence in verdicts if not good]
        held[tuned.name] = [sentence for good, sentence in verdicts if good]
    return Gate(tests, beating, broken, held)


def _gate_test(test: PairedTest, tuned: str, p_gate: float) -> GateTest:
    fields = test.model_dump()
    if test.first != tuned:  # a tuned candidate that costs less than the prompt
        fields |= {
            "first": test.second,
            "second": test.first,
            "difference": -test.difference,
            "low": None if test.high is None else -test.high,
            "high": None if test.low is None else -test.low,
            "first_only": test.second_only,
            "second_only": test.first_only,
        }
    return GateTest(**fields, p_gate=p_gate)


def _p_against_all(contest: Contest, tuned: CandidateSummary) -> float:
    """The largest p-value against a baseline; 1 where one is not beaten by the margin at all."""
    margin = contest.settings.gate.margin
    return max(
        contest.between(tuned, baseline).p_margin if contest.lead(tuned, baseline) > margin else 1.0
        for baseline in contest.baselines
    )


def _answered(contest: Contest, tuned: CandidateSummary) -> list[tuple[bool, str]]:
    """Where many rows were blocked or never asked, scores say little of the answers.

    Nothing is said where all is well, which it mostly is.
    """
    most = contest.settings.gate.max_unanswered
    found = []
    for candidate in (tuned, contest.best(contest.baselines)):
        unanswered = candidate.unanswered_rows
        if unanswered > most * contest.rows:
            sentence = (
                f"{candidate.name} left {unanswered} of {contest.rows} rows unanswered; required: "
                f"at most {percent(most)}."
            )
            found.append((False, sentence))
    return found


def _bounds(contest: Contest, tuned: CandidateSummary) -> list[tuple[bool, str]]:
    found = []
    infos = {info.name: info for info in contest.metrics}
    gate = contest.settings.gate
    for required, word, sign in ((gate.at_least, "least", 1), (gate.at_most, "most", -1)):
        for name, bound in required.items():
            info = infos[name]
            metric = tuned.metrics.get(name)
            if metric is None:
                found.append((False, f"{tuned.name} has no {info.title}, and it is required."))
                continue
            sentence = (
                f"{tuned.name} has {info.title} {score(metric.value, info)}; required: at {word} "
                f"{score(bound, info)}."
            )
            found.append((sign * metric.value >= sign * bound, sentence))
    return found


def _slice_rule(contest: Contest, tuned: CandidateSummary) -> list[tuple[bool, str]]:
    gate = contest.settings.gate
    if gate.max_slice_loss is None:
        return []
    required = f"required: none loses more than {gap(gate.max_slice_loss, contest.metric)}"
    judged = [
        part
        for part in contest.slices
        if part.candidate == tuned.name and part.rows >= gate.min_slice_rows
    ]
    unscored = [part for part in contest.unscored_slices if part.candidate == tuned.name]
    if unscored:
        part = unscored[0]
        return [(False, f"{tuned.name} has no score on {part.slice} {part.value}; {required}.")]
    if not judged:
        why = (
            f"no slice has {gate.min_slice_rows} rows"
            if contest.slices
            else "the rows have no slices"
        )
        return [(False, f"{why}, so nothing shows what {tuned.name} loses on one; {required}.")]
    worst = max(judged, key=lambda part: part.loss)
    change = "loses" if worst.loss > 0 else "gains"
    sentence = (
        f"of {len(judged)} slices with at least {gate.min_slice_rows} rows, {tuned.name} does "
        f"worst on {worst.slice} {worst.value}: it {change} {gap(abs(worst.loss), contest.metric)} "
        f"against {worst.baseline} there; {required}."
    )
    return [(worst.loss <= gate.max_slice_loss, sentence)]
