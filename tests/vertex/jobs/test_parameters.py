"""Parameters for containers: checked, completed, and free of this machine."""

import pytest

from tests.vertex.jobs.conftest import PARAMETERS, write_rows
from tests.vertex.stand_in import PROJECT
from tuneline.errors import ConfigurationError
from tuneline.submission.parameters import run_parameters
from tuneline.submission.spec import Spec


def parameters_of(spec, given):
    places = {"project": PROJECT, "location": "us-central1", "staging": "gs://sources/tuneline"}
    return run_parameters(spec, given, places, "-p registry=vertex://PROJECT/LOCATION")


def problems_of(spec, **given):
    with pytest.raises(ConfigurationError) as caught:
        parameters_of(spec, given)
    return caught.value.problems


def with_inputs(spec, *names):
    """The pipeline, with further text parameters that may be left out."""
    root = spec.content["root"]
    inputs = {
        **spec.inputs,
        **{name: {"parameterType": "STRING", "defaultValue": ""} for name in names},
    }
    changed = {**root, "inputDefinitions": {"parameters": inputs}}
    return Spec({**spec.content, "root": changed})


def test_only_what_was_given_is_sent(spec):
    given = {**PARAMETERS, "seed": 7, "shots": [0]}
    assert parameters_of(spec, given) == given


def test_place_of_the_run_is_the_pipelines(spec):
    managed = with_inputs(spec, "project", "location", "staging")
    given = {
        "data": "gs://sources/tickets.jsonl",
        "registry": "vertex://other-project",
        "base_model": "gemini-3.1-flash-lite",
        "location": "europe-west4",
        "project": "other-project",
    }
    parameters = parameters_of(managed, given)
    assert parameters["staging"] == "gs://sources/tuneline"
    assert (parameters["project"], parameters["location"]) == ("other-project", "europe-west4")


def test_problems_come_at_once(spec):
    problems = problems_of(spec, data="gs://a/b.jsonl", preset="best", color="red")
    assert any("color: pipeline supervised-tuning has no such parameter" in it for it in problems)
    assert any("preset: must be" in problem for problem in problems)
    assert any("registry: 'tuneline-registry' is a folder" in problem for problem in problems)


def test_missing_parameter_is_named(spec):
    assert "data: pipeline supervised-tuning needs this parameter. Give -p data=VALUE." in (
        problems_of(spec, registry="vertex://my-project/us-central1")
    )


def test_files_beside_the_data_stay_here(spec, tmp_path):
    tokenizer, model = tmp_path / "tokenizer", tmp_path / "model"
    for folder in (tokenizer, model):
        folder.mkdir()
    validation = write_rows(tmp_path / "validation.jsonl")
    settings = {"validation_data": str(validation), "tokenizer": str(tokenizer)}
    problems = problems_of(spec, **PARAMETERS, base_model=str(model), data_settings=settings)
    assert any(f"base_model: {str(model)!r} is a folder of this machine" in it for it in problems)
    problems = problems_of(spec, **PARAMETERS, data_settings=settings)
    assert [problem.split(":")[0] for problem in problems] == [str(validation), str(tokenizer)]


def test_an_open_model_needs_its_server_before_anything_is_paid(spec):
    given = {name: value for name, value in PARAMETERS.items() if name != "serving_image"}
    (problem,) = problems_of(spec, **given)
    assert problem.startswith("parameters: serving_image: is required")


def test_an_address_with_a_password_is_refused_and_not_shown(spec):
    given = {"data": PARAMETERS["data"], "registry": "https://me:s3cret@mlflow.example.com"}
    (problem,) = problems_of(spec, **given)
    assert problem.startswith("registry: holds a user name or password")
    assert "s3cret" not in problem


def test_files_of_managed_tuning_stay_here_too(spec, tmp_path):
    catalogue = tmp_path / "models.yaml"
    catalogue.write_text(
        "models: {gemini-3.1-flash-lite: {as_of: 2026-11-29, source: 'https://example.com/a'}}"
    )
    managed = with_inputs(spec, "project", "location", "staging")
    problems = problems_of(
        managed,
        data=PARAMETERS["data"],
        registry="vertex://lamps-123456",
        base_model="gemini-3.1-flash-lite",
        overrides={"catalogue": str(catalogue)},
    )
    assert [problem.split(":")[0] for problem in problems] == [str(catalogue)]
