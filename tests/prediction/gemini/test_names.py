"""Which names are models that a service answers for."""

from __future__ import annotations

import datetime as dt

import pytest

from tuneline.errors import ConfigurationError
from tuneline.prediction.gemini.asker import GeminiAsker
from tuneline.prediction.gemini.names import is_gemini, model_problem, parse
from tuneline.prediction.gemini.settings import GeminiSettings
from tuneline.prediction.gemini.thinking import thinking_config
from tuneline.prediction.journal import Journal
from tuneline.settings import validated

TODAY = dt.date(2026, 11, 23)


@pytest.mark.parametrize(
    "name",
    [
        "gemini-3.5-flash",
        "models/gemini-3.5-flash",
        "google/gemini-3.5-flash",
        "publishers/google/models/gemini-3.5-flash",
        "projects/p/locations/global/publishers/google/models/gemini-3.5-flash",
    ],
)
def test_all_ways_to_write_a_model_are_one(name: str):
    assert is_gemini(name)
    assert model_problem(name, TODAY) is None
    assert parse(name).resource == "publishers/google/models/gemini-3.5-flash"


def test_an_endpoint_says_where_it_is():
    name = parse("projects/77/locations/us/endpoints/123")
    assert name.is_endpoint
    assert (name.project, name.location, name.resource) == ("77", "us", name.given)


@pytest.mark.parametrize(
    "name", ["embedded", "Qwen/Qwen3-0.6B", "google/gemma-3-1b", "runs/gemini-x", "./gemini", ""]
)
def test_other_models_are_not_for_a_service(name: str):
    assert not is_gemini(name)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("projects/p/locations/us/models/1@2", "takes?|answers from its endpoint"),
        ("projects/p/endpoints/1", "is no model that can be asked"),
        ("projects/p/locations/us/endpoints/1/other", "is no model that can be asked"),
        ("Gemini-3.5-Flash", "is no model that can be asked"),
        ("gemini-3.5-flash?x=1", "is no model that can be asked"),
        ("gemini-2.0-flash", "is retired"),
    ],
)
def test_misspelt_and_retired_names_are_told(name: str, word: str, tmp_path):
    assert is_gemini(name)
    with pytest.raises(ConfigurationError, match=word):
        GeminiAsker(name, GeminiSettings(), Journal(tmp_path))


@pytest.mark.parametrize(
    ("model", "config"),
    [
        ("gemini-2.0-flash", {}),
        ("gemini-2.5-flash", {"thinkingBudget": 0}),
        ("gemini-2.5-pro", {"thinkingBudget": 128}),
        ("gemini-3.1-flash-lite", {"thinkingLevel": "MINIMAL"}),
        ("gemini-3.7-flash", {"thinkingLevel": "LOW"}),
        ("gemini-9-flash", None),
        ("", None),
    ],
)
def test_models_think_as_little_as_is_known(model: str, config):
    assert thinking_config(model, GeminiSettings()) == config


def test_the_settings_come_before_what_is_known():
    assert thinking_config("gemini-3.7-flash", GeminiSettings(thinking_budget=-1)) == {
        "thinkingBudget": -1
    }
    with pytest.raises(ConfigurationError, match="not both"):
        validated(GeminiSettings, {"thinking_budget": 0, "thinking_level": "low"}, source="x")


def test_what_an_endpoint_was_tuned_from_says_how_it_thinks(tmp_path, caplog):
    endpoint = "projects/77/locations/us/endpoints/123"
    GeminiAsker(endpoint, GeminiSettings(), Journal(tmp_path), tuned_from="gemini-3.5-flash")
    assert "thinks as it likes" not in caplog.text
    GeminiAsker(endpoint, GeminiSettings(), Journal(tmp_path))
    assert "thinks as it likes" in caplog.text
