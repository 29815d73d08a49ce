"""What `tuneline models` lists."""

from datetime import UTC, datetime, timedelta

import mlflow
import pytest

from tuneline.errors import MachineError
from tuneline.registry.connection import sqlite_uri
from tuneline.registry.listing import list_models


def test_rows_say_what_is_registered(make_tuned):
    for weights in ("first", "second"):
        tuned = make_tuned(weights)
        tuned.register()
    tuned.register(alias="candidate")
    newest, oldest = list_models(str(tuned.registry))
    assert (newest.name, newest.version, newest.uri) == ("tickets", "2", "models:/tickets/2")
    assert newest.aliases == ("candidate", "champion")
    assert (newest.method, newest.base_model) == ("pet", "embedded")
    assert (newest.metric, newest.value) == ("accuracy", 0.9)
    age = datetime.now(UTC) - datetime.fromisoformat(newest.created)
    assert timedelta() <= age < timedelta(minutes=5)
    assert (oldest.version, oldest.aliases) == ("1", ())


def test_versions_of_others_are_left_out(tuned):
    tuned.register()
    uri = sqlite_uri(tuned.registry)
    client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
    client.create_registered_model("foreign")
    client.create_model_version("foreign", source="s3://bucket/other")
    assert [row.name for row in list_models(str(tuned.registry))] == ["tickets"]


def test_every_page_is_read(make_tuned, monkeypatch):
    for weights in ("a", "b", "c"):
        tuned = make_tuned(weights)
        tuned.register()
    monkeypatch.setattr("tuneline.registry.listing._VERSIONS_A_PAGE", 1)
    assert [row.version for row in list_models(str(tuned.registry))] == ["3", "2", "1"]


def test_folder_without_a_registry_lists_nothing_and_is_not_made(tmp_path):
    assert list_models(str(tmp_path / "none")) == []
    assert not (tmp_path / "none").exists()


def test_broken_store_is_the_machine_s_fault(tmp_path):
    (tmp_path / "mlflow.db").write_text("this is no database, however long it may be")
    with pytest.raises(MachineError, match="the registry in this folder failed"):
        list_models(str(tmp_path))
