"""What the settings take for Kubeflow, and what the registry's words hold."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneline.errors import ConfigurationError
from tuneline.registry.kubeflow.address import KubeflowRegistry, kubeflow_registry
from tuneline.registry.kubeflow.properties import as_properties, as_values
from tuneline.registry.settings import RegisterSettings, registry_folder
from tuneline.settings import validated


def refused(**values):
    with pytest.raises(ConfigurationError) as error:
        validated(RegisterSettings, {"model_name": "tickets", **values}, source="parameters")
    return error.value.problems


@pytest.mark.parametrize(
    ("registry", "url"),
    [
        ("kubeflow://registry.example.com", "https://registry.example.com:443"),
        ("kubeflow://registry.example.com:8443/", "https://registry.example.com:8443"),
        ("kubeflow+http://model-registry-service", "http://model-registry-service:8080"),
        (
            "kubeflow+http://model-registry-service.kubeflow.svc:8080",
            "http://model-registry-service.kubeflow.svc:8080",
        ),
        ("kubeflow://10.0.0.1", "https://10.0.0.1:443"),
        ("kubeflow+http://[::1]:80", "http://[::1]:80"),
    ],
)
def test_addresses(registry, url):
    found = kubeflow_registry(registry)
    assert found is not None
    assert found.url == url
    assert kubeflow_registry(found.uri) == found
    assert registry_folder(registry) is None
    assert RegisterSettings(registry=registry, model_name="tickets").registry == registry


@pytest.mark.parametrize(
    "registry", ["folder", "kubeflow", "https://kubeflow", "vertex://kubeflow"]
)
def test_other_places(registry):
    assert kubeflow_registry(registry) is None


@pytest.mark.parametrize(
    "registry",
    [
        "kubeflow://",
        "kubeflow:///path",
        "kubeflow://host/path",
        "kubeflow://host?x=1",
        "kubeflow://host:port",
        "kubeflow://host:",
        "kubeflow://-host",
        "kubeflow://a..b",
        "kubeflow://ho st",
        "kubeflow://[::1",
        "kubeflow://[host]",
        "kubeflow+https://host",
        "kubeflow+ftp://host",
        "kubeflow://host\n",
    ],
)
def test_other_forms_are_refused(registry):
    [problem] = refused(registry=registry)
    assert problem.startswith("parameters: registry: ")
    assert "must be kubeflow://HOST" in problem


@pytest.mark.parametrize("port", ["0", "65536", "99999"])
def test_ports(port):
    [problem] = refused(registry=f"kubeflow://host:{port}")
    assert "is not between 1 and 65535" in problem


def test_password_is_refused_and_not_shown():
    for registry in ("kubeflow://me:secret@host", "kubeflow+http://me:sec/ret@host"):
        [problem] = refused(registry=registry)
        assert "KF_PIPELINES_SA_TOKEN_PATH" in problem
        assert "ret@" not in problem


def test_all_problems_come_at_once():
    problems = refused(
        registry="kubeflow://host",
        model_name="x" * 241,
        alias="no alias",
        serving_image="us-docker.pkg.dev/p/r/i",
    )
    assert [problem.split(": ")[1] for problem in problems] == [
        "model_name",
        "alias",
        "serving_image",
    ]
    assert "only Vertex AI's registry serves models, not kubeflow://host" in problems[2]


@pytest.mark.parametrize("alias", ["champion", "latest", "v1", "Best_One"])
def test_any_alias(alias):
    settings = RegisterSettings(registry="kubeflow://host", model_name="x" * 240, alias=alias)
    assert settings.alias == alias


@given(st.text() | st.from_regex(r"[a-z.\-\[\]:]{1,12}(:[0-9]{1,6})?/?", fullmatch=True))
def test_nothing_but_a_host_and_a_port_is_an_address(text):
    try:
        found = kubeflow_registry(f"kubeflow://{text}")
    except ConfigurationError:
        return
    assert isinstance(found, KubeflowRegistry)
    assert kubeflow_registry(found.uri) == found
    assert re.fullmatch(rf"{re.escape(found.host)}(:0*{found.port})?/?", text)


values = st.one_of(
    st.text(min_size=1),
    st.booleans(),
    st.integers(-(10**9) + 1, 10**9 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
)


@given(st.dictionaries(st.text(min_size=1), values))
def test_properties_come_back(given_values):
    back = as_values(as_properties(given_values))
    assert back == given_values
    assert {name: type(value) for name, value in back.items()} == {
        name: type(value) for name, value in given_values.items()
    }


@given(st.integers(10**9, 2**53))
def test_whole_numbers_that_are_too_long_become_decimal(number):
    for value in (number, -number):
        assert as_values(as_properties({"n": value})) == {"n": float(value)}


def test_what_is_not_known_is_left_out():
    assert as_properties({"none": None, "empty": ""}) == {}
    assert as_values(None) == {}
