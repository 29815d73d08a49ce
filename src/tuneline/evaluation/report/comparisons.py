"""The paired tests: tuned candidates against prompts, as the gate sees them, then other pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tuneline.evaluation.wording import UNKNOWN, p_number, signed, signed_interval
from tuneline.report.words import name_of

if TYPE_CHECKING:
    from tuneline.evaluation.results import EvaluationMetrics, MetricInfo, PairedTest
    from tuneline.evaluation.verdict import Verdict

TESTS = {
    "mcnemar": "McNemar's test (mid-p) on which rows each candidate has right",
    "randomization": "a paired randomization test, which swaps the answers of rows at random",
}


class TestRow(NamedTuple):
    """One comparison."""

    first: str
    second: str
    difference: str
    interval: str
    first_only: str
    second_only: str
    p: str
    p_corrected: str
    p_gate: str


class TestsView(NamedTuple):
    """All comparisons.

    Attributes:
        method: The test, in words.
        counts: Whether there are rows that one alone has right.
        gate: Those that decide, from the smallest p of the gate.
        others: The other pairs.
    """

    method: str
    counts: bool
    gate: list[TestRow]
    others: list[TestRow]


def paired_tests(metrics: EvaluationMetrics, verdict: Verdict) -> TestsView | None:
    """The comparisons; None where there is none."""
    if not metrics.paired_tests:
        return None
    info = metrics.info(metrics.primary_metric)
    gate = sorted(verdict.gate_tests, key=lambda test: test.p_gate)
    decided = {(test.first, test.second) for test in gate}
    return TestsView(
        TESTS[metrics.paired_tests[0].test],
        any(test.first_only is not None for test in metrics.paired_tests),
        [_row(test, info)._replace(p_gate=p_number(test.p_gate)) for test in gate],
        [
            _row(test, info)
            for test in metrics.paired_tests
            if (test.first, test.second) not in decided
        ],
    )


def _row(test: PairedTest, info: MetricInfo) -> TestRow:
    return TestRow(
        name_of(test.first),
        name_of(test.second),
        signed(test.difference, info),
        signed_interval(test.low, test.high, info),
        _count(test.first_only),
        _count(test.second_only),
        p_number(test.p_value),
        p_number(test.p_corrected),
        "",
    )


def _count(rows: int | None) -> str:
    return UNKNOWN if rows is None else f"{rows:,}"
