"""The stand-in, asked by the vendor's own clients."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import gcsfs
import google.auth
import pytest
import requests
from google import genai
from google.api_core import exceptions as api_errors
from google.cloud import aiplatform, aiplatform_v1, aiplatform_v1beta1
from google.cloud.aiplatform.utils import resource_manager_utils
from google.genai import errors as genai_errors
from google.genai import types
from google.protobuf import json_format

from tests.vertex.stand_in import PROJECT, PROJECT_NUMBER, Asked, Fault, Reply, Vertex, said

pytestmark = pytest.mark.filterwarnings("ignore:The SDK's tuning implementation is experimental")

HERE = f"projects/{PROJECT}/locations/us-central1"
SCHEMAS = "gs://google-cloud-aiplatform/schema/modelevaluation"
QWEN = "qwen/qwen3@qwen3-32b"
GEMINI_LINE = {
    "contents": [
        {"role": "user", "parts": [{"text": "Is the lamp on?"}]},
        {"role": "model", "parts": [{"text": "It is off."}]},
    ]
}
OPEN_LINE = {"prompt": "Is the lamp on?", "completion": "It is off."}
Client = Callable[[str, str], Any]


@pytest.fixture(params=["rest", "grpc"])
def client(vertex: Vertex, request: pytest.FixtureRequest) -> Client:
    """Makes the vendor's client of a service in a version."""
    credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    address = vertex.address if request.param == "rest" else vertex.grpc_address

    def made(service: str, version: str = "v1") -> Any:
        package = {"v1": aiplatform_v1, "v1beta1": aiplatform_v1beta1}[version]
        kind = getattr(package, f"{service}ServiceClient")
        options = {"api_endpoint": address}
        return kind(credentials=credentials, client_options=options, transport=request.param)

    return made


def lines(example: dict[str, Any], number: int = 20) -> bytes:
    return b"".join(json.dumps(example).encode() + b"\n" for _ in range(number))


def asker(location: str = "us-central1") -> genai.Client:
    return _asker(os.environ["GOOGLE_VERTEX_BASE_URL"], location)


# A client that nothing holds is closed while its parts are still in use.
@cache
def _asker(address: str, location: str) -> genai.Client:
    options = types.HttpOptions(base_url=address)
    return genai.Client(vertexai=True, project=PROJECT, location=location, http_options=options)


def tune(
    vertex: Vertex,
    base_model: str = "gemini-3.5-flash",
    *,
    location: str = "us-central1",
    train: str = "",
    validation: str = "",
    **config: Any,
) -> types.TuningJob:
    """A job over a file of 20 right examples, unless another file is named."""
    example = OPEN_LINE if base_model.startswith("qwen") else GEMINI_LINE
    uri = train or vertex.put("sent/train.jsonl", lines(example))
    if validation:
        config["validation_dataset"] = types.TuningValidationDataset(gcs_uri=validation)
    return asker(location).tunings.tune(
        base_model=base_model,
        training_dataset=types.TuningDataset(gcs_uri=uri),
        config=types.CreateTuningJobConfig(**config),
    )


def tune_open(vertex: Vertex, **config: Any) -> types.TuningJob:
    given = {"output_uri": "gs://sources/out", "tuning_mode": "TUNING_MODE_PEFT_ADAPTER"}
    return tune(vertex, QWEN, location="global", **{**given, **config})


def ended(name: str, location: str = "us-central1") -> types.TuningJob:
    client = asker(location)
    for _ in range(5):
        job = client.tunings.get(name=name)
        if job.has_ended:
            return job
    raise AssertionError(f"{name} does not end")


def posted(vertex: Vertex, path: str, body: Any, **headers: str) -> requests.Response:
    bearer = {"Authorization": f"Bearer {vertex.gemini.token}", **headers}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return requests.post(f"{vertex.address}{path}", content, headers=bearer, timeout=10)


# Tuning


def test_gemini_is_tuned_and_answers_where_its_endpoint_is(vertex):
    validation = vertex.put("sent/validation.jsonl", lines(GEMINI_LINE, 4))
    asked = tune(
        vertex,
        tuned_model_display_name="lamps",
        labels={"run": "seven"},
        epoch_count=2,
        adapter_size="ADAPTER_SIZE_FOUR",
        validation_dataset=types.TuningValidationDataset(gcs_uri=validation),
    )
    assert asked.state == "JOB_STATE_PENDING"
    assert asked.name.startswith(f"projects/{PROJECT_NUMBER}/locations/us-central1/tuningJobs/")
    assert asker().tunings.get(name=asked.name).state == "JOB_STATE_RUNNING"
    job = ended(asked.name)
    assert job.state == "JOB_STATE_SUCCEEDED"
    assert job.start_time <= job.end_time
    assert job.labels == {"run": "seven"}
    statistics = job.tuning_data_stats.supervised_tuning_data_stats
    assert statistics.tuning_dataset_example_count == 20
    assert statistics.tuning_step_count == 4
    assert statistics.total_billable_token_count % 2 == 0
    tuned = job.tuned_model
    assert tuned.model.startswith(f"projects/{PROJECT_NUMBER}/locations/us/models/")
    assert tuned.model.endswith("@1")
    assert [(point.epoch, point.step) for point in tuned.checkpoints] == [(1, 2), (2, 4)]
    assert len({point.endpoint for point in tuned.checkpoints}) == 2
    assert tuned.endpoint == tuned.checkpoints[-1].endpoint


def test_tuned_endpoints_have_answers_of_their_own(vertex):
    vertex.tuned_answer = lambda asked: said(f"tuned: {asked.prompt}")
    tuned = ended(tune(vertex, epoch_count=2).name).tuned_model
    for point in tuned.checkpoints:
        answer = asker("us").models.generate_content(model=point.endpoint, contents="hello")
        assert answer.text == "tuned: hello"
    plain = asker().models.generate_content(model="gemini-3.5-flash", contents="hello")
    assert plain.text == "HELLO"
    elsewhere = tuned.endpoint.replace("/us/", "/eu/")
    with pytest.raises(genai_errors.ClientError, match="not found"):
        asker("eu").models.generate_content(model=elsewhere, contents="hello")


@pytest.mark.parametrize(
    ("base_model", "asked", "served"),
    [
        ("gemini-3.1-flash-lite", "europe-west4", "eu"),
        ("gemini-2.5-flash", "europe-west4", "europe-west4"),
    ],
)
def test_where_tuned_models_are_served(vertex, base_model, asked, served):
    job = ended(tune(vertex, base_model, location=asked).name, asked)
    for name in (job.tuned_model.model, job.tuned_model.endpoint):
        assert name.startswith(f"projects/{PROJECT_NUMBER}/locations/{served}/")


def test_only_the_last_checkpoint_has_an_endpoint_where_asked(vertex):
    job = ended(tune(vertex, export_last_checkpoint_only=True).name)
    assert not job.tuned_model.checkpoints
    assert list(vertex.endpoints) == [job.tuned_model.endpoint]


def test_an_open_model_leaves_weights_in_the_storage(vertex, tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "adapter.safetensors").write_bytes(b"\x00weights")
    vertex.tuned_weights = tmp_path
    asked = tune_open(vertex, learning_rate=2e-4, batch_size=4, adapter_size="ADAPTER_SIZE_EIGHT")
    assert "/locations/us-central1/" in asked.name
    job = ended(asked.name, "global")
    assert job.tuned_model is None
    final = "sources/out/postprocess/node-0/checkpoints/final/inner/adapter.safetensors"
    assert gcsfs.GCSFileSystem(token="anon").cat(final) == b"\x00weights"
    assert job.tuning_data_stats.supervised_tuning_data_stats.tuning_step_count == 15
    assert [item.name for item in asker("global").tunings.list()] == [asked.name]


def test_tuning_goes_on_from_a_tuned_model(vertex):
    first = ended(tune(vertex, tuned_model_display_name="lamps").name)
    again = ended(tune(vertex, first.tuned_model.model, pre_tuned_model_checkpoint_id="1").name)
    assert again.tuned_model.model == first.tuned_model.model.replace("@1", "@2")
    assert again.pre_tuned_model.base_model == "gemini-3.5-flash"
    other = tune(vertex, first.tuned_model.model, tuned_model_display_name="other")
    assert ended(other.name).tuned_model.model.endswith("@1")
    with pytest.raises(genai_errors.ClientError, match=r"404 NOT_FOUND.*checkpoint"):
        tune(vertex, first.tuned_model.model, pre_tuned_model_checkpoint_id="9")
    with pytest.raises(genai_errors.ClientError, match="404 NOT_FOUND"):
        tune(vertex, f"{HERE}/models/1@1")


def test_a_job_fails_hangs_or_is_cancelled(vertex):
    vertex.job_error = {"code": 3, "message": "10 of 20 examples were dropped."}
    failed = ended(tune(vertex).name)
    assert failed.state == "JOB_STATE_FAILED"
    assert failed.error.message == "10 of 20 examples were dropped."
    assert failed.tuned_model is None
    vertex.job_error, vertex.hangs = None, True
    name = tune(vertex).name
    states = [asker().tunings.get(name=name).state for _ in range(4)]
    assert states == ["JOB_STATE_RUNNING"] * 4
    asker().tunings.cancel(name=name)
    assert asker().tunings.get(name=name).state == "JOB_STATE_CANCELLED"
    with pytest.raises(genai_errors.ClientError, match="FAILED_PRECONDITION"):
        asker().tunings.cancel(name=name)


def test_what_was_dropped_is_counted_with_reasons(vertex):
    vertex.dropped_reasons = ["too long", "too long"]
    job = ended(tune(vertex).name)
    statistics = job.tuning_data_stats.supervised_tuning_data_stats
    assert statistics.total_truncated_example_count == 2
    assert statistics.dropped_example_reasons == ["too long", "too long"]
    assert job.model_dump()["gcs_metrics_uri"].startswith("gs://")


def test_the_quota_of_open_jobs(vertex):
    tune(vertex)
    with pytest.raises(genai_errors.ClientError, match="Global concurrent tuning jobs") as refused:
        tune(vertex)
    assert (refused.value.code, refused.value.status) == (429, "RESOURCE_EXHAUSTED")
    tune_open(vertex)
    with pytest.raises(genai_errors.ClientError, match="managed OSS model fine-tuning jobs"):
        tune_open(vertex)
    vertex.concurrent_jobs = 2
    tune(vertex)


def test_lists_have_pages_and_filters_and_may_lag(vertex):
    vertex.concurrent_jobs = 5
    names = [tune(vertex, labels={"run": f"r{number}"}).name for number in range(3)]
    vertex.hidden_lists = 1
    assert [job.name for job in asker().tunings.list()] == names[1::-1]
    pages = asker().tunings.list(config={"page_size": 2})
    assert len(pages.page) == 2
    assert [job.name for job in pages] == names[::-1]
    found = asker().tunings.list(config={"filter": 'labels.run="r1"'})
    assert [job.name for job in found] == [names[1]]
    assert not list(asker("europe-west4").tunings.list())
    with pytest.raises(genai_errors.ClientError, match="Invalid filter"):
        asker().tunings.list(config={"filter": "anything"})


def _key(version: str = "1") -> types.EncryptionSpec:
    return types.EncryptionSpec(kms_key_name=f"{HERE}/keyRings/r/cryptoKeys/{version}")


@pytest.mark.parametrize(
    ("said_by_service", "base_model", "changed"),
    [
        (
            "training_dataset_uri should be a GCS object of type JSONL.",
            "gemini-3.5-flash",
            {"train": "gs://sources/train.csv"},
        ),
        ("does not exist", "gemini-3.5-flash", {"train": "gs://sources/none.jsonl"}),
        (
            "The adapter size is not supported for this base model.",
            "gemini-2.5-pro",
            {"adapter_size": "ADAPTER_SIZE_SIXTEEN"},
        ),
        (
            "The adapter size is not supported for this base model.",
            "gemini-3.5-flash",
            {"adapter_size": "ADAPTER_SIZE_THIRTY_TWO"},
        ),
        ("FAILED_PRECONDITION.*global", "gemini-2.5-flash", {"location": "global"}),
        ("FAILED_PRECONDITION.*us-east4", "gemini-3.5-flash", {"location": "us-east4"}),
        ("FAILED_PRECONDITION.*CMEK", "gemini-3.5-flash", {"encryption_spec": _key()}),
        ("is not supported", "gemini-2.0-flash", {}),
        ("learning_rate is only", "gemini-3.5-flash", {"learning_rate": 0.1}),
        ("batch_size is only", "gemini-3.5-flash", {"batch_size": 4}),
        ("tuning mode", "gemini-3.5-flash", {"tuning_mode": "TUNING_MODE_FULL"}),
        ("output_uri is only", "gemini-3.5-flash", {"output_uri": "gs://sources/out"}),
        ("epoch_count must be", "gemini-3.5-flash", {"epoch_count": -1}),
        ("Label key", "gemini-3.5-flash", {"labels": {"Run": "a"}}),
        ("Label value", "gemini-3.5-flash", {"labels": {"run": "a b"}}),
        ("Invalid open source publisher model resource name", "qwen/qwen3", {}),
        ("Invalid open source publisher model resource name", "qwen/qwen3@x", {}),
    ],
)
def test_jobs_that_are_refused(vertex, said_by_service, base_model, changed):
    with pytest.raises(genai_errors.ClientError, match=said_by_service) as refused:
        tune(vertex, base_model, **changed)
    assert refused.value.code == 400
    assert not vertex.tuning_jobs


@pytest.mark.parametrize(
    ("said_by_service", "changed"),
    [
        ("The output_uri field is required for this model.", {"output_uri": None}),
        ("output_uri should be", {"output_uri": "out"}),
        ("tuning mode", {"tuning_mode": None}),
        ("learning_rate_multiplier is not", {"learning_rate_multiplier": 2.0}),
        ("FAILED_PRECONDITION.*CMEK", {"encryption_spec": _key()}),
        (
            "adapter size",
            {"adapter_size": "ADAPTER_SIZE_FOUR", "tuning_mode": "TUNING_MODE_FULL"},
        ),
        ("export_last_checkpoint_only", {"export_last_checkpoint_only": True}),
    ],
)
def test_jobs_of_open_models_that_are_refused(vertex, said_by_service, changed):
    with pytest.raises(genai_errors.ClientError, match=said_by_service) as refused:
        tune_open(vertex, **changed)
    assert refused.value.code == 400


@pytest.mark.parametrize(
    ("said_by_service", "line", "open_model"),
    [
        ("example 2 of 2 is not valid JSON", "{", False),
        ('missing the required "contents"', OPEN_LINE, False),
        ("role other than", {"contents": [{"role": "assistant", "parts": [{}]}]}, False),
        ('end with the role "model"', {"contents": GEMINI_LINE["contents"][:1]}, False),
        ('none of "messages"', {"prompt": "a"}, True),
        ("role other than", {"messages": [{"role": "model", "content": "a"}]}, True),
        ("role other than", GEMINI_LINE, True),
        ("wrong form", 3, True),
    ],
)
def test_files_that_are_refused(vertex, said_by_service, line, open_model):
    right = OPEN_LINE if open_model else GEMINI_LINE
    text = line if isinstance(line, str) else json.dumps(line)
    uri = vertex.put("sent/wrong.jsonl", lines(right, 1) + text.encode())
    asked = tune_open if open_model else tune
    with pytest.raises(genai_errors.ClientError, match=said_by_service):
        asked(vertex, train=uri)


def test_validation_files_that_are_too_large(vertex):
    quarter = vertex.put("sent/quarter.jsonl", lines(OPEN_LINE, 5))
    tune_open(vertex, validation=quarter)
    vertex.concurrent_jobs = 9
    third = vertex.put("sent/third.jsonl", lines(OPEN_LINE, 6))
    with pytest.raises(genai_errors.ClientError, match="at most 25%"):
        tune_open(vertex, validation=third)
    many = vertex.put("sent/many.jsonl", lines(GEMINI_LINE, 5001))
    with pytest.raises(genai_errors.ClientError, match="more than 5000 examples"):
        tune(vertex, validation=many)
    thousand = vertex.put("sent/thousand.jsonl", lines(GEMINI_LINE, 1001))
    with pytest.raises(genai_errors.ClientError, match="at most 30%"):
        tune(vertex, validation=thousand)


def test_wrong_fields_are_listed_with_details(vertex, client):
    beta = client("GenAiTuning", "v1beta1")
    spec = {"training_dataset_uri": "lamp", "hyper_parameters": {"batch_size": 3}}
    job = {"base_model": "gemini-3.5-flash", "supervised_tuning_spec": spec}
    with pytest.raises(api_errors.BadRequest, match="List of found errors:\t1.Field") as bad:
        beta.create_tuning_job(parent=HERE, tuning_job=job)
    (detail,) = bad.value.details  # a message over gRPC, JSON over HTTP
    if isinstance(detail, dict):
        fields = [item["field"] for item in detail["fieldViolations"]]
    else:
        fields = [item.field for item in detail.field_violations]
    assert fields == ["tuning_job.supervised_tuning_spec.hyper_parameters.batch_size"]


def test_tuning_by_generated_clients(vertex, client):
    uri = vertex.put("sent/train.jsonl", lines(GEMINI_LINE))
    for version in ("v1", "v1beta1"):
        tuning = client("GenAiTuning", version)
        job = {
            "base_model": "gemini-2.5-flash",
            "supervised_tuning_spec": {"training_dataset_uri": uri},
        }
        made = tuning.create_tuning_job(parent=HERE, tuning_job=job)
        assert made.supervised_tuning_spec.hyper_parameters.adapter_size.name.endswith("FOUR")
        assert tuning.get_tuning_job(name=made.name).state.name == "JOB_STATE_RUNNING"
        assert next(iter(tuning.list_tuning_jobs(parent=HERE))).name == made.name
        tuning.cancel_tuning_job(name=made.name)
        assert tuning.get_tuning_job(name=made.name).state.name == "JOB_STATE_CANCELLED"
    assert vertex.count("CreateTuningJob") == 2
    assert vertex.bodies["CreateTuningJob"][0]["baseModel"] == "gemini-2.5-flash"


def test_curves_of_a_finished_job(vertex, client):
    validation = vertex.put("sent/validation.jsonl", lines(GEMINI_LINE, 4))
    job = ended(tune(vertex, validation=validation).name)
    context = client("Metadata").get_context(name=job.experiment)
    board = context.metadata["backing_tensorboard_resource"]
    boards = client("Tensorboard")
    experiment = f"{board}/experiments/{job.experiment.rpartition('/')[2]}"
    (run,) = boards.list_tensorboard_runs(parent=experiment)
    series = {
        item.display_name: item for item in boards.list_tensorboard_time_series(parent=run.name)
    }
    assert {"/train_total_loss", "/eval_total_loss"} < set(series)
    assert "/train_fraction_of_correct_next_step_preds" in series
    read = boards.read_tensorboard_time_series_data(
        tensorboard_time_series=series["/train_total_loss"].name
    )
    points = read.time_series_data.values
    assert [point.step for point in points] == [1, 2, 3, 4, 5, 6]
    assert points[0].scalar.value > points[-1].scalar.value
    with pytest.raises(api_errors.NotFound):
        client("Metadata").get_context(name=f"{HERE}/metadataStores/default/contexts/none")


# Pipelines


def pipeline_spec() -> dict[str, Any]:
    def task(component: str, *after: str) -> dict[str, Any]:
        return {"componentRef": {"name": component}, "dependentTasks": list(after)}

    parameters = {
        "data": {"parameterType": "STRING"},
        "seed": {"parameterType": "NUMBER_INTEGER", "defaultValue": 0},
        "note": {"parameterType": "STRING", "isOptional": True},
    }
    tasks = {
        "prepare": task("comp"),
        "tune": task("comp", "prepare"),
        "evaluate": task("comp", "tune"),
    }
    return {
        "schemaVersion": "2.1.0",
        "sdkVersion": "kfp-2.17.0",
        "pipelineInfo": {"name": "lamps"},
        "root": {"dag": {"tasks": tasks}, "inputDefinitions": {"parameters": parameters}},
        "components": {"comp": {"executorLabel": "exec"}},
        "deploymentSpec": {"executors": {"exec": {"container": {"image": "python:3.11"}}}},
    }


def pipeline_job() -> dict[str, Any]:
    runtime = {"gcsOutputDirectory": "gs://sources/root", "parameterValues": {"data": "d"}}
    return {"displayName": "lamps", "pipelineSpec": pipeline_spec(), "runtimeConfig": runtime}


def as_job(job: dict[str, Any]) -> Any:
    kind = aiplatform_v1.PipelineJob
    return kind(json_format.ParseDict(job, kind.pb()()))


def test_the_life_of_a_pipeline_job(vertex, client):
    pipelines = client("Pipeline")
    job = as_job(pipeline_job())
    made = pipelines.create_pipeline_job(parent=HERE, pipeline_job=job, pipeline_job_id="run-1")
    assert made.name == f"projects/{PROJECT_NUMBER}/locations/us-central1/pipelineJobs/run-1"
    with pytest.raises(api_errors.Conflict):
        pipelines.create_pipeline_job(parent=HERE, pipeline_job=job, pipeline_job_id="run-1")
    states = [pipelines.get_pipeline_job(name=made.name).state.name for _ in range(3)]
    assert [state.removeprefix("PIPELINE_STATE_") for state in states] == [
        "RUNNING",
        "SUCCEEDED",
        "SUCCEEDED",
    ]
    (listed,) = pipelines.list_pipeline_jobs(parent=HERE)
    assert [task.state.name for task in listed.job_detail.task_details] == ["SUCCEEDED"] * 3
    pipelines.delete_pipeline_job(name=made.name).result()
    assert not list(pipelines.list_pipeline_jobs(parent=HERE))


def test_a_pipeline_job_fails_at_a_task_or_is_cancelled(vertex, client):
    pipelines = client("Pipeline")
    vertex.failing_task = ("tune", "The service account may not read the bucket.")
    made = pipelines.create_pipeline_job(parent=HERE, pipeline_job=as_job(pipeline_job()))
    pipelines.get_pipeline_job(name=made.name)
    failed = pipelines.get_pipeline_job(name=made.name)
    assert failed.state.name == "PIPELINE_STATE_FAILED"
    assert "failed tasks are: [tune]" in failed.error.message
    tasks = {task.task_name: task for task in failed.job_detail.task_details}
    assert {name: task.state.name for name, task in tasks.items()} == {
        "prepare": "SUCCEEDED",
        "tune": "FAILED",
        "evaluate": "NOT_TRIGGERED",
    }
    assert tasks["tune"].error.message == "The service account may not read the bucket."
    other = pipelines.create_pipeline_job(parent=HERE, pipeline_job=as_job(pipeline_job()))
    pipelines.cancel_pipeline_job(name=other.name)
    assert pipelines.get_pipeline_job(name=other.name).state.name == "PIPELINE_STATE_CANCELLED"


@pytest.mark.parametrize(
    ("said_by_service", "place", "value"),
    [
        ("schemaVersion", ("pipelineSpec", "schemaVersion"), ""),
        ("tasks must not be empty", ("pipelineSpec", "root", "dag", "tasks"), {}),
        ("executor of component comp", ("pipelineSpec", "deploymentSpec", "executors"), {}),
        ("component of task", ("pipelineSpec", "components"), {}),
        ("gcs_output_directory", ("runtimeConfig", "gcsOutputDirectory"), "/tmp/root"),
        ("Missing runtime parameters: data", ("runtimeConfig", "parameterValues"), {}),
        ("Unknown runtime parameters: x", ("runtimeConfig", "parameterValues", "x"), 1),
        ("Label key", ("labels",), {"Upper": "a"}),
    ],
)
def test_pipeline_jobs_that_are_refused(vertex, said_by_service, place, value):
    job = pipeline_job()
    inner: Any = job
    for field in place[:-1]:
        inner = inner[field]
    inner[place[-1]] = value
    answer = posted(vertex, f"/v1/{HERE}/pipelineJobs?pipelineJobId=run-1", job)
    assert answer.status_code == 400
    assert said_by_service in answer.json()["error"]["message"]


@pytest.mark.parametrize("job_id", ["Run", "1run", "run_1", "r" * 129])
def test_ids_of_pipeline_jobs_that_are_refused(vertex, job_id):
    answer = posted(vertex, f"/v1/{HERE}/pipelineJobs?pipelineJobId={job_id}", pipeline_job())
    assert answer.status_code == 400


@pytest.mark.parametrize("transport", ["rest", "grpc"])
def test_a_pipeline_job_by_the_high_level_client(vertex, monkeypatch, tmp_path, transport):
    # It would ask another service whose address nothing changes.
    monkeypatch.setattr(resource_manager_utils, "get_project_number", lambda *_: PROJECT_NUMBER)
    template = tmp_path / "lamps.json"
    template.write_text(json.dumps(pipeline_spec()))
    address = vertex.address if transport == "rest" else vertex.grpc_address
    aiplatform.init(
        project=PROJECT, location="us-central1", api_endpoint=address, api_transport=transport
    )
    job = aiplatform.PipelineJob(
        display_name="lamps",
        template_path=str(template),
        job_id="run-1",
        pipeline_root="gs://sources/root",
        parameter_values={"data": "d"},
    )
    job.submit()
    assert job.state.name == "PIPELINE_STATE_RUNNING"
    assert job.state.name == "PIPELINE_STATE_SUCCEEDED"
    (call,) = [call for call in vertex.calls if call[0] == "CreatePipelineJob"]
    assert call[2] == transport


def test_schedules(vertex, client):
    schedules = client("Schedule")
    schedule = {
        "displayName": "nightly",
        "cron": "TZ=Europe/Berlin 0 3 * * *",
        "maxConcurrentRunCount": "1",
        "createPipelineJobRequest": {"parent": HERE, "pipelineJob": pipeline_job()},
    }
    kind = aiplatform_v1.Schedule
    asked = kind(json_format.ParseDict(schedule, kind.pb()()))
    made = schedules.create_schedule(parent=HERE, schedule=asked)
    schedules.pause_schedule(name=made.name)
    assert schedules.get_schedule(name=made.name).state.name == "PAUSED"
    schedules.resume_schedule(name=made.name, catch_up=True)
    (listed,) = schedules.list_schedules(
        request={"parent": HERE, "filter": 'display_name="nightly"'}
    )
    assert (listed.state.name, listed.catch_up) == ("ACTIVE", True)
    schedules.delete_schedule(name=made.name).result()
    assert not list(schedules.list_schedules(parent=HERE))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("displayName", ""),
        ("cron", "daily"),
        ("maxConcurrentRunCount", "0"),
        ("createPipelineJobRequest", {"parent": HERE, "pipelineJob": {"displayName": "empty"}}),
        ("createPipelineJobRequest", {"parent": "elsewhere", "pipelineJob": pipeline_job()}),
    ],
)
def test_schedules_that_are_refused(vertex, field, value):
    schedule: dict[str, Any] = {
        "displayName": "nightly",
        "cron": "0 3 * * *",
        "maxConcurrentRunCount": "1",
        "createPipelineJobRequest": {"parent": HERE, "pipelineJob": pipeline_job()},
    }
    assert posted(vertex, f"/v1/{HERE}/schedules", schedule).status_code == 200
    assert posted(vertex, f"/v1/{HERE}/schedules", schedule | {field: value}).status_code == 400


# Models


def upload(models: Any, parent: str = HERE, **fields: Any) -> tuple[str, str]:
    outside = {name: fields.pop(name) for name in ("parent_model", "model_id") if name in fields}
    model = aiplatform_v1.Model({"display_name": "lamps", **fields})
    request = aiplatform_v1.UploadModelRequest(parent=parent, model=model, **outside)
    done = models.upload_model(request=request).result()
    return done.model, done.model_version_id


def test_versions_and_aliases(vertex, client):
    models = client("Model")
    name, number = upload(models, version_aliases=["candidate"], labels={"run": "one"})
    assert number == "1"
    assert set(models.get_model(name=name).version_aliases) == {"default", "candidate"}
    assert upload(models, parent_model=name, version_aliases=["candidate"]) == (name, "2")
    assert models.get_model(name=f"{name}@candidate").version_id == "2"
    assert models.get_model(name=name).version_id == "1"
    models.merge_version_aliases(name=f"{name}@2", version_aliases=["default", "prod"])
    assert models.get_model(name=name).version_id == "2"
    merged = models.merge_version_aliases(name=f"{name}@2", version_aliases=["-prod"])
    assert set(merged.version_aliases) == {"candidate", "default"}
    assert [item.version_id for item in models.list_model_versions(name=name)] == ["1", "2"]
    with pytest.raises(api_errors.BadRequest):
        models.delete_model_version(name=f"{name}@2")
    models.delete_model_version(name=f"{name}@1").result()
    models.delete_model(name=name).result()
    with pytest.raises(api_errors.NotFound):
        models.get_model(name=name)


def test_models_are_found_by_name_and_labels(vertex, client):
    models = client("Model")
    name, _ = upload(models, labels={"run": "one"})
    upload(models, display_name="other lamps", labels={"run": "one"})
    for text in ('display_name="lamps"', 'displayName="lamps" AND labels.run=one'):
        assert _names(models, filter=text) == [name]
    assert len(_names(models, filter='labels.run="one"')) == 2
    assert not _names(models, filter='labels.run="two"')
    assert len(_names(models, page_size=1)) == 2


def _names(models: Any, **request: Any) -> list[str]:
    return [item.name for item in models.list_models(request={"parent": HERE, **request})]


def test_models_and_versions_are_updated_apart(vertex, client):
    models = client("Model")
    name, _ = upload(models, labels={"run": "one"})
    given: dict[str, Any] = {"name": f"{name}@1", "version_description": "first"}
    models.update_model(model=given, update_mask={"paths": ["version_description"]})
    given = {"name": name, "display_name": "lights", "labels": {"team": "a"}}
    changed = models.update_model(model=given, update_mask={"paths": ["display_name", "labels"]})
    assert changed.display_name == "lights"
    assert changed.version_description == "first"
    assert dict(changed.labels) == {"run": "one", "team": "a"}
    with pytest.raises(api_errors.BadRequest):
        models.update_model(
            model={"name": name, "version_description": "x"},
            update_mask={"paths": ["version_description"]},
        )


def test_copies_become_new_models_or_versions(vertex, client):
    models = client("Model")
    name, _ = upload(models)
    elsewhere = f"projects/{PROJECT}/locations/europe-west4"
    request = {"parent": elsewhere, "source_model": name, "model_id": "lamps_copy"}
    copied = models.copy_model(request=request).result()
    assert copied.model.endswith("/locations/europe-west4/models/lamps_copy")
    again = {"parent": elsewhere, "source_model": f"{name}@1", "parent_model": copied.model}
    assert models.copy_model(request=again).result().model_version_id == "2"
    assert models.get_model(name=f"{copied.model}@2").model_source_info.copy is True


@pytest.mark.parametrize(
    ("error", "fields"),
    [
        (api_errors.BadRequest, {"display_name": ""}),
        (api_errors.BadRequest, {"artifact_uri": "/models/lamps"}),
        (api_errors.BadRequest, {"container_spec": {"command": ["serve"]}}),
        (api_errors.BadRequest, {"version_aliases": ["Best"]}),
        (api_errors.BadRequest, {"labels": {"Run": "one"}}),
        (api_errors.BadRequest, {"model_id": "Lamps"}),
        (api_errors.NotFound, {"parent_model": f"{HERE}/models/7"}),
    ],
)
def test_uploads_that_are_refused(vertex, client, error, fields):
    models = client("Model")
    with pytest.raises(error):
        upload(models, **fields)
    assert not list(models.list_models(parent=HERE))


def test_evaluations_and_slices(vertex, client):
    models = client("Model")
    name, _ = upload(models)
    schema = f"{SCHEMAS}/classification_metrics_1.0.0.yaml"
    given = {"display_name": "test", "metrics_schema_uri": schema, "metrics": {"auPrc": 0.5}}
    made = models.import_model_evaluation(parent=name, model_evaluation=given)
    assert made.name.startswith(f"{name}@1/evaluations/")
    part: dict[str, Any] = {
        "metrics_schema_uri": schema,
        "metrics": {"auPrc": 0.4},
        "slice_": {"dimension": "annotationSpec", "value": "red"},
    }
    batch = models.batch_import_model_evaluation_slices(
        parent=made.name, model_evaluation_slices=[part] * 50
    )
    assert len(batch.imported_model_evaluation_slices) == 50
    found = models.list_model_evaluation_slices(parent=made.name)
    assert {item.slice_.value for item in found} == {"red"}
    (listed,) = models.list_model_evaluations(parent=name)
    assert models.get_model_evaluation(name=listed.name).metrics["auPrc"] == 0.5
    with pytest.raises(api_errors.BadRequest, match="50"):
        models.batch_import_model_evaluation_slices(
            parent=made.name, model_evaluation_slices=[part] * 51
        )
    cases: tuple[dict[str, Any], ...] = (
        {"metrics_schema_uri": f"{SCHEMAS}/own_metrics_1.0.0.yaml", "metrics": {}},
        {"metrics_schema_uri": schema, "metrics": [1, 2]},
    )
    for wrong in cases:
        with pytest.raises(api_errors.BadRequest):
            models.import_model_evaluation(parent=name, model_evaluation=wrong)


def test_a_tuned_model_goes_after_its_endpoints(vertex, client):
    tuned = ended(tune(vertex, export_last_checkpoint_only=True).name).tuned_model
    models, endpoints = client("Model"), client("Endpoint")
    plain = tuned.model.partition("@")[0]
    assert endpoints.get_endpoint(name=tuned.endpoint).deployed_models[0].model == plain
    with pytest.raises(api_errors.BadRequest, match="deployed"):
        models.delete_model(name=plain)
    endpoints.delete_endpoint(name=tuned.endpoint).result()
    models.delete_model(name=plain).result()
    with pytest.raises(genai_errors.ClientError, match="404"):
        asker("us").models.generate_content(model=tuned.endpoint, contents="hello")


# What goes wrong on the way


def test_who_may_ask(vertex, client):
    tuning = client("GenAiTuning", "v1beta1")
    with pytest.raises(api_errors.Forbidden):
        list(tuning.list_tuning_jobs(parent="projects/another/locations/us-central1"))
    vertex.public_key = b""
    with pytest.raises(api_errors.Unauthorized):
        list(tuning.list_tuning_jobs(parent=HERE))
    wrong = posted(vertex, f"/v1/{HERE}/schedules", {}, Authorization="Bearer another")
    assert wrong.status_code == 401


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("tuningJobs", {"x": 1}, "Unknown name \"x\" at 'tuning_job': Cannot find field."),
        ("models:upload", {"x": 1}, 'Unknown name "x": Cannot find field.'),
        ("tuningJobs?x=1", {}, 'Unknown name "x": Cannot find field.'),
        ("models:upload", b"{", "Unexpected token."),
        ("models:upload", [], "The root must be an object."),
        (
            "tuningJobs",
            {"supervisedTuningSpec": {"epochs": 1}},
            "Unknown name \"epochs\" at 'tuning_job.supervised_tuning_spec': Cannot find field.",
        ),
    ],
)
def test_requests_in_the_wrong_form(vertex, path, body, words):
    answer = posted(vertex, f"/v1beta1/{HERE}/{path}", body)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == f"Invalid JSON payload received. {words}"


def test_open_models_cannot_be_asked_for_in_the_stable_version(vertex):
    answer = posted(vertex, f"/v1/{HERE}/tuningJobs", {"outputUri": "gs://sources/out"})
    assert 'Unknown name "outputUri"' in answer.json()["error"]["message"]


def test_paths_that_there_are_not(vertex):
    assert posted(vertex, f"/v1/{HERE}/lamps", {}).status_code == 404
    assert posted(vertex, f"/v2/{HERE}/tuningJobs", {}).status_code == 404


def test_planted_refusals_come_once_and_when_asked(vertex, client):
    tuning = client("GenAiTuning", "v1beta1")
    vertex.faults.append(Fault("ListTuningJobs", "status", 503, "Try later.", after=1))
    assert not list(tuning.list_tuning_jobs(parent=HERE, retry=None))
    with pytest.raises(api_errors.ServiceUnavailable, match="Try later"):
        list(tuning.list_tuning_jobs(parent=HERE, retry=None))
    assert not list(tuning.list_tuning_jobs(parent=HERE, retry=None))
    assert not vertex.faults


def test_a_planted_refusal_says_when_to_come_back(vertex):
    vertex.faults.append(Fault("UploadModel", "status", 429, retry_after="7"))
    answer = posted(vertex, f"/v1/{HERE}/models:upload", {})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")


@pytest.mark.parametrize(("kind", "there"), [("drop_before", 0), ("drop_after", 1)])
def test_connections_break_before_or_after_the_work(vertex, client, kind, there):
    models = client("Model")
    vertex.faults.append(Fault("UploadModel", kind))
    with pytest.raises((api_errors.ServiceUnavailable, requests.ConnectionError)):
        models.upload_model(parent=HERE, model={"display_name": "lamps"}, retry=None)
    assert len(list(models.list_models(parent=HERE))) == there
    assert vertex.count("UploadModel") == 1


def test_a_delay_outlasts_the_client(vertex, client):
    models = client("Model")
    vertex.faults.append(Fault("ListModels", "delay", seconds=1.0))
    start = time.monotonic()
    with pytest.raises((api_errors.GatewayTimeout, requests.Timeout)):
        models.list_models(parent=HERE, retry=None, timeout=0.2)
    assert time.monotonic() - start < 0.9


def test_faults_of_answers(vertex):
    vertex.faults.append(Fault("GenerateContent", "status", 500))
    vertex.gemini.first.append(Reply({}, cut_after=1))
    with pytest.raises(genai_errors.ServerError):
        asker().models.generate_content(model="gemini-2.5-flash", contents="hello")
    assert not vertex.gemini.asked


def test_the_answers_of_publisher_models_can_be_changed_again(vertex):
    before = vertex.gemini.answer

    def doubled(asked: Asked) -> Reply:
        text = before(asked).body["candidates"][0]["content"]["parts"][0]["text"]
        return said(text * 2)

    vertex.gemini.answer = doubled
    answer = asker().models.generate_content(model="gemini-2.5-flash", contents="ab")
    assert answer.text == "ABAB"


def test_another_process_finds_everything_through_its_environment(vertex, tmp_path: Path):
    program = tmp_path / "asks.py"
    program.write_text(
        "import os, google.auth\n"
        "from google.cloud import aiplatform_v1 as a\n"
        "credentials, project = google.auth.default()\n"
        "parent = f'projects/{project}/locations/us-central1'\n"
        "for address, transport in ((os.environ['GOOGLE_VERTEX_BASE_URL'], 'rest'),"
        f" ('{vertex.grpc_address}', 'grpc')):\n"
        "    client = a.ModelServiceClient(credentials=credentials, transport=transport,"
        " client_options={'api_endpoint': address})\n"
        "    client.upload_model(parent=parent, model={'display_name': transport}).result()\n"
    )
    subprocess.run([sys.executable, program], check=True, timeout=120)
    names = {model.versions["1"]["displayName"] for model in vertex.models.in_place(_numbered())}
    assert names == {"rest", "grpc"}


def _numbered() -> str:
    return f"projects/{PROJECT_NUMBER}/locations/us-central1"
