"""One function for every registry, and the component that calls it."""

import json
from pathlib import Path
from urllib.parse import unquote, urlparse

import mlflow
import pytest
from kfp.dsl import HTML, Artifact, Model

from tests.components.in_process import run_in_process
from tests.vertex.stand_in import PROJECT
from tuneline.components.registration.component import register_model as component
from tuneline.errors import ConfigurationError
from tuneline.registry.connection import sqlite_uri
from tuneline.registry.listing import list_models


def client_of(registry: Path) -> mlflow.MlflowClient:
    uri = sqlite_uri(registry)
    return mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)


def test_managed_result_in_mlflow_is_referenced_where_it_is(make_gemini, tmp_path):
    registration = make_gemini()
    registry = tmp_path / "registry"
    first = registration.run(registry=str(registry))
    assert (first.uri, registration.run(registry=str(registry)).created) == (
        "models:/tickets/1",
        False,
    )
    version = client_of(registry).get_model_version("tickets", "1")
    result = json.loads(registration.given["tuning"].read_text())
    assert version.source == f"https://aiplatform.eu.rep.googleapis.com/v1/{result['model']}"
    assert version.tags["tuneline.model_digest"] == result["model_digest"]
    assert version.tags["tuneline.base_model"] == "gemini-3.1-flash-lite"
    report = Path(unquote(urlparse(version.tags["tuneline.report"]).path))
    assert (report.parent / "result.json").is_file()
    [row] = list_models(str(registry))
    assert row.method == "pet"


def test_one_of_model_and_tuning_is_given(make_gemini):
    registration = make_gemini()
    registration.given["model"] = "gs://sources/model"
    with pytest.raises(ConfigurationError, match="one of the two"):
        registration.run()
    registration.given = {}
    with pytest.raises(ConfigurationError, match="one of the two"):
        registration.run()


def test_remote_model_needs_its_result(make_trained):
    registration = make_trained()
    del registration.given["result"]
    with pytest.raises(ConfigurationError, match=r"name its result\.json too"):
        registration.run()


def test_component_registers_what_managed_tuning_made(vertex, make_gemini, tmp_path):
    registration = make_gemini()
    registration.write_scores()
    outputs = run_in_process(
        component,
        tmp_path,
        verdict=artifact(Artifact, registration.verdict),
        report=artifact(HTML, registration.folder / "report.html"),
        tuning=artifact(Artifact, registration.given["tuning"]),
        scores=artifact(Artifact, registration.given["scores"]),
        model_name="tickets",
        registry=f"vertex://{PROJECT}",
    )
    assert (outputs["name"], outputs["version"]) == ("tickets", "1")
    assert "examplesDigest" in next(iter(vertex.evaluations.values()))["metadata"]


def test_component_refuses_a_model_of_this_machine_for_vertex(vertex, make_trained, tmp_path):
    registration = make_trained()
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "result.json").write_bytes(registration.given["result"].read_bytes())
    with pytest.raises(ConfigurationError, match="gs:// pipeline root"):
        run_in_process(
            component,
            tmp_path,
            verdict=artifact(Artifact, registration.verdict),
            report=artifact(HTML, registration.folder / "report.html"),
            model=artifact(Model, folder),
            **registration.settings,
        )


def artifact(kind, path):
    return kind(name=path.name, uri=str(path), metadata={})
