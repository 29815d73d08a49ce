"""What the settings take for Vertex AI."""

import pytest

from tuneline.errors import ConfigurationError
from tuneline.registry.settings import RegisterSettings, VertexRegistry, vertex_registry
from tuneline.settings import validated


def refused(**given):
    with pytest.raises(ConfigurationError) as error:
        validated(RegisterSettings, {"model_name": "tickets", **given}, source="parameters")
    return error.value.problems


def test_project_and_location():
    assert vertex_registry("vertex://p-1") == VertexRegistry("p-1", "")
    assert vertex_registry("vertex://p-1/eu") == VertexRegistry("p-1", "eu")
    with_domain = vertex_registry("vertex://example.com:p/us-central1/")
    assert with_domain == VertexRegistry("example.com:p", "us-central1")
    assert with_domain.uri == "vertex://example.com:p/us-central1"
    assert vertex_registry("folder") is None
    assert vertex_registry("https://mlflow") is None


@pytest.mark.parametrize("registry", ["vertex://", "vertex:///eu", "vertex://p/eu/x", "vertex://P"])
def test_other_forms_are_refused(registry):
    [problem] = refused(registry=registry)
    assert problem.startswith(f"parameters: registry: '{registry}' must be vertex://PROJECT")


def test_all_problems_come_at_once():
    problems = refused(
        registry="vertex://p",
        model_name="x" * 200,
        alias="default",
        serving_image="docker.io/vllm/vllm-openai",
    )
    assert [problem.split(": ")[1] for problem in problems] == [
        "model_name",
        "alias",
        "serving_image",
    ]


@pytest.mark.parametrize("alias", ["Champion", "c", "best_one", "7up", "new-", "a" * 129])
def test_aliases_that_the_service_refuses(alias):
    [problem] = refused(registry="vertex://p", alias=alias)
    assert "alias" in problem


@pytest.mark.parametrize("alias", ["champion", "v1", "latest", "blue-Green2"])
def test_aliases_that_the_service_takes(alias):
    settings = RegisterSettings(registry="vertex://p", model_name="tickets", alias=alias)
    assert settings.alias == alias


@pytest.mark.parametrize("registry", ["folder", "https://me:secret@mlflow"])
def test_serving_image_is_for_vertex_alone(registry):
    [problem] = refused(registry=registry, serving_image="us-docker.pkg.dev/p/r/i")
    assert "only Vertex AI's registry serves models" in problem
    assert "secret" not in problem


@pytest.mark.parametrize("image", ["us-docker.pkg.dev/p/r/i:1", "gcr.io/p/i", "eu.gcr.io/p/i"])
def test_images_of_artifact_registry(image):
    settings = RegisterSettings(registry="vertex://p", model_name="tickets", serving_image=image)
    assert settings.serving_image == image


def test_mlflow_keeps_its_own_rules():
    assert RegisterSettings(model_name="tickets", alias="Best_One").alias == "Best_One"
    [problem] = refused(alias="latest")
    assert "reserved by MLflow" in problem
