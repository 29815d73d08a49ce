"""A model becomes a version once, with everything that is known of it."""

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from kfp.dsl import HTML, Artifact, Model
from model_registry import ModelRegistry

from tests.components.in_process import run_in_process
from tests.registry.kubeflow.stand_in import Fault
from tests.registry.vertex.tuned import verdict_of
from tests.vertex.stand_in.names import place
from tuneline.components.registration.component import register_model as component
from tuneline.errors import ConfigurationError, DataError
from tuneline.registry.kubeflow.models import version_name
from tuneline.vertex.tuning.result import ManagedBase


def plain_values(thing):
    """Custom properties with their types, as they were sent."""
    values = {}
    for name, kept in thing["customProperties"].items():
        [(key, value)] = [item for item in kept.items() if item[0] != "metadataType"]
        values[name] = (key.removesuffix("_value"), value)
    return values


def only(things):
    [one] = things.values()
    return one


def test_model_version_and_artifact(server, make_trained):
    registration = make_trained()
    entry = registration.run(registry=server.uri)
    name = f"pet-{registration.digest[:16]}"
    assert (entry.name, entry.version, entry.created) == ("tickets", name, True)
    assert entry.uri == f"model-registry://tickets/{name}"
    model, version, artifact = map(only, (server.models, server.versions, server.artifacts))
    assert (model["name"], model["owner"], model["state"]) == ("tickets", "tuneline", "LIVE")
    assert plain_values(model) == {"tuneline.alias.champion": ("string", name)}
    assert (version["name"], version["author"], version["state"]) == (name, "tuneline", "LIVE")
    assert version["description"].splitlines()[0] == "pet is better than the best baseline"
    assert artifact == {
        **{
            key: artifact[key] for key in ("id", "createTimeSinceEpoch", "lastUpdateTimeSinceEpoch")
        },
        "_version": version["id"],
        "artifactType": "model-artifact",
        "name": "tickets",
        "state": "LIVE",
        "uri": f"{registration.given['model']}/merged",
        "modelFormatName": "huggingface",
        "modelFormatVersion": "1",
    }
    assert set(server.authorizations) == {"Bearer good-token"}


def test_properties_have_the_registry_s_types(plain, make_trained):
    registration = make_trained()
    registration.run(registry=plain.uri)
    values = plain_values(only(plain.versions))
    report = values.pop("tuneline.report_digest")
    assert (report[0], len(report[1])) == ("string", 64)
    assert values == {
        "tuneline.model_digest": ("string", registration.digest),
        "tuneline.base_model": ("string", "Qwen/Qwen3-0.6B"),
        "tuneline.base_digest": ("string", "b1"),
        "tuneline.base_revision": ("string", "abc"),
        "tuneline.method": ("string", "pet"),
        "tuneline.train_digest": ("string", "t1"),
        "tuneline.train_rows": ("int", "80"),
        "tuneline.validation_digest": ("string", "v1"),
        "tuneline.validation_rows": ("int", "10"),
        "tuneline.trainable_parameters": ("double", 100.0),
        "tuneline.total_parameters": ("double", 8e9),
        "tuneline.training_seconds": ("double", 12.5),
        "tuneline.metric": ("string", "accuracy"),
        "tuneline.metric_value": ("double", 0.9),
        "tuneline.metric_low": ("double", pytest.approx(0.85)),
        "tuneline.metric_high": ("double", pytest.approx(0.95)),
        "tuneline.baseline": ("string", "4-shot"),
        "tuneline.baseline_value": ("double", 0.4),
        "tuneline.baseline_low": ("double", pytest.approx(0.35)),
        "tuneline.baseline_high": ("double", pytest.approx(0.45)),
        "tuneline.verdict": ("string", "pet is better than the best baseline"),
        "tuneline.run": ("string", "run-first"),
        "tuneline.producer": ("string", "tuneline 0.1.0"),
    }


def test_verdict_without_a_baseline(plain, make_trained):
    registration = make_trained()
    verdict = verdict_of(0.9)
    verdict |= {"best_baseline": "", "candidates": verdict["candidates"][1:]}
    registration.verdict.write_text(json.dumps(verdict))
    registration.run(registry=plain.uri)
    values = plain_values(only(plain.versions))
    assert not [name for name in values if name.startswith("tuneline.baseline")]


def test_the_pipeline_run_is_the_source(plain, make_trained, monkeypatch):
    monkeypatch.setenv("KFP_RUN_ID", "7c1d")
    monkeypatch.setenv("KFP_RUN_NAME", "tickets weekly")
    monkeypatch.setenv("KFP_NAMESPACE", "team-a")
    make_trained().run(registry=plain.uri)
    artifact = only(plain.artifacts)
    source = {name: value for name, value in artifact.items() if name.startswith("modelSource")}
    assert source == {
        "modelSourceKind": "kfp",
        "modelSourceClass": "pipelinerun",
        "modelSourceGroup": "team-a",
        "modelSourceId": "7c1d",
        "modelSourceName": "tickets weekly",
    }


def test_same_model_twice_is_one_version(server, make_trained):
    registration = make_trained()
    first = registration.run(registry=server.uri)
    writes = [name for name, _ in server.calls if name.startswith(("create", "update", "upsert"))]
    second = registration.run(registry=server.uri)
    assert (second.version, second.created) == (first.version, False)
    assert [len(kept) for kept in (server.models, server.versions, server.artifacts)] == [1, 1, 1]
    assert writes == [name for name, _ in server.calls if name.startswith(("create", "up"))]


def test_another_model_is_another_version_and_the_alias_moves(plain, make_trained):
    first = make_trained("first").run(registry=plain.uri)
    second = make_trained("second").run(registry=plain.uri)
    assert first.version != second.version
    assert len(plain.models) == 1
    model = only(plain.models)
    assert plain_values(model) == {"tuneline.alias.champion": ("string", second.version)}


def test_aliases_and_properties_of_others_stay(plain, make_trained):
    registration = make_trained()
    registration.run(registry=plain.uri, alias="candidate")
    model = only(plain.models)
    mine = {"metadataType": "MetadataBoolValue", "bool_value": True}
    model["customProperties"]["reviewed"] = mine
    model |= {"description": "By hand.", "owner": "ada"}
    entry = registration.run(registry=plain.uri, alias="v1")
    assert plain_values(model) == {
        "reviewed": ("bool", True),
        "tuneline.alias.candidate": ("string", entry.version),
        "tuneline.alias.v1": ("string", entry.version),
    }
    assert (model["description"], model["owner"]) == ("By hand.", "ada")


def test_version_without_an_artifact_is_completed(plain, make_trained):
    registration = make_trained()
    plain.faults.append(Fault("upsert_model_version_artifact", status=403))
    with pytest.raises(ConfigurationError):
        registration.run(registry=plain.uri)
    assert (len(plain.versions), len(plain.artifacts)) == (1, 0)
    assert "customProperties" not in only(plain.models)  # the alias moves last
    entry = registration.run(registry=plain.uri)
    assert not entry.created
    assert only(plain.artifacts)["uri"].endswith("/merged")
    assert only(plain.models)["customProperties"]


def test_version_with_another_model_is_never_overwritten(plain, make_trained):
    registration = make_trained()
    registration.run(registry=plain.uri)
    version = only(plain.versions)
    version["customProperties"]["tuneline.model_digest"]["string_value"] = "other"
    before = json.dumps(plain.versions)
    with pytest.raises(ConfigurationError, match="holds another model .* is other, not"):
        registration.run(registry=plain.uri)
    del version["customProperties"]["tuneline.model_digest"]
    with pytest.raises(ConfigurationError, match="is not set"):
        registration.run(registry=plain.uri)
    version["customProperties"]["tuneline.model_digest"] = {
        "metadataType": "MetadataStringValue",
        "string_value": "other",
    }
    assert json.loads(before) == plain.versions


@pytest.mark.parametrize("kept", ["models", "versions"])
def test_what_is_archived_is_left_alone(plain, make_trained, kept):
    registration = make_trained()
    registration.run(registry=plain.uri)
    only(getattr(plain, kept))["state"] = "ARCHIVED"
    calls = len(plain.calls)
    with pytest.raises(ConfigurationError, match="is archived. Restore it in the registry"):
        registration.run(registry=plain.uri)
    assert not [name for name, _ in plain.calls[calls:] if name.startswith(("create", "up"))]


def test_name_that_differs_by_case_alone_is_refused(plain, make_trained):
    plain.folds_case = True
    make_trained("first").run(registry=plain.uri, model_name="Tickets")
    with pytest.raises(ConfigurationError, match="takes 'tickets' for 'Tickets'"):
        make_trained("second").run(registry=plain.uri)
    assert len(plain.versions) == 1


def test_processes_that_register_at_once_end_with_the_same_version(plain, make_trained):
    registration = make_trained()
    for method in (
        "create_registered_model",
        "create_model_version",
        "upsert_model_version_artifact",
    ):
        plain.meeting[method] = threading.Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        entries = list(pool.map(lambda _: registration.run(registry=plain.uri), range(2)))
    assert entries[0].version == entries[1].version
    assert sorted(entry.created for entry in entries) == [False, True]
    assert [len(kept) for kept in (plain.models, plain.versions, plain.artifacts)] == [1, 1, 1]


@pytest.mark.parametrize(
    "model",
    [
        "/tmp/model",
        "file:///minio/model",
        "https://host/model",
        "gs://",
        "s3:/bucket/model",
        "model-registry://tickets/1",
    ],
)
def test_only_object_stores_are_registered(plain, make_trained, model):
    registration = make_trained()
    registration.given["model"] = model
    with pytest.raises(ConfigurationError, match="root in an object store"):
        registration.run(registry=plain.uri)
    assert plain.calls == []


def test_password_in_a_model_s_uri_is_refused_and_not_shown(plain, make_trained):
    registration = make_trained()
    registration.given["model"] = "s3://key:secret@bucket/model"
    with pytest.raises(ConfigurationError, match="holds a user name or password") as refused:
        registration.run(registry=plain.uri)
    assert "secret" not in str(refused.value)


def test_image_is_registered_as_it_is_named(plain, make_trained):
    registration = make_trained()
    registration.given["model"] = "oci://registry.local:5000/team/tickets@sha256:abc"
    registration.run(registry=plain.uri)
    assert only(plain.artifacts)["uri"] == registration.given["model"]


def test_adapter_says_that_it_is_one(plain, make_trained):
    make_trained(model_folder="adapter").run(registry=plain.uri)
    artifact = only(plain.artifacts)
    assert artifact["uri"].endswith("/adapter")
    assert artifact["modelFormatName"] == "peft"
    assert "modelFormatVersion" not in artifact


def test_adapter_of_a_model_of_one_machine_is_refused(plain, make_trained):
    registration = make_trained(
        model_folder="adapter", base_model={"reference": "embedded", "digest": "b1"}
    )
    with pytest.raises(ConfigurationError, match="merge: true"):
        registration.run(registry=plain.uri)
    assert plain.calls == []


def test_remote_model_needs_its_result(plain, make_trained):
    registration = make_trained()
    del registration.given["result"]
    with pytest.raises(ConfigurationError, match=r"name its result\.json too"):
        registration.run(registry=plain.uri)


def test_verdict_that_did_not_pass_is_refused(plain, make_trained):
    registration = make_trained()
    registration.verdict.write_text(json.dumps({**verdict_of(0.9), "passed": False}))
    with pytest.raises(DataError, match="nothing is registered"):
        registration.run(registry=plain.uri)
    assert plain.calls == []


def test_managed_open_model_is_referenced_in_its_bucket(plain, make_managed):
    registration = make_managed(
        job=f"{place('us-central1')}/tuningJobs/1",
        engine="vertex-open",
        method="full",
        base_model=ManagedBase(reference="qwen/qwen3@qwen3-32b", digest="b1"),
        weights_uri="gs://sources/tuned/1/final",
    )
    registration.run(registry=plain.uri)
    assert only(plain.artifacts)["uri"] == "gs://sources/tuned/1/final"
    values = plain_values(only(plain.versions))
    assert values["tuneline.tuning_job"][1].endswith("/tuningJobs/1")
    assert "tuneline.total_parameters" not in values  # the service does not say


def test_tuned_gemini_has_no_weights_to_register(plain, make_managed):
    registration = make_managed(
        job=f"{place('europe-west4')}/tuningJobs/1", model=f"{place('eu')}/models/5@1"
    )
    with pytest.raises(ConfigurationError, match="Register it with vertex://"):
        registration.run(registry=plain.uri)
    assert plain.calls == []


def test_the_registry_s_own_client_finds_the_artifact(plain, make_trained):
    entry = make_trained().run(registry=plain.uri)
    with pytest.warns(UserWarning, match="token is missing"):
        reader = ModelRegistry(plain.url, author="test", async_runner=asyncio.run)
    assert (
        reader.get_model_version("tickets", entry.version).custom_properties["tuneline.train_rows"]
        == 80
    )
    artifact = reader.get_model_artifact("tickets", entry.version)
    assert artifact.uri.endswith("/merged")


def test_works_where_a_loop_runs_already(plain, make_trained):
    registration = make_trained()

    async def notebook():
        return registration.run(registry=plain.uri)

    assert asyncio.run(notebook()).created


def test_component_registers_by_the_store_s_uri(plain, make_trained, tmp_path, monkeypatch):
    """Kubeflow mounts an object store as a folder: the path is there, and is not registered."""
    mounted = f"{tmp_path}/minio/"
    monkeypatch.setattr("kfp.dsl.types.artifact_types._MINIO_LOCAL_MOUNT_PREFIX", mounted)
    registration = make_trained()
    model = Model(name="model", uri=registration.given["model"], metadata={})
    Path(model.path).mkdir(parents=True)
    registration.given["result"].rename(Path(model.path) / "result.json")
    outputs = run_in_process(
        component,
        tmp_path,
        verdict=artifact(Artifact, registration.verdict),
        report=artifact(HTML, registration.report),
        model=model,
        model_name="tickets",
        registry=plain.uri,
    )
    assert outputs["uri"] == f"model-registry://tickets/{outputs['version']}"
    assert only(plain.artifacts)["uri"] == f"{model.uri}/merged"


def test_component_refuses_a_folder_of_its_container(plain, make_trained, tmp_path):
    registration = make_trained()
    folder = tmp_path / "model"
    folder.mkdir()
    registration.given["result"].rename(folder / "result.json")
    with pytest.raises(ConfigurationError, match="root in an object store"):
        run_in_process(
            component,
            tmp_path,
            verdict=artifact(Artifact, registration.verdict),
            report=artifact(HTML, registration.report),
            model=artifact(Model, folder),
            registry=plain.uri,
        )
    assert plain.calls == []


def artifact(kind, path):
    return kind(name=path.name, uri=str(path), metadata={})


def test_version_names_tell_digests_apart():
    assert version_name("pet", "sha256:" + "a" * 64) == "pet-" + "a" * 16
    assert version_name("full", "b" * 64) == "full-" + "b" * 16
