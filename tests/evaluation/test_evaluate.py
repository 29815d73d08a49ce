"""The stage as a whole: predictions files in, metrics, verdict, report and summary out."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from tests.evaluation.answer_files import write_answers
from tests.stores import gs_store
from tuneline.errors import ConfigurationError, DataError, MachineError
from tuneline.evaluation.evaluate import EvaluationPaths, evaluate
from tuneline.evaluation.results import EvaluationMetrics
from tuneline.evaluation.settings import EvaluationSettings
from tuneline.evaluation.verdict import Verdict, read_verdict
from tuneline.settings import validated

LABELS = ["billing", "delivery", "refund"]
REFERENCES = [LABELS[index % 3] for index in range(60)]
WRONG = [LABELS[(index + 1) % 3] for index in range(60)]
ANSWERS = {
    "zero-shot": ["no idea"] * 40 + REFERENCES[40:],
    "4-shot": WRONG[:40] + REFERENCES[40:],
    "pet": WRONG[:5] + [f" {text.upper()}." for text in REFERENCES[5:]],
    "full": WRONG[:3] + REFERENCES[3:],
}


def files(folder: Path) -> list[Path]:
    baselines = {name: ANSWERS[name] for name in ("zero-shot", "4-shot")}
    return [
        write_answers(folder / "full.parquet", {"full": ANSWERS["full"]}, REFERENCES),
        write_answers(folder / "pet.parquet", {"pet": ANSWERS["pet"]}, REFERENCES),
        write_answers(folder / "baselines.parquet", baselines, REFERENCES),
    ]


def run(predictions: list[Path], folder: Path, **settings: Any) -> Verdict:
    given = validated(EvaluationSettings, settings, source="evaluation")
    return evaluate(predictions, given, EvaluationPaths.in_folder(folder))


def found(folder: Path) -> EvaluationMetrics:
    return EvaluationMetrics.model_validate_json((folder / "metrics.json").read_bytes())


def outputs(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".parquet"}


def test_files_in_any_order_give_the_same_bytes(tmp_path):
    predictions = files(tmp_path)
    run(predictions, tmp_path / "one")
    run(predictions[::-1], tmp_path / "two")
    assert outputs(tmp_path / "one") == outputs(tmp_path / "two")
    names = {"metrics.json", "verdict.json", "report.html", "summary.md"}
    assert set(outputs(tmp_path / "one")) == names


@pytest.mark.parametrize("workers", [1, 2])
def test_metrics_equal_scikit_learn(tmp_path, workers):
    run(files(tmp_path), tmp_path, workers=workers)
    metrics = found(tmp_path)
    assert (metrics.task, metrics.units) == ("classification", 60)
    names = [candidate.name for candidate in metrics.candidates]
    assert names == ["zero-shot", "4-shot", "pet", "full"]
    for candidate in metrics.candidates:
        predicted = [text.strip(" .").lower() for text in ANSWERS[candidate.name]]
        known = [text if text in LABELS else "(other)" for text in predicted]
        wanted = {
            "accuracy": accuracy_score(REFERENCES, known),
            "macro_f1": f1_score(REFERENCES, known, labels=LABELS, average="macro"),
            "weighted_f1": f1_score(REFERENCES, known, labels=LABELS, average="weighted"),
        }
        for name, value in wanted.items():
            assert candidate.metrics[name].value == pytest.approx(value, abs=1e-9)
        for metric in candidate.metrics.values():
            assert metric.low is not None
            assert metric.high is not None
            assert metric.low <= metric.value <= metric.high
        assert candidate.confusion is not None
        categories = [*LABELS, "(other)"]
        assert candidate.confusion.categories == categories
        wanted_matrix = confusion_matrix(REFERENCES, known, labels=categories).tolist()
        assert candidate.confusion.matrix == wanted_matrix
    rates = {c.name: c.metrics["invalid_label_rate"].value for c in metrics.candidates}
    assert rates["zero-shot"] == pytest.approx(40 / 60)
    assert len(metrics.paired_tests) == 6
    assert all(test.p_value <= test.p_corrected for test in metrics.paired_tests)


def test_the_verdict_is_what_stands_in_its_file(tmp_path):
    verdict = run(files(tmp_path), tmp_path)
    assert verdict.winner == "pet"
    assert read_verdict(tmp_path / "verdict.json") == verdict.model_copy(update={"confusion": None})
    scalars = verdict.scalars()
    assert scalars["passed"] == 1.0
    assert scalars["pet.accuracy"] == verdict.candidate("pet").metrics["accuracy"].value
    assert scalars["pet.accuracy.low"] < scalars["pet.accuracy"] < scalars["pet.accuracy.high"]
    assert verdict.confusion is not None
    assert sum(map(sum, verdict.confusion.matrix)) == 60
    assert {len(row) for row in verdict.confusion.matrix} == {len(verdict.confusion.categories)}


NOTES = [
    f"On day {number} the team met for an hour and spoke at length about the red lamp in room "
    f"{number}. Somebody had seen it flicker. In the end they agreed to buy a new one next week."
    for number in range(20)
]
ENTITY = '[{"text": "lamp", "label": "product"}]'
CALL = '[{"args":{"room":1},"name":"switch_on"}]'


@pytest.mark.parametrize(
    ("reference", "prompts", "task", "primary"),
    [
        ("SELECT name FROM lamps WHERE id = 1", (), "query", "ast_match"),
        ("yes", (), "query", "normalized_match"),
        (ENTITY, (), "entity_extraction", "entity_f1"),
        (CALL, (), "tool_calls", "tool_call_match"),
        ("They will buy a new red lamp for the room.", NOTES, "summarization", "rouge_l"),
        ("The lamp in the hall is on and burns well.", (), "open_ended", "token_f1"),
    ],
)
def test_the_task_is_told_from_the_rows(tmp_path, reference, prompts, task, primary):
    answers = {"zero-shot": ["?"] * 20, "pet": [reference] * 19 + ["?"]}
    path = tmp_path / "p.parquet"
    write_answers(path, answers, [reference] * 20, task="generation", prompts=prompts)
    verdict = run([path], tmp_path)
    assert (found(tmp_path).task, verdict.primary_metric) == (task, primary)
    assert verdict.passed
    assert verdict.confusion is None
    assert found(tmp_path).task_reason
    value = verdict.candidate("pet").metrics[primary].value
    assert value == pytest.approx(2 * 19 / 39 if task == "entity_extraction" else 0.95)


def test_settings_choose_task_metrics_and_what_decides(tmp_path):
    answers = {"zero-shot": ["?"] * 20, "pet": ["a red lamp"] * 20}
    path = write_answers(tmp_path / "p.parquet", answers, ["a lamp"] * 20, task="generation")
    verdict = run(
        [path], tmp_path, task="open_ended", metrics=["rouge_1", "contains"], primary_metric="chrf"
    )
    assert found(tmp_path).task_reason == "set in the settings"
    assert verdict.primary_metric == "chrf"
    assert {"chrf", "token_f1", "rouge_1", "contains"} <= set(verdict.candidate("pet").metrics)
    assert verdict.gate_tests[0].test == "randomization"


def test_a_metric_of_ones_own_decides(tmp_path):
    module = tmp_path / "mine.py"
    module.write_text(
        "def polite(prompt, reference, prediction):\n    return float('please' in prediction)\n"
        "polite.unit = 'share'\n"
    )
    answers = {"zero-shot": ["give it"] * 20, "pet": ["please"] * 20}
    path = write_answers(tmp_path / "p.parquet", answers, ["?"] * 20, task="generation")
    verdict = run([path], tmp_path, metrics=[f"{module}:polite"], primary_metric=f"{module}:polite")
    assert verdict.primary_metric == "polite"
    assert verdict.passed


def test_perplexity_is_there_where_logits_are(tmp_path):
    answers = {"zero-shot": ["b"] * 4, "pet": ["a"] * 4}
    nll = {"zero-shot": [8.0] * 4, "pet": [4.0, 0.0, 4.0, 8.0]}
    path = write_answers(tmp_path / "p.parquet", answers, ["a"] * 4, labels=["a", "b"], nll=nll)
    verdict = run([path], tmp_path)
    assert verdict.candidate("zero-shot").metrics["perplexity"].value == pytest.approx(7.389056)
    assert verdict.candidate("pet").metrics["perplexity"].value == pytest.approx(2.718282)
    without = write_answers(tmp_path / "q.parquet", answers, ["a"] * 4, labels=["a", "b"])
    assert "perplexity" not in run([without], tmp_path).candidate("pet").metrics


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"primary_metric": "accuracy"}, "accuracy: there is no label set"),
        ({"primary_metric": "rouge_7"}, "rouge_7: there is no such metric"),
        ({"metrics": ["execution_accuracy"]}, "needs `database`"),
        ({"task": "code"}, "needs `code_tests`"),
        ({"task": "code", "code_tests": "tests.jsonl"}, "allow_code_execution: true"),
        ({"metrics": ["schema_valid"]}, "needs `answer_schema`"),
        ({"primary_metric": "length_ratio"}, "best near 1"),
    ],
)
def test_what_a_metric_lacks_is_said_before_anything_is_measured(tmp_path, settings, problem):
    answers = {"zero-shot": ["?"] * 5, "pet": ["a lamp"] * 5}
    path = write_answers(tmp_path / "p.parquet", answers, ["a lamp"] * 5, task="generation")
    with pytest.raises(ConfigurationError, match=problem):
        run([path], tmp_path, **settings)
    assert outputs(tmp_path) == {}


def test_every_problem_is_listed_at_once(tmp_path):
    with pytest.raises(ConfigurationError) as early:
        run([], tmp_path, metrics=["blue", "schema_valid"], gate={"at_most": {"red": 1}})
    assert len(early.value.problems) == 4, "the list of metrics is a line of its own"
    answers = {"zero-shot": ["?"] * 5, "pet": ["a lamp"] * 5}
    path = write_answers(tmp_path / "p.parquet", answers, ["a lamp"] * 5, task="generation")
    with pytest.raises(ConfigurationError) as later:
        run([path], tmp_path, metrics=["accuracy", "macro_f1"])
    (problem,) = later.value.problems
    assert problem.startswith("accuracy, macro_f1: there is no label set")


@pytest.mark.parametrize("field", ["database", "code_tests", "answer_schema"])
def test_a_file_that_is_not_there_is_named(field, tmp_path):
    with pytest.raises(ConfigurationError, match=f"{field}: nowhere.file: there is no such file"):
        run(files(tmp_path), tmp_path, **{field: "nowhere.file", "allow_code_execution": True})


def test_files_beside_the_predictions_may_lie_in_a_store(tmp_path):
    answers = {"zero-shot": ["{}"] * 5, "pet": ["[]"] * 4 + ["no JSON"]}
    path = write_answers(tmp_path / "p.parquet", answers, ["[]"] * 5, task="generation")
    with gs_store() as (bucket, put):
        put("list.json", b'{"type": "array"}')
        uri = f"{bucket}/list.json"
        verdict = run([path], tmp_path, answer_schema=uri, metrics=["schema_valid"])
    assert found(tmp_path).settings.answer_schema == uri
    assert verdict.candidate("pet").metrics["schema_valid"].value == pytest.approx(0.8)
    assert verdict.candidate("zero-shot").metrics["schema_valid"].value == 0.0
    assert verdict.candidate("zero-shot").metrics["json_valid"].value == 1.0


def test_a_database_of_a_store_says_why_an_answer_is_wrong(tmp_path):
    local = tmp_path / "shop.sqlite"
    with closing(sqlite3.connect(local)) as shop:
        shop.executescript("create table lamps(id int); insert into lamps values (1), (2);")
    right = "SELECT id FROM lamps"
    answers = {"zero-shot": ["SELECT id FROM lamps LIMIT 1"] * 8, "pet": [right] * 8}
    path = write_answers(tmp_path / "p.parquet", answers, [right] * 8, task="generation")
    with gs_store() as (bucket, put):
        put("shop.sqlite", local.read_bytes())
        # Measured in other processes, so this one opens the database for the remarks alone.
        verdict = run([path], tmp_path, database=f"{bucket}/shop.sqlite", workers=2)
    assert verdict.candidate("pet").metrics["execution_accuracy"].value == 1.0
    assert "1 row, expected 2" in (tmp_path / "report.html").read_text()


def test_a_learning_curve_is_drawn_and_does_not_compete(tmp_path):
    answers = {
        "zero-shot": ["b"] * 40,
        "pet": ["a"] * 38 + ["b"] * 2,
        "pet 25 %": ["a"] * 20 + ["b"] * 20,
        "pet 50 %": ["a"] * 40,
    }
    path = write_answers(tmp_path / "p.parquet", answers, ["a"] * 40, labels=["a", "b"])
    verdict = run([path], tmp_path)
    assert [candidate.name for candidate in verdict.candidates] == ["zero-shot", "pet"]
    assert verdict.winner == "pet"
    curve = found(tmp_path).learning_curve
    assert [(point.training_fraction, point.score.value) for point in curve] == [
        (0.25, 0.5),
        (0.5, 1.0),
        (1.0, 0.95),
    ]
    assert "pet 25 %" in (tmp_path / "report.html").read_text()


def test_a_label_that_only_held_out_rows_have_counts_as_a_label(tmp_path):
    references = ["a"] * 10 + ["new"] * 10
    answers = {"zero-shot": ["a"] * 20, "pet": references}
    file = write_answers(tmp_path / "p.parquet", answers, references, labels=["a", "b"])
    run([file], tmp_path)
    metrics = found(tmp_path)
    assert metrics.labels == ["a", "b", "new"]
    assert metrics.candidates[1].metrics["macro_f1"].value == 1.0
    unused = metrics.candidates[1].labels[1]
    assert (unused.label, unused.f1, unused.support) == ("b", None, 0)


def test_a_label_named_other_stays_apart_from_no_label(tmp_path):
    references = ["(other)", "a"] * 5
    answers = {"zero-shot": ["?"] * 10, "pet": references}
    file = write_answers(tmp_path / "p.parquet", answers, references)
    verdict = run([file], tmp_path)
    assert verdict.confusion is not None
    assert verdict.confusion.categories == ["(other)", "a", "((other))"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"examples_digest": "f" * 64}, "examples_digest differs"),
        ({"task": "generation"}, "task differs"),
        ({"labels": ["x", *LABELS]}, "labels differs"),
        ({"references": REFERENCES[1:] + REFERENCES[:1]}, "do not hold the same rows"),
        (
            {"references": REFERENCES[1:], "answers": {"pet": REFERENCES[1:]}},
            "do not hold the same rows",
        ),
        ({"answers": {"full": REFERENCES}}, "both hold a candidate named full"),
    ],
)
def test_files_that_cannot_be_compared_are_refused_by_name(tmp_path, change, message):
    first = write_answers(tmp_path / "first.parquet", {"full": REFERENCES}, REFERENCES)
    arguments = {"answers": {"pet": REFERENCES}, "references": REFERENCES, **change}
    second = write_answers(tmp_path / "second.parquet", **arguments)
    with pytest.raises(DataError, match=message) as caught:
        run([first, second], tmp_path / "out")
    assert "first.parquet" in str(caught.value)
    assert "second.parquet" in str(caught.value)
    assert list((tmp_path / "out").glob("*")) == []


def test_no_file_at_all_is_refused(tmp_path):
    with pytest.raises(DataError, match="No predictions file"):
        run([], tmp_path)


def test_a_failed_run_leaves_no_old_verdict(tmp_path):
    run(files(tmp_path), tmp_path)
    with pytest.raises(DataError):
        run([tmp_path / "absent.parquet"], tmp_path)
    assert not (tmp_path / "verdict.json").exists()


def test_an_output_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(MachineError, match="taken"):
        run(files(tmp_path), tmp_path / "taken")


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b'{"passed": true}', b"\xff", b"not JSON at all"]
)
def test_what_is_no_verdict_is_refused(tmp_path, content):
    path = tmp_path / "verdict.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"verdict\.json"):
        read_verdict(path)
    path.unlink()
    with pytest.raises(DataError, match=r"verdict\.json"):
        read_verdict(path)


def test_a_verdict_of_another_version_is_refused(tmp_path):
    run(files(tmp_path), tmp_path)
    path = tmp_path / "verdict.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": 99}))
    with pytest.raises(DataError, match="schema version 99"):
        read_verdict(path)


def test_ten_thousand_rows_stay_small(tmp_path):
    references = REFERENCES * 167
    answers = {name: texts * 167 for name, texts in ANSWERS.items()}
    run([write_answers(tmp_path / "p.parquet", answers, references)], tmp_path)
    assert (tmp_path / "report.html").stat().st_size < 1_000_000


@pytest.mark.parametrize(
    "wrong",
    [
        {"significance": 0},
        {"significance": 1.5},
        {"resamples": 10},
        {"permutations": 10},
        {"seed": -1},
        {"task": "translation"},
        {"pass_k": []},
        {"pass_k": [0]},
        {"slices": ["colour"]},
        {"gate": {"margin": 2}},
        {"gate": {"max_slice_loss": -1}},
        {"prices": {"expected_calls": 0}},
        {"unknown": 1},
    ],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        EvaluationSettings.model_validate(wrong)
