"""What `tuneline models` lists of Kubeflow Model Registry."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from tests.registry.kubeflow.stand_in import Fault
from tuneline.cli.main import app
from tuneline.errors import ServiceError
from tuneline.registry.listing import list_models


def test_rows_say_what_is_registered(server, make_trained):
    first = make_trained("first").run(registry=server.uri)
    second = make_trained("second").run(registry=server.uri)
    make_trained("third").run(registry=server.uri, model_name="answers", alias="candidate")
    other, newest, oldest = list_models(server.uri)
    assert (other.name, other.aliases) == ("answers", ("candidate",))
    assert (newest.name, newest.version, newest.uri) == ("tickets", second.version, second.uri)
    assert (newest.aliases, oldest.aliases) == (("champion",), ())
    assert oldest.version == first.version
    assert (newest.method, newest.base_model) == ("pet", "Qwen/Qwen3-0.6B")
    assert (newest.metric, newest.value) == ("accuracy", 0.9)
    assert newest.source.startswith("minio://mlpipeline/")
    age = datetime.now(UTC) - datetime.fromisoformat(newest.created)
    assert timedelta() <= age < timedelta(minutes=5)


def test_versions_of_others_archived_and_half_ones_are_left_out(plain, make_trained):
    kept = make_trained("kept").run(registry=plain.uri)
    for weights in ("archived", "half", "foreign"):
        make_trained(weights).run(registry=plain.uri)
    _, archived, half, foreign = plain.versions.values()
    archived["state"] = "ARCHIVED"
    plain.artifacts.pop(
        next(key for key, one in plain.artifacts.items() if one["_version"] == half["id"])
    )
    del foreign["customProperties"]
    make_trained("gone").run(registry=plain.uri, model_name="gone")
    next(one for one in plain.models.values() if one["name"] == "gone")["state"] = "ARCHIVED"
    assert [row.version for row in list_models(plain.uri)] == [kept.version]


def test_every_page_is_read(plain, make_trained, monkeypatch):
    monkeypatch.setattr("tuneline.registry.kubeflow.client._PAGE_SIZE", 1)
    entries = [make_trained(weights).run(registry=plain.uri) for weights in "abc"]
    make_trained("d").run(registry=plain.uri, model_name="zebra")
    listed = [row.version for row in list_models(plain.uri)]
    assert listed[:3] == [entry.version for entry in reversed(entries)]
    assert len(listed) == 4


def test_command_line(plain, make_trained):
    empty = CliRunner().invoke(app, ["models", "--registry", plain.uri])
    assert empty.output == f"{plain.uri}: no model is registered here.\n"
    entry = make_trained().run(registry=plain.uri)
    shown = CliRunner().invoke(app, ["models", "--registry", plain.uri])
    assert f"tickets version {entry.version} (champion): pet on Qwen/Qwen3-0.6B" in shown.output
    listed = CliRunner().invoke(app, ["models", "--registry", plain.uri, "--json"])
    [row] = json.loads(listed.output)
    assert (row["version"], row["aliases"], row["uri"]) == (entry.version, ["champion"], entry.uri)


def test_server_that_fails(plain):
    plain.faults.append(Fault("", status=503, times=10_000))
    with pytest.raises(ServiceError, match=f"Listing {plain.uri.replace('+', '.')}: 503 busy"):
        list_models(plain.uri)
