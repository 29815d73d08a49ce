import math

import pytest

from tests.evaluation.answer_files import write_answers
from tuneline.evaluation.evaluate import EvaluationPaths, evaluate
from tuneline.evaluation.judge import judge
from tuneline.evaluation.results import CandidateSummary, Metric, PairedTest
from tuneline.evaluation.settings import EvaluationSettings
from tuneline.evaluation.verdict import Verdict


def answered(right: int, rows: int, start: int = 0) -> list[str]:
    """Answers that are right on `right` of `rows` rows, from row `start` on and around."""
    texts = ["b"] * rows
    for index in range(right):
        texts[(start + index) % rows] = "a"
    return texts


def decide(tmp_path, rows=100, settings=None, **right) -> Verdict:
    """Judge candidates by name; a number, or (number, first right row), says what is right."""
    names = {"zero": "zero-shot", "four": "4-shot"}
    spans = {name: span if isinstance(span, tuple) else (span, 0) for name, span in right.items()}
    answers = {
        names.get(name, name): answered(count, rows, start)
        for name, (count, start) in spans.items()
    }
    file = write_answers(tmp_path / "p.parquet", answers, ["a"] * rows, labels=["a", "b"])
    return evaluate([file], settings or EvaluationSettings(), EvaluationPaths.in_folder(tmp_path))


def test_tuning_that_is_better_passes(tmp_path):
    verdict = decide(tmp_path, zero=20, four=30, pet=90)
    assert (verdict.passed, verdict.winner, verdict.recommended) == (True, "pet", "pet")
    assert verdict.best_baseline == "4-shot"
    assert verdict.headline.startswith(
        "Tuning was worth it: pet answers 90.0 % of 100 held-out rows right, against 30.0 % for "
        "the best prompt (4-shot); difference 60.0 points, 95 % interval 5"
    )
    assert verdict.headline.endswith("p < 0.0001.")
    assert all(reason.startswith("passed: ") for reason in verdict.reasons)


def test_no_difference_does_not_pass(tmp_path):
    verdict = decide(tmp_path, zero=50, pet=(50, 25))
    assert (verdict.passed, verdict.winner, verdict.recommended) == (False, "", "zero-shot")
    assert verdict.headline.startswith("Tuning was not shown to be worth it: ")
    assert "interval" in verdict.headline


def test_a_small_gain_does_not_pass_and_the_report_says_what_could_be_seen(tmp_path):
    verdict = decide(tmp_path, zero=50, pet=(54, 10))
    assert not verdict.passed
    assert verdict.recommended == "zero-shot"
    assert "would be missed more often" in verdict.sensitivity


def test_tuning_that_is_worse_does_not_pass(tmp_path):
    verdict = decide(tmp_path, zero=80, pet=20)
    assert (verdict.passed, verdict.recommended) == (False, "zero-shot")
    assert verdict.headline.startswith("Tuning made the answers worse: ")
    assert "−60.0 points" in verdict.headline  # noqa: RUF001
    assert verdict.reasons[0].startswith("failed: pet does not beat the best baseline, zero-shot")
    assert verdict.reasons[-1] == (
        "failed: zero-shot, which needs no tuning, has the highest accuracy."
    )


def test_five_rows_are_too_few_however_good_they_look(tmp_path):
    verdict = decide(tmp_path, rows=5, zero=0, pet=5)
    assert not verdict.passed
    assert verdict.gate_tests[0].p_value == pytest.approx(2 * 0.5**5)
    assert decide(tmp_path, rows=6, zero=0, pet=6).passed


def test_two_rows_that_differ_can_show_nothing(tmp_path):
    verdict = decide(tmp_path, zero=50, pet=52)
    assert "no difference between the two can be shown reliably" in verdict.sensitivity


@pytest.mark.parametrize(
    ("right", "gap"),
    [
        ({"pet": 90, "full": 95}, "no prompt-design baseline"),
        ({"zero": 90, "four": 95}, "no tuned candidate"),
        ({"zero": 0, "pet": 0, "rows": 0}, "no held-out rows"),
    ],
)
def test_no_evidence_never_passes(tmp_path, right, gap):
    verdict = decide(tmp_path, **right)
    assert (verdict.passed, verdict.winner, verdict.recommended) == (False, "", "")
    assert gap in verdict.headline
    assert gap in verdict.reasons[0]
    assert (tmp_path / "report.html").stat().st_size > 1000


def test_of_two_tuned_the_cheaper_wins_unless_it_is_worse(tmp_path):
    close = decide(tmp_path, zero=20, pet=90, full=92)
    assert (close.winner, close.recommended) == ("pet", "pet")
    assert "costs less" in close.reasons[-1]
    apart = decide(tmp_path, zero=20, pet=60, full=92)
    assert (apart.winner, apart.recommended) == ("full", "full")
    assert close.confusion is not None
    assert apart.confusion is not None
    assert apart.confusion.matrix[0][0] == 92


def test_a_baseline_that_is_not_worse_than_the_best_is_recommended(tmp_path):
    # pet has all that 4-shot has right and 8 more; zero-shot is right on other rows than both.
    verdict = decide(tmp_path, rows=40, zero=(19, 21), four=20, pet=28)
    gate = verdict.gate_tests[0]
    assert (gate.second, gate.first_only, gate.second_only) == ("4-shot", 8, 0)
    assert gate.p_corrected < 0.05
    assert (verdict.passed, verdict.recommended) == (False, "zero-shot")
    assert verdict.headline.startswith("Tuning was not shown to be worth it: ")
    assert "zero-shot, which needs no tuning, is not significantly worse" in verdict.reasons[-1]


def test_two_tuned_candidates_share_the_level(tmp_path):
    # 6 rows in one direction: p = 0.03125 alone, 0.0625 when two candidates are tried.
    alone = decide(tmp_path, zero=50, pet=56)
    assert alone.passed
    both = decide(tmp_path, zero=50, pet=56, full=(50, 50))
    assert both.gate_tests[0].p_value == alone.gate_tests[0].p_value
    assert both.gate_tests[0].p_corrected == pytest.approx(0.0625)
    assert not both.passed


def test_the_least_score_is_a_rule_of_its_own(tmp_path):
    verdict = decide(tmp_path, settings=EvaluationSettings(min_score=0.8), zero=20, pet=70)
    assert not verdict.passed
    assert verdict.headline.startswith("Tuning helped, but did not reach the required 80.0 %")
    assert [reason.split(":")[0] for reason in verdict.reasons] == ["passed", "failed"]
    reached = decide(tmp_path, settings=EvaluationSettings(min_score=0.7), zero=20, pet=70)
    assert reached.passed


def summary(name, kind, value) -> CandidateSummary:
    return CandidateSummary(
        name=name,
        kind=kind,
        shots=0,
        trainable_parameters=0,
        total_parameters=1,
        training_seconds=0.0,
        prediction_seconds=0.0,
        prompt_tokens_per_call=1.0,
        output_tokens_per_call=1.0,
        cut_off_rows=0,
        unasked_rows=0,
        metrics={"accuracy": Metric(value=value, low=0.0, high=1.0)},
    )


def test_a_score_that_is_not_a_number_never_passes():
    test = PairedTest(
        metric="accuracy",
        first="pet",
        second="zero-shot",
        rows=100,
        difference=math.nan,
        low=math.nan,
        high=math.nan,
        first_only=90,
        second_only=0,
        p_value=0.0,
    )
    candidates = [summary("zero-shot", "baseline", 0.1), summary("pet", "pet", math.nan)]
    verdict = judge(candidates, [test], 100, "accuracy", EvaluationSettings())
    assert not verdict.passed
    assert verdict.reasons == [
        "failed: the accuracy of pet is not a number; without evidence nothing passes."
    ]
