"""What `tuneline models` lists of Vertex AI."""

from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from tests.vertex.stand_in import PROJECT, Fault
from tests.vertex.stand_in.names import place
from tuneline.cli.main import app
from tuneline.errors import ConfigurationError
from tuneline.registry.listing import list_models

EU = f"vertex://{PROJECT}/eu"


def test_rows_say_what_is_registered(service, make_gemini):
    first, second = make_gemini().run(), make_gemini().run()
    service.models.new(place("eu"), "4711").add({"displayName": "foreign"}, [])
    newest, oldest = list_models(EU)
    assert (newest.name, newest.version, newest.uri) == ("tickets", "2", second.uri)
    assert (newest.aliases, oldest.aliases) == (("champion",), ("default",))
    assert (newest.method, newest.base_model) == ("pet", "gemini-3.1-flash-lite")
    assert (newest.metric, newest.value) == ("accuracy", 0.9)
    assert (oldest.version, oldest.source) == ("1", first.uri)
    age = datetime.now(UTC) - datetime.fromisoformat(newest.created)
    assert timedelta() <= age < timedelta(minutes=5)


def test_open_models_show_their_weights(vertex, make_trained):
    make_trained().run()
    [row] = list_models(f"vertex://{PROJECT}/europe-west4")
    assert row.source == "gs://sources/runs/first/model/merged"


def test_unfinished_registration_and_versions_of_others_are_left_out(vertex, make_gemini):
    first, second = make_gemini().run(), make_gemini()
    vertex.models.find(first.uri)[0].add({"displayName": "tickets"}, [])
    vertex.faults.append(Fault("ImportModelEvaluation", "status", status=403))
    with pytest.raises(ConfigurationError):
        second.run()
    assert [row.version for row in list_models(EU)] == ["1"]


def test_last_evaluation_counts(vertex, make_gemini):
    registration = make_gemini()
    registration.run()
    registration.change_verdict(primary_metric="macro_f1")
    registration.run()
    [row] = list_models(EU)
    assert row.metric == "macro_f1"
    assert row.value == pytest.approx(0.8)


def test_every_page_is_read(vertex, make_gemini):
    make_gemini().run()
    for number in range(100):  # as many as a page holds, and newer
        labels = {"tuneline-registered": "true"}
        model = vertex.models.new(place("eu"), f"other{number}")
        model.add({"displayName": f"other {number}", "labels": labels}, [])
    assert [row.name for row in list_models(EU)] == ["tickets"]


def test_without_a_place_the_usual_ones_are_looked_through(vertex, make_gemini):
    made = make_gemini().run()
    assert [row.uri for row in list_models(f"vertex://{PROJECT}")] == [made.uri]


def test_another_address_is_refused():
    with pytest.raises(ConfigurationError, match="must be vertex://PROJECT"):
        list_models("vertex://")


def test_command_lists_them(vertex, make_gemini):
    make_gemini().run()
    shown = CliRunner().invoke(app, ["models", "--registry", EU])
    assert shown.exit_code == 0
    assert "tickets version 1 (champion, default): pet on gemini-3.1-flash-lite" in shown.stdout
