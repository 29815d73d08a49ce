"""Managed tuning end to end, by the real clients, against a service on this machine."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import gcsfs
import pytest
from google.cloud import aiplatform_v1

from tests.lamps import lamps, write_split
from tests.vertex.stand_in import PROJECT, PROJECT_NUMBER, Fault, Vertex, storage
from tests.vertex.tuning.managed import OPEN, settings, tune, wait_for
from tuneline.errors import ConfigurationError, ServiceError
from tuneline.stop import StopRequest
from tuneline.vertex.clients import api_client
from tuneline.vertex.place import Place, Resource
from tuneline.vertex.tuning.client import TuningClient
from tuneline.vertex.tuning.request import SentFile, job_request
from tuneline.vertex.tuning.result import read_managed_result

JOB = f"projects/{PROJECT_NUMBER}/locations/us-central1/tuningJobs/"


def test_gemini_is_tuned_and_everything_is_written_down(vertex: Vertex, lamp_splits, tmp_path):
    result = tune(lamp_splits, tmp_path, vertex, adapter_size=4, labels={"team": "lamps"})
    assert result == read_managed_result(tmp_path / "result.json")
    assert result.job.startswith(JOB)
    assert result.endpoint.startswith(f"projects/{PROJECT_NUMBER}/locations/us/endpoints/")
    assert result.model.startswith(f"projects/{PROJECT_NUMBER}/locations/us/models/")
    assert (result.data["train"].rows, result.data["validation"].rows) == (25, 9)
    assert result.billed_tokens > 0
    assert result.cost_usd == pytest.approx(result.billed_tokens * 3.0 / 1e6)
    assert [each.epoch for each in result.checkpoints] == [1, 2, 3]
    assert result.curves["/train_total_loss"]
    assert result.curves["/eval_total_loss"]
    (body,) = vertex.bodies["CreateTuningJob"]
    parameters = body["supervisedTuningSpec"]["hyperParameters"]
    assert parameters == {"epochCount": 3, "adapterSize": "ADAPTER_SIZE_FOUR"}
    assert body["labels"] == {"team": "lamps", "tuneline-run": result.run_digest[:63]}
    assert body["tunedModelDisplayName"] == f"lamps {result.run_digest[:8]}"
    resources = json.loads((tmp_path / "gcp_resources").read_text())["resources"]
    assert resources == [
        {
            "resourceType": "TuningJob",
            "resourceUri": f"https://us-central1-aiplatform.googleapis.com/v1/{result.job}",
        }
    ]
    page = (tmp_path / "page.html").read_text()
    assert result.endpoint in page
    assert page.count("<svg") == 2


def test_the_files_are_named_after_what_they_hold(vertex: Vertex, lamp_splits, tmp_path):
    result = tune(lamp_splits, tmp_path, vertex)
    sent = result.data["train"]
    assert sent.uri == (
        f"{vertex.bucket}/work/tuning-data/{sent.file_digest[:2]}/{sent.file_digest}.jsonl"
    )
    lines = stored(sent.uri).splitlines()
    assert len(lines) == 25
    assert json.loads(lines[0])["contents"][1]["role"] == "model"


def test_the_same_again_is_the_same_job(vertex: Vertex, lamp_splits, tmp_path):
    first = tune(lamp_splits, tmp_path / "one", vertex)
    second = tune(lamp_splits, tmp_path / "two", vertex, max_cost_usd=19.0, labels={"a": "b"})
    assert first.job == second.job
    assert len(vertex.tuning_jobs) == 1
    third = tune(lamp_splits, tmp_path / "three", vertex, epochs=2)
    assert third.job != first.job


def test_tuning_goes_on_from_a_tuned_model(vertex: Vertex, lamp_splits, tmp_path):
    first = tune(lamp_splits, tmp_path / "one", vertex)
    second = tune(
        lamp_splits,
        tmp_path / "two",
        vertex,
        tuned_from=first.model,
        tuned_from_checkpoint=first.checkpoints[0].checkpoint_id,
    )
    body = vertex.bodies["CreateTuningJob"][1]
    assert body["preTunedModel"] == {  # in the client's own spelling, which the service takes
        "tuned_model_name": first.model,
        "checkpoint_id": first.checkpoints[0].checkpoint_id,
    }
    assert "baseModel" not in body
    assert second.model.split("@")[0] == first.model.split("@")[0]
    assert second.model != first.model


def test_account_key_and_description_are_passed_through(vertex: Vertex, lamp_splits, tmp_path):
    account = f"tuner@{PROJECT}.iam.gserviceaccount.com"
    key = f"projects/{PROJECT}/locations/us-central1/keyRings/r/cryptoKeys/k"
    tune(
        lamp_splits,
        tmp_path,
        vertex,
        base_model="gemini-2.5-flash-lite",
        usd_per_million_tokens=2.0,
        location="us-central1",
        service_account=account,
        encryption_key=key,
        learning_rate_multiplier=0.5,
        last_checkpoint_only=True,
    )
    (body,) = vertex.bodies["CreateTuningJob"]
    assert body["serviceAccount"] == account
    assert body["encryptionSpec"] == {"kms_key_name": key}
    spec = body["supervisedTuningSpec"]
    assert spec["hyperParameters"]["learningRateMultiplier"] == 0.5
    assert spec["exportLastCheckpointOnly"] is True


def test_an_open_model_is_tuned_to_weights(vertex: Vertex, lamp_splits, qwen3, tmp_path):
    vertex.tuned_weights = qwen3
    write_split(tmp_path / "train.parquet", lamps(1, 40))
    write_split(tmp_path / "validation.parquet", lamps(101, 4))
    result = tune(
        tmp_path,
        tmp_path,
        vertex,
        base_model=OPEN,
        method="full",
        base_weights=str(qwen3),
        learning_rate=1e-5,
        batch_size=4,
    )
    assert result.endpoint == ""
    assert result.job.split("/")[3] == "us-central1"
    assert vertex.calls[0][3].startswith(f"projects/{PROJECT}/locations/global")
    assert storage.read(f"{result.weights_uri}/config.json")
    (body,) = vertex.bodies["CreateTuningJob"]
    assert body["supervisedTuningSpec"]["tuningMode"] == "TUNING_MODE_FULL"
    assert body["supervisedTuningSpec"]["hyperParameters"]["batchSize"] == 4
    line = json.loads(stored(result.data["train"].uri).splitlines()[0])
    assert [each["role"] for each in line["messages"]] == ["user", "assistant"]


@pytest.mark.parametrize(
    ("fault", "creates"),
    [
        (Fault("CreateTuningJob", "status", status=429, message="quota"), 2),
        (Fault("CreateTuningJob", "status", status=503, message="away"), 2),
        (Fault("CreateTuningJob", "status", status=500, message="oops"), 2),
        (Fault("CreateTuningJob", "drop_before"), 2),
        (Fault("CreateTuningJob", "drop_after"), 1),
        (Fault("GetTuningJob", "status", status=503, message="away"), 1),
        (Fault("GetTuningJob", "drop_before"), 1),
        (Fault("ListTuningJobs", "status", status=429, message="slow down"), 1),
        (Fault("ListTuningJobs", "drop_after"), 1),
        (Fault("GetContext", "status", status=503, message="away"), 1),
    ],
)
def test_failures_that_pass_leave_one_job(vertex: Vertex, lamp_splits, tmp_path, fault, creates):
    vertex.faults.append(fault)
    result = tune(lamp_splits, tmp_path, vertex)
    assert not vertex.faults
    assert list(vertex.tuning_jobs) == [result.job]
    assert vertex.count("CreateTuningJob") == creates


def test_a_job_that_the_service_shows_late_is_not_started_again(
    vertex: Vertex, lamp_splits, tmp_path
):
    vertex.faults.append(Fault("CreateTuningJob", "drop_after"))
    vertex.hidden_lists = 3  # the look before the start, and two after it
    result = tune(lamp_splits, tmp_path, vertex)
    assert list(vertex.tuning_jobs) == [result.job]
    assert vertex.count("CreateTuningJob") == 1


@pytest.mark.slow
def test_two_that_start_at_one_moment_leave_one_job(vertex: Vertex, lamp_splits, tmp_path):
    vertex.concurrent_jobs = 2
    first = subprocess.Popen(command(vertex, lamp_splits, tmp_path / "one"))
    second = subprocess.Popen(command(vertex, lamp_splits, tmp_path / "two"))
    assert (first.wait(120), second.wait(120)) == (0, 0)
    alive = {job["name"] for job in shown(vertex).values() if job["state"] != "JOB_STATE_CANCELLED"}
    results = {read_managed_result(tmp_path / name / "result.json").job for name in ("one", "two")}
    assert len(alive) == 1
    assert results == alive


def test_quota_is_waited_for_and_in_the_end_given_up(vertex: Vertex, lamp_splits, tmp_path):
    vertex.concurrent_jobs = 0
    with pytest.raises(ServiceError, match="queue_hours .* nothing was started"):
        tune(lamp_splits, tmp_path, vertex, queue_hours=0.00005)
    assert not vertex.tuning_jobs


def test_a_failed_job_says_why_and_is_not_paid_for_again(vertex: Vertex, lamp_splits, tmp_path):
    vertex.job_error = {"code": 3, "message": "The dataset has more than 10% dropped examples."}
    vertex.dropped_reasons = ["row 4: too long", "row 7: <script>"]
    with pytest.raises(ServiceError, match="failed: The dataset has more than 10%") as failed:
        tune(lamp_splits, tmp_path, vertex)
    assert "row 4: too long" in str(failed.value)
    with pytest.raises(ServiceError, match="(?s)failed: The dataset .*set attempt to 2"):
        tune(lamp_splits, tmp_path, vertex)
    assert len(vertex.tuning_jobs) == 1
    vertex.job_error = None
    assert tune(lamp_splits, tmp_path, vertex, attempt=2).job != next(iter(vertex.tuning_jobs))


def test_a_job_that_hangs_is_cancelled_at_its_deadline(vertex: Vertex, lamp_splits, tmp_path):
    vertex.hangs = True
    with pytest.raises(ServiceError, match="not done after deadline_hours .*cancelled"):
        tune(lamp_splits, tmp_path, vertex, deadline_hours=0.0001)
    (job,) = shown(vertex).values()
    assert job["state"] == "JOB_STATE_CANCELLED"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_cancels_the_job(vertex: Vertex, lamp_splits, tmp_path, number):
    vertex.hangs = True
    running = subprocess.Popen(command(vertex, lamp_splits, tmp_path), stderr=subprocess.PIPE)
    wait_for(lambda: (tmp_path / "gcp_resources").exists())
    running.send_signal(number)
    running.send_signal(number)  # whoever is impatient must not save the job
    _, told = running.communicate(timeout=60)
    assert running.returncode == 1
    assert b"StoppedError: Asked to stop, so the job was cancelled" in told
    (job,) = shown(vertex).values()
    assert job["state"] == "JOB_STATE_CANCELLED"
    assert not (tmp_path / "result.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize("hidden", [0, 2])
def test_a_signal_while_the_job_is_being_started_cancels_it(
    vertex: Vertex, lamp_splits, tmp_path, hidden
):
    vertex.faults.append(Fault("CreateTuningJob", "delay", seconds=2.0))
    vertex.hidden_lists = hidden
    vertex.hangs = True
    running = subprocess.Popen(command(vertex, lamp_splits, tmp_path))
    wait_for(lambda: vertex.count("CreateTuningJob"))
    running.terminate()
    assert running.wait(60) == 1
    (job,) = shown(vertex).values()
    assert job["state"] == "JOB_STATE_CANCELLED"


@pytest.mark.slow
def test_a_killed_process_leaves_its_job_to_the_next(vertex: Vertex, lamp_splits, tmp_path):
    vertex.hangs = True
    running = subprocess.Popen(command(vertex, lamp_splits, tmp_path / "one"))
    wait_for(lambda: (tmp_path / "one" / "gcp_resources").exists())
    running.kill()
    running.wait()
    vertex.hangs = False
    result = tune(lamp_splits, tmp_path / "two", vertex)
    assert list(vertex.tuning_jobs) == [result.job]


def test_an_upload_that_was_cut_off_is_sent_again(vertex: Vertex, lamp_splits, tmp_path):
    first = tune(lamp_splits, tmp_path / "one", vertex)
    whole = stored(first.data["train"].uri)
    storage.write(first.data["train"].uri, whole[:100])
    assert tune(lamp_splits, tmp_path / "two", vertex).job == first.job
    assert storage.read(first.data["train"].uri) == whole


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "adapter": ({"adapter_size": 32}, "adapter_size: .* takes 1, 2, 4, 8, 16, not 32"),
    "location": ({"location": "asia-east1"}, "location: .* is tuned at us-central1, europe-west4"),
    "global": ({"location": "global"}, "location: Gemini is not tuned at global"),
    "full": ({"method": "full"}, "method: .* is tuned by adapter alone"),
    "rate": ({"learning_rate": 0.1}, "learning_rate: is for open models alone"),
    "retired": ({"base_model": "gemini-2.0-flash"}, "was retired"),
    "unknown": ({"base_model": "gemini-9-flash"}, "the catalogue has no model"),
    "price": ({"base_model": "gemini-3.5-flash"}, "usd_per_million_tokens: nobody says"),
    "cost": ({"max_cost_usd": 0.0001}, r"max_cost_usd: Tuning .* costs about .* above 0.0001"),
    "key": (
        {
            "location": "us-central1",
            "encryption_key": "projects/p/locations/us-central1/keyRings/r/cryptoKeys/k",
        },
        "encryption_key: .* takes none of the customer's",
    ),
    "open mode": (
        {"base_model": "qwen/qwen3@qwen3-8b", "base_weights": "w"},
        "method: .* is tuned by full, not by pet",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_model_cannot_do_is_refused_before_anything_is_sent(
    vertex: Vertex, lamp_splits, tmp_path, name
):
    values, message = REFUSED[name]
    with pytest.raises(ConfigurationError, match=message):
        tune(lamp_splits, tmp_path, vertex, **values)
    assert not vertex.calls
    assert not gcsfs.GCSFileSystem().find(vertex.bucket)


def test_the_catalogue_may_only_warn_and_the_service_judges(
    vertex: Vertex, lamp_splits, tmp_path, caplog
):
    with (
        caplog.at_level(logging.WARNING, "tuneline"),
        pytest.raises(ConfigurationError, match="The adapter size is not supported"),
    ):
        tune(lamp_splits, tmp_path, vertex, adapter_size=32, catalogue_checks="warn")
    assert "takes 1, 2, 4, 8, 16, not 32" in caplog.text
    assert not vertex.tuning_jobs


def test_every_problem_of_the_settings_is_listed(vertex: Vertex):
    with pytest.raises(ConfigurationError) as refused:
        settings(
            vertex,
            method="full",
            batch_size=4,
            labels={"Team": "x"},
            tuned_from_checkpoint="1",
            encryption_key="projects/p/locations/us/keyRings/r/cryptoKeys/k",
        )
    fields = [problem.split(": ")[1] for problem in refused.value.problems]
    assert fields == [
        "batch_size",
        "method",
        "labels.Team",
        "tuned_from_checkpoint",
        "encryption_key",
    ]


def test_no_credentials_appear_anywhere(vertex: Vertex, lamp_splits, tmp_path, caplog):
    with caplog.at_level(logging.DEBUG):
        vertex.faults.append(Fault("CreateTuningJob", "status", status=503, message="away"))
        tune(lamp_splits, tmp_path, vertex)
    key = json.loads(Path(os.environ["GOOGLE_APPLICATION_CREDENTIALS"]).read_text())
    secrets = (vertex.gemini.token, key["private_key"], key["private_key"].splitlines()[1])
    written = "".join(path.read_text() for path in tmp_path.iterdir())
    ours = "".join(
        record.getMessage() for record in caplog.records if record.name.startswith("tuneline")
    )
    for secret in secrets:
        assert secret not in written
        assert secret not in ours


@pytest.mark.parametrize("status", [401, 403, 404, 409, 499])
def test_a_poll_that_is_refused_for_a_moment_ends_nothing(
    vertex: Vertex, lamp_splits, tmp_path, status
):
    vertex.faults.append(Fault("GetTuningJob", "status", status=status, message="odd"))
    result = tune(lamp_splits, tmp_path, vertex)
    assert list(vertex.tuning_jobs) == [result.job]


def test_a_job_that_was_started_beside_one_is_cancelled_by_the_next(
    vertex: Vertex, lamp_splits, tmp_path
):
    vertex.hangs, vertex.concurrent_jobs = True, 3
    with pytest.raises(ServiceError, match="not done after"):
        tune(lamp_splits, tmp_path / "one", vertex, deadline_hours=1e-5)
    (body,) = vertex.bodies["CreateTuningJob"]
    jobs = TuningClient(Place(PROJECT, "us-central1"), settings(vertex), StopRequest())
    request = job_request(
        settings(vertex, attempt=2),
        Place(PROJECT, "us-central1"),
        {
            name: SentFile(uri, uri.rsplit("/", 1)[1].removesuffix(".jsonl"))
            for name, uri in (
                ("train", body["supervisedTuningSpec"]["trainingDatasetUri"]),
                ("validation", body["supervisedTuningSpec"]["validationDatasetUri"]),
            )
        },
    )
    first, late = jobs.create(request).name, jobs.create(request).name
    vertex.hangs = False
    assert tune(lamp_splits, tmp_path / "two", vertex, attempt=2).job == first
    assert shown(vertex)[late]["state"] == "JOB_STATE_CANCELLED"


def test_a_deadline_counts_from_the_jobs_beginning(vertex: Vertex, lamp_splits, tmp_path):
    vertex.hangs = True
    running = subprocess.Popen(command(vertex, lamp_splits, tmp_path / "one"))
    wait_for(lambda: (tmp_path / "one" / "gcp_resources").exists())
    running.kill()
    running.wait()
    time.sleep(1.5)
    begun = time.monotonic()
    with pytest.raises(ServiceError, match="not done after deadline_hours"):
        tune(lamp_splits, tmp_path / "two", vertex, deadline_hours=1.5 / 3600)
    assert vertex.count("GetTuningJob") < 40
    assert time.monotonic() - begun < 60


def test_another_folder_of_the_bucket_is_no_other_job(vertex: Vertex, lamp_splits, tmp_path):
    first = tune(lamp_splits, tmp_path / "one", vertex)
    second = tune(lamp_splits, tmp_path / "two", vertex, staging=f"{vertex.bucket}/other")
    assert first.job == second.job
    assert len(vertex.tuning_jobs) == 1


def test_the_job_that_was_written_down_is_asked_first(vertex: Vertex, lamp_splits, tmp_path):
    first = tune(lamp_splits, tmp_path, vertex)
    vertex.hidden_lists = 100
    assert tune(lamp_splits, tmp_path, vertex).job == first.job
    assert len(vertex.tuning_jobs) == 1


def test_a_model_that_was_deleted_is_not_taken_for_the_result(
    vertex: Vertex, lamp_splits, tmp_path
):
    first = tune(lamp_splits, tmp_path / "one", vertex, tuned_from="")
    place = Resource.parse(first.model).place
    endpoints = api_client(aiplatform_v1.EndpointServiceClient, place)
    for name in {first.endpoint, *(each.endpoint for each in first.checkpoints)}:
        endpoints.delete_endpoint(name=name)
    models = api_client(aiplatform_v1.ModelServiceClient, place)
    models.delete_model(name=first.model.split("@")[0])
    with pytest.raises(ConfigurationError, match="its model .* was deleted.*set attempt to 2"):
        tune(lamp_splits, tmp_path / "two", vertex)
    assert tune(lamp_splits, tmp_path / "three", vertex, attempt=2).model != first.model


def test_an_alias_is_the_version_that_it_means_now(vertex: Vertex, lamp_splits, tmp_path):
    first = tune(lamp_splits, tmp_path / "one", vertex)
    parent = first.model.split("@")[0]
    models = api_client(aiplatform_v1.ModelServiceClient, Resource.parse(parent).place)
    models.merge_version_aliases(name=first.model, version_aliases=["champion"])
    named = {"tuned_from": f"{parent}@champion"}
    second = tune(lamp_splits, tmp_path / "two", vertex, **named)
    assert second.settings["tuned_from"] == first.model
    models.merge_version_aliases(name=second.model, version_aliases=["champion"])
    third = tune(lamp_splits, tmp_path / "three", vertex, **named)
    assert third.settings["tuned_from"] == second.model
    assert third.job != second.job


def test_a_curve_with_no_number_in_it_loses_no_result(vertex: Vertex, lamp_splits, tmp_path):
    tune(lamp_splits, tmp_path / "one", vertex)
    for series in vertex.series.values():
        series["points"][0] = (
            (1, float("nan"))
            if isinstance(series["points"][0], tuple)
            else {
                **series["points"][0],
                "scalar": {"value": float("nan")},
            }
        )
    result = tune(lamp_splits, tmp_path / "two", vertex)
    assert result == read_managed_result(tmp_path / "two" / "result.json")


def stored(uri: str) -> bytes:
    content = storage.read(uri)
    assert content is not None
    return content


def command(vertex: Vertex, splits: Path, folder: Path) -> list[str]:
    """A process that tunes; faults and answers are those of the stand-in of this one."""
    code = (
        "import sys; from pathlib import Path;"
        "from tuneline.vertex.tuning.settings import ManagedSettings;"
        "from tuneline.vertex.tuning.tune import TuningPaths, tune_managed;"
        "splits, out = Path(sys.argv[1]), Path(sys.argv[2]);"
        "tune_managed(splits / 'train.parquet', splits / 'validation.parquet',"
        " ManagedSettings.model_validate_json(sys.argv[3]),"
        " TuningPaths(out / 'result.json', out / 'gcp_resources', out / 'page.html'))"
    )
    given = settings(vertex).model_dump_json()
    return [sys.executable, "-c", code, str(splits), str(folder), given]


def shown(vertex: Vertex) -> dict[str, dict[str, Any]]:
    return {name: job.resource for name, job in vertex.tuning_jobs.items()}
