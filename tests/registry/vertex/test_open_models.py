"""Open models: their weights' place and a container that serves them, uploaded once."""

import json
import threading
import time

import pytest

from tests.registry.vertex.tuned import IMAGE
from tests.vertex.stand_in import PROJECT, PROJECT_NUMBER, Fault
from tests.vertex.stand_in.names import place
from tuneline.errors import ConfigurationError, DataError
from tuneline.registry.vertex.models import model_id

ADAPTER = {"adapter_config.json": json.dumps({"r": 16}), "adapter_model.safetensors": "w"}


def version_of(vertex, uri):
    model, number = vertex.models.find(uri)
    return model.view(number)


def test_merged_model_is_uploaded_with_the_server_that_serves_it(service, make_trained):
    entry = make_trained().run()
    version = version_of(service, entry.uri)
    assert (entry.version, entry.created) == ("1", True)
    assert entry.uri == f"{place('europe-west4')}/models/{model_id('tickets')}@1"
    assert version["displayName"] == "tickets"
    assert version["artifactUri"] == "gs://sources/runs/first/model/merged"
    assert version["containerSpec"] == {
        "imageUri": IMAGE,
        "command": ["python3", "-m", "vllm.entrypoints.openai.api_server"],
        "args": [
            "--host=0.0.0.0",
            "--port=8080",
            "--model=gs://sources/runs/first/model/merged",
            "--served-model-name=tickets",
        ],
        "ports": [{"containerPort": 8080}],
        "predictRoute": "/v1/chat/completions",
        "healthRoute": "/health",
    }
    assert version["labels"]["tuneline-base"] == "qwen-qwen3-0-6b-abc"
    assert version["labels"]["tuneline-run"] == "run-first"
    assert sorted(version["versionAliases"]) == ["champion", "default"]


def test_second_model_is_version_2_and_the_alias_moves(service, make_trained):
    entries = [make_trained(weights).run() for weights in ("first", "second", "first")]
    assert [entry.version for entry in entries] == ["1", "2", "1"]
    assert [entry.created for entry in entries] == [True, True, False]
    [model] = service.models.in_place(place("europe-west4"))
    assert model.aliases == {"default": "1", "champion": "1"}
    assert service.count("UploadModel") == 2


@pytest.mark.parametrize("before", [(), ("first",)])
def test_upload_whose_answer_is_lost_is_one_version(service, make_trained, before):
    for weights in before:
        make_trained(weights).run()
    service.faults.append(Fault("UploadModel", "drop_after"))
    entry = make_trained("lost").run()
    assert (entry.version, entry.created) == (str(len(before) + 1), True)
    [model] = service.models.in_place(place("europe-west4"))
    assert len(model.versions) == len(before) + 1
    assert service.count("UploadModel") == len(before) + 1


@pytest.mark.slow
def test_two_that_register_at_once_make_one_model(service, make_trained):
    """Both have looked before either uploads; the later upload finds the id taken."""
    service.faults.append(Fault("UploadModel", "delay", seconds=2.0))
    registration, entries = make_trained(), []
    slow = threading.Thread(target=lambda: entries.append(registration.run()))
    slow.start()
    while not service.count("UploadModel"):
        time.sleep(0.01)
    entries.append(registration.run())
    slow.join()
    assert entries[0] == entries[1]
    assert service.count("UploadModel") == 2
    [model] = service.models.in_place(place("europe-west4"))
    assert (len(model.versions), len(service.evaluations)) == (1, 1)


@pytest.mark.slow  # half a minute of looking before the second request
def test_upload_that_never_arrived_is_sent_again(service, make_trained):
    service.faults.append(Fault("UploadModel", "drop_before"))
    assert make_trained().run().version == "1"
    [model] = service.models.in_place(place("europe-west4"))
    assert len(model.versions) == 1


def test_list_that_lags_behind_makes_no_second_model(vertex, make_trained):
    """The model is read by the id that it would get."""
    entry = make_trained().run()
    model, _ = vertex.models.find(entry.uri)
    model.versions["1"]["displayName"] = "renamed"
    with pytest.raises(ConfigurationError, match="is called 'renamed' now"):
        make_trained("second").run()
    assert len(model.versions) == 1


def test_adapter_is_served_with_its_base_model(vertex, make_trained):
    entry = make_trained(model_folder="adapter").run()
    version = version_of(vertex, entry.uri)
    assert version["artifactUri"] == "gs://sources/runs/first/model/adapter"
    assert version["containerSpec"]["args"][2:] == [
        "--model=Qwen/Qwen3-0.6B",
        "--revision=abc",
        "--enable-lora",
        "--lora-modules=tickets=gs://sources/runs/first/model/adapter",
        "--max-lora-rank=16",
    ]


def test_rank_that_is_not_known_is_left_out(vertex, make_trained):
    entry = make_trained(model_folder="adapter", settings={}).run()
    args = version_of(vertex, entry.uri)["containerSpec"]["args"]
    assert not [one for one in args if "rank" in one]


@pytest.mark.parametrize("base", ["embedded", "/models/qwen", "./qwen"])
def test_adapter_of_a_model_on_one_machine_is_refused(vertex, make_trained, base):
    registration = make_trained(
        model_folder="adapter", base_model={"reference": base, "digest": "b1"}
    )
    with pytest.raises(ConfigurationError, match="merge: true"):
        registration.run()


def test_managed_adapter_is_told_by_its_files(service, make_managed_open):
    entry = make_managed_open(ADAPTER).run()
    version = version_of(service, entry.uri)
    assert entry.uri.startswith(f"projects/{PROJECT_NUMBER}/locations/us-central1/")
    uri = version["artifactUri"]
    assert uri.endswith("/final")
    assert version["containerSpec"]["args"][2:] == [
        "--model=Qwen/Qwen3-32B",
        "--enable-lora",
        f"--lora-modules=tickets={uri}",
        "--max-lora-rank=16",
    ]


@pytest.mark.parametrize("method", ["pet", "full"])
def test_managed_whole_model_is_served_alone(vertex, make_managed_open, method):
    entry = make_managed_open({"model.safetensors": "w"}, method=method).run()
    version = version_of(vertex, entry.uri)
    assert version["containerSpec"]["args"][2] == f"--model={version['artifactUri']}"
    assert version["labels"]["tuneline-method"] == method


def test_managed_adapter_needs_its_base_model(vertex, make_managed_open):
    with pytest.raises(ConfigurationError, match="Set base_weights"):
        make_managed_open(ADAPTER, base_weights="").run()


def test_location_in_the_registry_comes_first(vertex, make_managed_open):
    entry = make_managed_open({}).run(registry=f"vertex://{PROJECT}/us-east5")
    assert "/locations/us-east5/" in entry.uri


def test_location_is_asked_for(vertex, make_trained, make_managed_open):
    for registration in (
        make_trained(),
        make_managed_open({}, job=f"projects/{PROJECT}/locations/global/tuningJobs/1"),
    ):
        with pytest.raises(ConfigurationError, match=f"vertex://{PROJECT}/us-central1"):
            registration.run(registry=f"vertex://{PROJECT}")
    assert not vertex.calls


def test_serving_image_is_asked_for(vertex, make_trained):
    with pytest.raises(ConfigurationError, match="serving_image: is required"):
        make_trained().run(serving_image="")


def test_model_on_this_machine_is_refused(vertex, make_trained, tmp_path):
    registration = make_trained()
    registration.given["model"] = "s3://bucket/model"
    with pytest.raises(ConfigurationError, match="gs:// pipeline root"):
        registration.run()


def test_model_of_others_with_the_same_name_is_refused(service, make_trained):
    parent = place("europe-west4")
    service.models.new(parent, "4711").add({"displayName": "tickets", "labels": {"a": "b"}}, [])
    with pytest.raises(ConfigurationError, match="models/4711"):
        make_trained().run()
    assert service.count("UploadModel") == 0


def test_refused_upload_says_why(vertex, make_trained):
    vertex.faults.append(Fault("UploadModel", "status", status=403, message="no access to image"))
    with pytest.raises(ConfigurationError, match="no access to image"):
        make_trained().run()


def test_upload_that_quota_refuses_is_tried_again(vertex, make_trained):
    vertex.faults.append(Fault("UploadModel", "status", status=429))
    registration = make_trained()
    registration.run()
    assert vertex.count("UploadModel") == 2


def test_verdict_that_did_not_pass_registers_nothing(vertex, make_trained):
    registration = make_trained()
    registration.change_verdict(passed=False)
    with pytest.raises(DataError, match="the verdict is no"):
        registration.run()
    assert not vertex.calls


def test_ids_of_models_are_valid_and_differ():
    names = ["tickets", "Tickets", "a b", "a-b", "é", "x" * 128, "9"]
    ids = [model_id(name) for name in names]
    assert len(set(ids)) == len(names)
    assert all(len(one) <= 63 and one.startswith("tuneline-") for one in ids)
    assert all(set(one) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") for one in ids)
