"""``tuneline submit``, ``follow`` and ``cancel``, against a stand-in."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from google.cloud import aiplatform_v1
from google.protobuf import json_format

from tests.cli.in_process import Command, in_folder, write_data
from tests.vertex.stand_in import PROJECT, Fault, Vertex, storage
from tuneline.pipelines.compile import SPECS

SPEC = str(SPECS / "supervised_tuning.yaml")
REGISTRY = f"registry=vertex://{PROJECT}/us-central1"


@pytest.fixture
def service(vertex: Vertex, monkeypatch: pytest.MonkeyPatch) -> Vertex:
    """The stand-in; the environment says where runs go."""
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", PROJECT)
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", "us-central1")
    monkeypatch.setenv("TUNELINE_STAGING", f"{vertex.bucket}/tuneline")
    return vertex


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data(tmp_path)


@pytest.fixture
def command(
    service: Vertex, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    return in_folder(data.parent, monkeypatch, capsys)


IMAGE = f"serving_image=us-docker.pkg.dev/{PROJECT}/serving/vllm:1"
SUBMIT = (
    *("submit", SPEC, "--target", "vertex"),
    *("-p", "data=lamps.jsonl", "-p", REGISTRY, "-p", IMAGE),
)


def test_local_data_is_sent_and_the_run_is_started(service, data, command):
    finished = command(*SUBMIT, "--label", "team=lamps", "--name", "lamps")
    assert finished.code == 0, finished.stderr
    name, url = finished.stdout.splitlines()
    assert name.endswith(next(iter(service.pipeline_jobs)).split("/")[-1])
    assert f"runs/{name.split('/')[-1]}?project=" in url
    [job] = service.pipeline_jobs.values()
    uri = job["runtimeConfig"]["parameterValues"]["data"]
    assert storage.read(uri) == data.read_bytes()
    assert job["labels"] == {"team": "lamps"}
    assert "cost: machines are paid by the hour; their price is not known" in finished.stderr


def test_dry_run_prints_the_request_and_sends_nothing(service, data, command):
    finished = command(*SUBMIT, "--dry-run")
    assert finished.code == 0, finished.stderr
    request = aiplatform_v1.CreatePipelineJobRequest()
    json_format.ParseDict(
        json.loads(finished.stdout), aiplatform_v1.CreatePipelineJobRequest.pb(request)
    )
    assert request.parent == f"projects/{PROJECT}/locations/us-central1"
    uri = request.pipeline_job.runtime_config.parameter_values["data"]
    assert uri.startswith(f"{service.bucket}/tuneline/data/")
    assert f"to {uri}" in finished.stderr
    assert not service.calls
    assert storage.read(uri) is None


def test_dry_run_in_json_has_the_cost(service, data, command):
    printed = json.loads(command(*SUBMIT, "--dry-run", "--json").stdout)
    assert set(printed) == {"request", "uploads", "cost"}
    assert list(printed["uploads"]) == ["lamps.jsonl"]


def test_wait_ends_with_the_run(service, data, command):
    service.pipeline_states[1:2] = []
    finished = command(*SUBMIT, "--wait")
    assert finished.code == 0, finished.stderr
    assert finished.stdout.splitlines()[-1] == "succeeded"
    assert "tasks done" in finished.stderr


@pytest.mark.parametrize("transport", ["rest", "grpc"])
def test_failing_task_is_told_and_no_secret(service, command, transport, monkeypatch):
    if transport == "grpc":
        monkeypatch.setenv("TUNELINE_VERTEX_GRPC", service.grpc_address)
    service.pipeline_states[1:2] = []
    service.failing_task = ("tune-model", "CUDA out of memory")
    service.faults.append(Fault("CreatePipelineJob", "drop_after"))
    finished = command(*SUBMIT, "--wait", "--json")
    assert finished.code == 3
    assert "task 'tune': CUDA out of memory" in finished.stderr
    assert json.loads(finished.stdout)["name"] in finished.stderr
    assert len(service.pipeline_jobs) == 1
    key = json.loads(Path(os.environ["GOOGLE_APPLICATION_CREDENTIALS"]).read_text())
    secret = key["private_key"].splitlines()[1]
    for text in (finished.stdout, finished.stderr, json.dumps(service.pipeline_jobs)):
        assert secret not in text
        assert service.gemini.token not in text


@pytest.mark.slow
def test_ctrl_c_leaves_the_run_and_says_how_to_end_it(service, data, command):
    service.pipeline_states[1:1] = ["PIPELINE_STATE_RUNNING"] * 999
    running = subprocess.Popen(
        [sys.executable, "-m", "tuneline", *SUBMIT, "--wait"],
        cwd=data.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    end = time.monotonic() + 60
    while not service.count("GetPipelineJob") and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(0.5)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "The run goes on, and is paid for. Follow it: tuneline follow projects/" in said

    name = next(iter(service.pipeline_jobs))
    assert command("cancel", name).code == 0
    followed = command("follow", name)
    assert followed.code == 3
    assert "cancelled" in followed.stderr


def test_schedule_is_made_once(service, data, command):
    arguments = ("--schedule", "0 6 * * 1", "--max-runs", "3", "--name", "weekly")
    made = command(*SUBMIT, *arguments)
    assert made.code == 0, made.stderr
    assert "/pipelines/schedules/" in made.stdout
    again = command(*SUBMIT, *arguments)
    assert again.code == 2
    assert "there is an active schedule 'weekly' already" in again.stderr
    assert len(service.schedules) == 1
    assert not service.pipeline_jobs
