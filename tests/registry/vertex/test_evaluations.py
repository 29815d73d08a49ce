"""Evaluations of registered versions: the right schema, nothing invented, imported once."""

import hashlib
import json
from typing import Any

import pytest

from tests.registry.vertex.tuned import SCHEMAS
from tests.vertex.stand_in import Fault
from tuneline.errors import DataError

CONFUSION: dict[str, Any] = {
    "categories": ["billing", "other", "(other)"],
    "matrix": [[6, 2, 0], [1, 9, 2], [0, 0, 0]],
}
LABELS = [
    {"label": "billing", "precision": 0.857, "recall": 0.75, "f1": 0.8, "support": 8},
    {"label": "other", "precision": None, "recall": 0.75, "f1": 0.78, "support": 12},
    {"label": "none", "precision": None, "recall": None, "f1": None, "support": 0},
]


def part(kind, value, candidate="pet", **fields):
    values = {"candidate_value": 0.7, "baseline_value": 0.5, "rows": 20, **fields}
    return {"slice": kind, "value": value, "candidate": candidate, **values}


def only(held):
    [one] = held.values()
    return one


def test_classification_has_the_schema_s_own_fields(service, make_gemini):
    entry = make_gemini().run()
    evaluation = only(service.evaluations)
    assert evaluation["name"].startswith(f"{entry.uri}/evaluations/")
    assert evaluation["metricsSchemaUri"] == f"{SCHEMAS}/classification_metrics_1.0.0.yaml"
    assert evaluation["metrics"] == {
        "confidenceMetrics": [{"recall": 0.9, "f1ScoreMacro": pytest.approx(0.8)}]
    }
    assert not service.slices


def test_everything_else_stands_in_the_metadata(vertex, make_gemini):
    registration = make_gemini()
    registration.run()
    metadata = only(vertex.evaluations)["metadata"]
    result = json.loads(registration.given["tuning"].read_text())
    assert metadata["headline"] == "pet is better than the best baseline"
    assert metadata["winner"]["name"] == "pet"
    accuracy = {"value": 0.9, "low": pytest.approx(0.85), "high": pytest.approx(0.95)}
    assert metadata["winner"]["metrics"]["accuracy"] == accuracy
    assert metadata["bestBaseline"]["name"] == "4-shot"
    assert metadata["runDigest"] == result["run_digest"]
    assert metadata["modelDigest"] == result["model_digest"]
    assert metadata["reportDigest"] == hashlib.sha256("<html>été</html>".encode()).hexdigest()
    assert (metadata["primaryMetric"], metadata["primaryValue"]) == ("accuracy", 0.9)


def test_evaluation_without_a_baseline_has_none(vertex, make_gemini):
    registration = make_gemini()
    registration.change_verdict(best_baseline="")
    registration.run()
    assert only(vertex.evaluations)["metadata"]["bestBaseline"] is None


@pytest.mark.parametrize(
    ("task", "schema"),
    [
        ("sentiment", "classification"),
        ("summarization", "summarization"),
        ("query", "general_text_generation"),
        ("open_ended", "general_text_generation"),
    ],
)
def test_schema_follows_the_task(vertex, make_gemini, task, schema):
    make_gemini(task=task).run()
    uri = only(vertex.evaluations)["metricsSchemaUri"]
    assert uri == f"{SCHEMAS}/{schema}_metrics_1.0.0.yaml"


def test_text_metrics_have_the_schema_s_name_where_it_has_one(vertex, make_gemini):
    registration = make_gemini(task="summarization")
    scores = {name: {"value": 0.5} for name in ("rouge_l", "rouge_lsum")}
    registration.change_verdict(
        primary_metric="rouge_l",
        candidates=[{"name": "pet", "kind": "pet", "metrics": scores}],
        best_baseline="",
    )
    registration.run()
    assert only(vertex.evaluations)["metrics"] == {"rouge_l": 0.5, "rougeLSum": 0.5}


def test_scores_bring_the_confusion_matrix_and_slices(service, make_gemini):
    registration = make_gemini()
    slices = [
        part("label", "billing"),
        part("length", "1 to 40 characters"),
        part("group", "emea", candidate="full"),
    ]
    registration.write_scores(pet={"confusion": CONFUSION, "labels": LABELS}, slices=slices)
    registration.run()
    evaluation = only(service.evaluations)
    assert evaluation["metrics"]["confusionMatrix"] == {
        "annotationSpecs": [{"displayName": name} for name in CONFUSION["categories"]],
        "rows": CONFUSION["matrix"],
    }
    [overall] = evaluation["metrics"]["confidenceMetrics"]
    assert overall["precision"] == pytest.approx(15 / 18)
    assert overall["f1Score"] == pytest.approx(2 * 15 / (18 + 20))
    assert evaluation["metadata"]["examplesDigest"] == "e1"
    shown = [(one["slice"]["value"], one["metrics"]) for one in service.slices.values()]
    assert shown == [
        ("billing", {"confidenceMetrics": [{"precision": 0.857, "recall": 0.75, "f1Score": 0.8}]}),
        ("other", {"confidenceMetrics": [{"recall": 0.75, "f1Score": 0.78}]}),
        ("length: 1 to 40 characters", {"confidenceMetrics": [{"recall": 0.7}]}),
    ]
    assert [one["slice"]["dimension"] for one in service.slices.values()] == [
        "annotationSpec",
        "annotationSpec",
        "slice",
    ]


def test_slices_go_in_batches_and_what_is_there_stays(vertex, make_gemini):
    registration = make_gemini()
    slices = [part("group", f"g{number:03}") for number in range(120)]
    registration.write_scores(slices=slices)
    vertex.faults.append(Fault("BatchImportModelEvaluationSlices", "status", status=403, after=1))
    with pytest.raises(Exception, match="403"):
        registration.run()
    assert len(vertex.slices) == 50
    vertex.faults.append(Fault("BatchImportModelEvaluationSlices", "drop_after"))
    registration.run()
    assert sorted(one["slice"]["value"] for one in vertex.slices.values()) == [
        f"group: g{number:03}" for number in range(120)
    ]


def test_matrix_of_many_labels_is_left_out(vertex, make_gemini):
    registration = make_gemini()
    names = [f"l{number}" for number in range(101)]
    matrix = [[int(row == column) for column in range(101)] for row in range(101)]
    registration.write_scores(pet={"confusion": {"categories": names, "matrix": matrix}})
    registration.run()
    assert "confusionMatrix" not in only(vertex.evaluations)["metrics"]


def test_metrics_of_another_evaluation_are_refused(vertex, make_gemini):
    registration = make_gemini()
    registration.write_scores(pet={"metrics": {"accuracy": {"value": 0.1}}})
    with pytest.raises(DataError, match=r"metrics\.json: candidates: none is 'pet'"):
        registration.run()
    assert not vertex.calls


def test_import_whose_answer_is_lost_is_one_evaluation(service, make_gemini):
    service.faults.append(Fault("ImportModelEvaluation", "drop_after"))
    registration = make_gemini()
    registration.run()
    registration.run()
    assert len(service.evaluations) == 1


def test_new_verdict_on_the_same_model_is_a_further_evaluation(vertex, make_gemini):
    registration = make_gemini()
    registration.run()
    registration.change_verdict(headline="evaluated again")
    assert not registration.run().created
    assert len(vertex.evaluations) == 2


def test_verdict_without_a_task_is_refused(vertex, make_gemini):
    registration = make_gemini()
    verdict = json.loads(registration.verdict.read_text())
    del verdict["task"]
    registration.verdict.write_text(json.dumps(verdict))
    with pytest.raises(DataError, match=r"verdict\.json: task: "):
        registration.run()
