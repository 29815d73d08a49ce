"""Evaluations of models, which are imported, and their slices."""

from __future__ import annotations

import re
from typing import Any

from tests.vertex.stand_in.call import Call
from tests.vertex.stand_in.clock import now
from tests.vertex.stand_in.listing import page
from tests.vertex.stand_in.names import new_number
from tests.vertex.stand_in.refusals import invalid, not_found
from tests.vertex.stand_in.state import Vertex

_SCHEMA = re.compile(
    r"gs://google-cloud-aiplatform/schema/modelevaluation/(classification|regression|forecasting|"
    r"general_text_generation|question_answering|summarization|embedding)_metrics_1\.0\.0\.yaml"
)
_MOST_SLICES = 50


def _full_name(vertex: Vertex, name: str) -> str:
    """A name whose model has the number of its version."""
    model_name, kind, rest = name.partition("/evaluations")
    model, number = vertex.models.find(model_name)
    return f"{model.name}@{number}{kind}{rest}"


def _check_metrics(given: dict[str, Any], what: str) -> None:
    if not _SCHEMA.fullmatch(given.get("metricsSchemaUri", "")):
        raise invalid(
            f"{what}.metrics_schema_uri is invalid: {given.get('metricsSchemaUri', '')!r}."
        )
    if not isinstance(given.get("metrics"), dict):
        raise invalid(f"{what}.metrics must be a struct.")


def import_(vertex: Vertex, call: Call) -> dict[str, Any]:
    """ImportModelEvaluation."""
    given = call.request.get("modelEvaluation", {})
    parent = _full_name(vertex, call.name)
    _check_metrics(given, "model_evaluation")
    name = f"{parent}/evaluations/{new_number()}"
    vertex.evaluations[name] = {**given, "name": name, "createTime": now()}
    return vertex.evaluations[name]


def get(vertex: Vertex, call: Call) -> dict[str, Any]:
    """GetModelEvaluation."""
    name = _full_name(vertex, call.name)
    if name not in vertex.evaluations:
        raise not_found("ModelEvaluation", call.name)
    return vertex.evaluations[name]


def list_(vertex: Vertex, call: Call) -> dict[str, Any]:
    """ListModelEvaluations."""
    prefix = f"{_full_name(vertex, call.name)}/evaluations/"
    found = [item for name, item in vertex.evaluations.items() if name.startswith(prefix)]
    return page(call, found, "modelEvaluations")


def import_slices(vertex: Vertex, call: Call) -> dict[str, Any]:
    """BatchImportModelEvaluationSlices: all of them or none."""
    parent = _full_name(vertex, call.name)
    if parent not in vertex.evaluations:
        raise not_found("ModelEvaluation", call.name)
    given = call.request.get("modelEvaluationSlices", [])
    if not 1 <= len(given) <= _MOST_SLICES:
        raise invalid(f"Between 1 and {_MOST_SLICES} slices can be imported, not {len(given)}.")
    for item in given:
        _check_metrics(item, "model_evaluation_slice")
        if not item.get("slice", {}).get("dimension"):
            raise invalid("model_evaluation_slice.slice.dimension is required.")
    names = []
    for item in given:
        names.append(f"{parent}/slices/{new_number()}")
        vertex.slices[names[-1]] = {**item, "name": names[-1], "createTime": now()}
    return {"importedModelEvaluationSlices": names}


def list_slices(vertex: Vertex, call: Call) -> dict[str, Any]:
    """ListModelEvaluationSlices."""
    prefix = f"{_full_name(vertex, call.name)}/slices/"
    found = [item for name, item in vertex.slices.items() if name.startswith(prefix)]
    return page(call, found, "modelEvaluationSlices")
