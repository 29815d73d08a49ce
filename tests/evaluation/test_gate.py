"""The verdict, from predictions files to the gate."""

from typing import Any

import pytest

from tests.evaluation.answer_files import write_answers
from tuneline.errors import ConfigurationError
from tuneline.evaluation.evaluate import EvaluationPaths, evaluate
from tuneline.evaluation.settings import EvaluationSettings
from tuneline.evaluation.verdict import Verdict
from tuneline.settings import validated

NAMES = {"zero": "zero-shot", "four": "4-shot"}


def answered(right: int, rows: int, start: int = 0) -> list[str]:
    """Answers that are right on `right` of `rows` rows, from row `start` on and around."""
    texts = ["b"] * rows
    for index in range(right):
        texts[(start + index) % rows] = "a"
    return texts


def decide(tmp_path, rows=100, settings=None, files: Any = None, **right) -> Verdict:
    """Judge candidates by name; a number, or (number, first right row), says what is right."""
    spans = {name: span if isinstance(span, tuple) else (span, 0) for name, span in right.items()}
    answers = {
        NAMES.get(name, name): answered(count, rows, start)
        for name, (count, start) in spans.items()
    }
    file = write_answers(
        tmp_path / "p.parquet", answers, ["a"] * rows, labels=["a", "b"], **(files or {})
    )
    given = validated(EvaluationSettings, settings or {}, source="evaluation")
    return evaluate([file], given, EvaluationPaths.in_folder(tmp_path))


def test_tuning_that_is_better_passes(tmp_path):
    verdict = decide(tmp_path, zero=20, four=30, pet=90)
    assert (verdict.passed, verdict.winner, verdict.recommended) == (True, "pet", "pet")
    assert verdict.best_baseline == "4-shot"
    assert verdict.headline.startswith(
        "Tuning was worth it: pet has accuracy 90.0 % on 100 held-out rows, against 30.0 % for the "
        "best prompt (4-shot); difference 60.0 points, 95 % interval "
    )
    assert verdict.headline.endswith("p < 0.0001.")
    assert all(reason.startswith("passed: ") for reason in verdict.reasons)


def test_no_difference_does_not_pass(tmp_path):
    verdict = decide(tmp_path, zero=50, pet=(50, 25))
    assert (verdict.passed, verdict.winner, verdict.recommended) == (False, "", "zero-shot")
    assert verdict.headline.startswith("Tuning was not shown to be worth it: ")
    assert "interval" in verdict.headline


def test_a_small_gain_does_not_pass_and_the_verdict_says_what_could_be_seen(tmp_path):
    verdict = decide(tmp_path, zero=50, pet=(54, 10))
    assert not verdict.passed
    assert verdict.recommended == "zero-shot"
    assert verdict.sensitivity.startswith("With 100 rows, a true difference between pet and ")
    assert "would be missed more often" in verdict.sensitivity


def test_tuning_that_is_worse_does_not_pass(tmp_path):
    verdict = decide(tmp_path, zero=80, pet=20)
    assert (verdict.passed, verdict.recommended) == (False, "zero-shot")
    assert verdict.headline.startswith("Tuning made the answers worse: ")
    assert "−60.0 points" in verdict.headline  # noqa: RUF001
    assert verdict.reasons[0].startswith("failed: pet does not beat every baseline")
    assert verdict.reasons[-1] == (
        "failed: zero-shot, which needs no tuning, has the best accuracy."
    )


def test_four_rows_are_too_few_however_good_they_look(tmp_path):
    verdict = decide(tmp_path, rows=4, zero=0, pet=4)
    assert not verdict.passed
    assert verdict.gate_tests[0].p_value == pytest.approx(0.5**4)
    assert decide(tmp_path, rows=5, zero=0, pet=5).passed


def test_what_a_test_set_can_show_depends_on_its_size(tmp_path):
    seen = decide(tmp_path, zero=50, pet=52).sensitivity
    assert "between pet and zero-shot under 7.7 points cannot be seen reliably" in seen
    few = decide(tmp_path, rows=3, zero=1, pet=2).sensitivity
    assert "With 3 rows, no difference between pet and zero-shot can be shown reliably" in few


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


def test_every_baseline_must_be_beaten_not_the_best_alone(tmp_path):
    # pet has all that 4-shot has right and 8 more; zero-shot is right on other rows than both.
    verdict = decide(tmp_path, rows=40, zero=(19, 21), four=20, pet=28)
    tests = {test.second: test for test in verdict.gate_tests}
    assert (tests["4-shot"].first_only, tests["4-shot"].second_only) == (8, 0)
    assert tests["4-shot"].p_value < 0.05 < tests["zero-shot"].p_value
    assert tests["4-shot"].p_gate == tests["zero-shot"].p_gate == tests["zero-shot"].p_value
    assert (verdict.passed, verdict.recommended) == (False, "zero-shot")
    assert verdict.headline.startswith("Tuning was not shown to be worth it: ")
    assert (
        "zero-shot is not significantly worse than the best candidate, pet" in verdict.reasons[-1]
    )


def test_two_tuned_candidates_share_the_level(tmp_path):
    # 5 rows in one direction: p = 0.03125 alone, 0.0625 when two candidates are tried.
    alone = decide(tmp_path, zero=50, pet=55)
    assert alone.passed
    both = decide(tmp_path, zero=50, pet=55, full=(50, 50))
    assert both.gate_tests[0].p_value == alone.gate_tests[0].p_value
    assert both.gate_tests[0].p_gate == pytest.approx(0.0625)
    assert not both.passed


@pytest.mark.parametrize(
    ("gate", "failed"),
    [
        ({"at_least": {"accuracy": 0.8}}, "accuracy 70.0 %; required: at least 80.0 %"),
        ({"at_least": {"macro_f1": 0.99}}, "macro-F1"),
        ({"at_least": {"weighted_f1": 1.0}}, "required: at least 100.0 %"),
        (
            {"at_most": {"perplexity": 1.0}},
            "has no perplexity of the reference, and it is required",
        ),
    ],
)
def test_each_bound_is_a_rule_of_its_own(tmp_path, gate, failed):
    settings = {"gate": gate, "metrics": ["macro_f1"]}
    verdict = decide(tmp_path, settings=settings, zero=20, pet=70)
    assert not verdict.passed
    assert verdict.headline.startswith("Tuning helped, but does not hold every rule")
    assert [reason.split(":")[0] for reason in verdict.reasons[:2]] == ["passed", "failed"]
    assert failed in verdict.reasons[1]
    held = decide(
        tmp_path,
        settings={"gate": {"at_least": {"accuracy": 0.7}, "at_most": {"invalid_label_rate": 0}}},
        zero=20,
        pet=70,
    )
    assert held.passed
    assert sum("required: at" in reason for reason in held.reasons) == 2


@pytest.mark.parametrize(
    ("bound", "problem"),
    [
        ("acuracy", "at_least: acuracy: there is no such metric. Did you mean 'accuracy'"),
        ("perplexity", "less is better. Give it under `at_most`"),
        ("rouge_l", "'rouge_l' is not measured"),
        ("judge_win_rate", "needs `judge.model`"),
    ],
)
def test_a_bound_on_what_is_not_measured_is_refused(tmp_path, bound, problem):
    with pytest.raises(ConfigurationError, match=problem):
        decide(tmp_path, settings={"gate": {"at_least": {bound: 0.8}}}, zero=20, pet=70)


def test_a_margin_asks_for_more_than_any_difference(tmp_path):
    assert decide(tmp_path, zero=50, pet=65).passed
    wide = decide(tmp_path, settings={"gate": {"margin": 0.05}}, zero=50, pet=65)
    assert wide.passed
    assert "required: better by 5.0 points" in wide.reasons[0]
    assert not decide(tmp_path, settings={"gate": {"margin": 0.10}}, zero=50, pet=65).passed
    assert not decide(tmp_path, settings={"gate": {"margin": 0.20}}, zero=50, pet=65).passed


def test_a_negative_margin_accepts_what_is_not_much_worse(tmp_path):
    settings = {"gate": {"margin": -0.10}}
    alike = decide(tmp_path, settings=settings, rows=200, zero=150, pet=(148, 0))
    assert alike.passed
    assert "is not much worse than every baseline" in alike.reasons[0]
    assert "required: worse by less than 10.0 points" in alike.reasons[0]
    assert not decide(tmp_path, settings=settings, rows=200, zero=150, pet=135).passed
    assert not decide(tmp_path, rows=200, zero=150, pet=148).passed


def test_a_slice_that_loses_too_much_closes_the_gate(tmp_path):
    # Of 100 rows, the last 30 are right by the prompt alone.
    groups = ["early"] * 70 + ["late"] * 30
    loses = {"zero": (30, 70), "pet": 70}
    given = {"files": {"groups": groups}, **loses}
    open_gate = decide(tmp_path, settings={"slices": ["group"]}, **given)
    assert open_gate.worst_slices[0].value == "late"
    assert open_gate.worst_slices[0].loss == pytest.approx(1.0)
    settings = {"slices": ["group"], "gate": {"max_slice_loss": 0.1}}
    closed = decide(tmp_path, settings=settings, **given)
    assert not closed.passed
    rule = next(reason for reason in closed.reasons if "slices" in reason)
    assert "does worst on group late: it loses 100.0 points against zero-shot" in rule
    few = {**settings, "gate": {"max_slice_loss": 0.1, "min_slice_rows": 90}}
    assert "no slice has 90 rows" in " ".join(decide(tmp_path, settings=few, **given).reasons)


@pytest.mark.parametrize(
    ("gate", "problem"),
    [
        ({"at_least": {"accuracy": 85}}, "is a share between 0 and 1, not 85"),
        ({"margin": 2}, "margin: is a share between -1 and 1, not 2"),
        ({"at_least": {"accuracy": float("nan")}}, "must be a finite number"),
    ],
)
def test_bounds_that_cannot_be_meant_are_refused(tmp_path, gate, problem):
    with pytest.raises(ConfigurationError, match=problem):
        decide(tmp_path, settings={"gate": gate}, zero=20, pet=70)


@pytest.mark.parametrize("silent", ["zero-shot", "pet"])
def test_a_candidate_that_never_answered_is_no_evidence(tmp_path, silent):
    blocked = {silent: ["blocked"] * 100}
    verdict = decide(tmp_path, zero=0, pet=100, files={"finish_reasons": blocked})
    assert (verdict.passed, verdict.recommended) == (False, "")
    assert "answered a single row" in verdict.headline


def test_rows_without_an_answer_count_as_wrong_and_may_not_be_many(tmp_path):
    reasons = {"pet": ["prompt_too_long"] * 10 + ["stop"] * 90}
    files = {"finish_reasons": reasons}
    verdict = decide(tmp_path, zero=20, pet=100, files=files)
    assert verdict.candidate("pet").metrics["accuracy"].value == pytest.approx(0.9)
    assert not verdict.passed
    assert "failed: pet left 10 of 100 rows unanswered; required: at most 5.0 %." in verdict.reasons
    allowed = {"gate": {"max_unanswered": 0.1}}
    assert decide(tmp_path, settings=allowed, zero=20, pet=100, files=files).passed


def test_the_cheaper_candidate_that_breaks_a_rule_does_not_stop_the_other(tmp_path):
    files = {"prompts": ["short"] * 50 + ["a longer prompt"] * 50}
    settings = {"slices": ["length"], "gate": {"max_slice_loss": 0.0}}
    # Of the longer prompts, zero-shot has forty right and pet thirty.
    verdict = decide(tmp_path, settings=settings, files=files, zero=(40, 60), pet=80, full=82)
    assert (verdict.winner, verdict.recommended) == ("", "zero-shot")
    better = decide(tmp_path, settings=settings, files=files, zero=(40, 60), pet=80, full=97)
    assert (better.winner, better.recommended) == ("full", "full")
    assert any(reason.startswith("failed: of 2 slices") for reason in better.reasons)


def test_a_rule_breaker_is_never_recommended(tmp_path):
    settings = {"gate": {"at_least": {"accuracy": 0.95}}}
    verdict = decide(tmp_path, settings=settings, zero=20, pet=90)
    assert (verdict.passed, verdict.recommended) == (False, "zero-shot")
    assert verdict.reasons[-1].endswith("stays in use: no tuned candidate holds every rule.")


def test_every_large_group_is_judged_however_many_there_are(tmp_path):
    # Sixty groups; one of them, not among the fifty largest, loses everything.
    groups = [f"g{index % 60}" for index in range(60 * 25 - 5)]
    right = [0 if group == "g59" else 1 for group in groups]
    answers = {
        "zero-shot": ["a" if group in {"g59", "g0", "g1"} else "b" for group in groups],
        "pet": ["a" if flag else "b" for flag in right],
    }
    path = write_answers(
        tmp_path / "p.parquet", answers, ["a"] * len(groups), labels=["a", "b"], groups=groups
    )
    settings = validated(
        EvaluationSettings,
        {"slices": ["group"], "gate": {"max_slice_loss": 0.05}},
        source="evaluation",
    )
    verdict = evaluate([path], settings, EvaluationPaths.in_folder(tmp_path))
    assert verdict.worst_slices[0].value == "g59"
    assert not verdict.passed


def test_rows_of_one_group_count_as_one_piece_of_evidence(tmp_path):
    # 40 rows that tuning fixed are no evidence where they all come from four documents.
    groups = [f"document {index // 10}" for index in range(100)]
    alone = decide(tmp_path, zero=50, pet=90)
    assert alone.passed
    grouped = decide(tmp_path, zero=50, pet=90, files={"groups": groups})
    assert not grouped.passed
    assert grouped.gate_tests[0].test == "randomization"
    assert grouped.gate_tests[0].p_value == pytest.approx(2 / 2**4)
    assert "in 10 independent groups" in grouped.sensitivity


def test_known_prices_decide_what_is_cheapest(tmp_path):
    prices = {"training_usd_per_hour": 3600.0, "serving_usd_per_hour": 3.6}
    slow = {"candidates": {"4-shot": {"prediction_seconds": 1000.0}}}
    many_calls = {"prices": {**prices, "expected_calls": 10_000_000}}
    verdict = decide(tmp_path, settings=many_calls, files=slow, zero=20, four=88, pet=90)
    assert [candidate.name for candidate in verdict.candidates] == ["zero-shot", "pet", "4-shot"]
    assert verdict.recommended == "4-shot"
    assert not verdict.passed, "it is not significantly better than the costlier prompt"
    test = next(test for test in verdict.gate_tests if test.second == "4-shot")
    assert (test.first, test.first_only, test.second_only) == ("pet", 2, 0)
    assert test.difference == pytest.approx(0.02)
    pet, four = verdict.candidate("pet").cost, verdict.candidate("4-shot").cost
    assert pet.training_usd == pytest.approx(12.5)
    assert four.serving_usd_per_1000_calls == pytest.approx(10.0)
    few_calls = {"prices": {**prices, "expected_calls": 100}}
    verdict = decide(tmp_path, settings=few_calls, files=slow, zero=20, four=88, pet=90)
    assert [candidate.name for candidate in verdict.candidates] == ["zero-shot", "4-shot", "pet"]
    assert verdict.recommended == "4-shot"
