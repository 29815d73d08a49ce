"""``tuneline submit``, ``follow`` and ``cancel`` for Kubeflow Pipelines, against a stand-in."""

import hashlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import s3fs
import yaml

from tests.cli.in_process import Command, in_folder, write_data
from tests.kubeflow.runs.conftest import REGISTRY, SPEC
from tests.kubeflow.stand_in import Kfp
from tests.stores import s3_store
from tuneline.data.media import stores

SUBMIT = ("submit", str(SPEC), "--target", "kubeflow", "-p", f"registry={REGISTRY}")
DATA = ("-p", "data=lamps.jsonl")
REMOTE = ("-p", "data=s3://sources/lamps.jsonl")
PLATFORM = {
    "accelerator": "nvidia.com/gpu",
    "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
    "secret_env": [{"secret": "hub", "key": "token", "env": "HF_TOKEN"}],
}


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """A bucket, which the real client speaks to."""
    with s3_store() as (uri, _):
        stores._store.cache_clear()
        yield uri
    stores._store.cache_clear()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data(tmp_path)


@pytest.fixture
def command(
    kfp: Kfp, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    return in_folder(data.parent, monkeypatch, capsys)


def test_local_data_is_sent_and_the_run_is_started(kfp, data, command, bucket):
    finished = command(*SUBMIT, *DATA, "--staging", f"{bucket}/tuneline", "--name", "lamps")
    assert finished.code == 0, finished.stderr
    [run] = kfp.runs.values()
    assert finished.stdout == f"{kfp.address}/#/runs/details/{run['run_id']}\n"
    digest = hashlib.sha256(data.read_bytes()).hexdigest()
    uri = f"{bucket}/tuneline/data/{digest}/lamps.jsonl"
    assert run["runtime_config"]["parameters"] == {"data": uri, "registry": REGISTRY}
    assert s3fs.S3FileSystem(skip_instance_cache=True).cat_file(uri) == data.read_bytes()
    assert run["display_name"] == "lamps"
    assert "no registry that a cluster pulls from" in finished.stderr


def test_platform_file_is_compiled_in_and_options_win(kfp, command, tmp_path):
    (tmp_path / "cluster.yaml").write_text(yaml.safe_dump({**PLATFORM, "accelerators": 8}))
    finished = command(
        *("submit", "supervised_tuning", "--target", "kubeflow", "-p", f"registry={REGISTRY}"),
        *(*REMOTE, "--platform-file", "cluster.yaml", "--accelerators", "1"),
    )
    assert finished.code == 0, finished.stderr
    [run] = kfp.runs.values()
    documents = run["pipeline_spec"]
    executors = documents["pipeline_spec"]["deploymentSpec"]["executors"]
    asked = executors["exec-tune-model"]["container"]["resources"]["accelerator"]
    assert (asked["resourceCount"], asked["resourceType"]) == ("1", "nvidia.com/gpu")
    kubernetes = documents["platform_spec"]["platforms"]["kubernetes"]["deploymentSpec"]
    assert "tolerations" in kubernetes["executors"]["exec-tune-model"]
    assert "secretAsEnv" in kubernetes["executors"]["exec-evaluate"]


def test_dry_run_prints_the_request_and_sends_nothing(kfp, command, placed_spec):
    arguments = ("submit", str(placed_spec), "--target", "kubeflow", "-p", f"registry={REGISTRY}")
    finished = command(*arguments, *REMOTE, "--dry-run")
    assert finished.code == 0, finished.stderr
    request = json.loads(finished.stdout)
    assert set(request["pipeline_spec"]) == {"pipeline_spec", "platform_spec"}
    assert request["runtime_config"]["parameters"]["registry"] == REGISTRY
    assert "the nodes must have them already" in finished.stderr
    assert not kfp.calls


def test_dry_run_in_json_has_the_uploads_and_the_cost(kfp, command):
    finished = command(*SUBMIT, *DATA, "--staging", "s3://sources", "--dry-run", "--json")
    printed = json.loads(finished.stdout)
    assert set(printed) == {"request", "uploads", "cost"}
    assert list(printed["uploads"]) == ["lamps.jsonl"]


def test_wait_ends_with_the_run(kfp, command):
    kfp.run_states = ["SUCCEEDED"]
    finished = command(*SUBMIT, *REMOTE, "--wait")
    assert finished.code == 0, finished.stderr
    assert finished.stdout.splitlines()[-1] == "succeeded"
    assert "7 of 7 tasks done" in finished.stderr


def test_failing_task_is_told_and_no_secret(kfp, command):
    kfp.run_states, kfp.failing_task = ["FAILED"], ("tune-model", "CUDA out of memory")
    finished = command(*SUBMIT, *REMOTE, "--wait", "--json")
    assert finished.code == 3
    assert "task 'tune': CUDA out of memory" in finished.stderr
    assert json.loads(finished.stdout)["url"] in finished.stderr
    for text in (finished.stdout, finished.stderr, json.dumps(kfp.runs)):
        assert kfp.token not in text


def test_schedule_is_made_once(kfp, command):
    arguments = ("--schedule", "0 6 * * 7", "--max-concurrent", "2", "--name", "weekly")
    made = command(*SUBMIT, *REMOTE, *arguments)
    assert made.code == 0, made.stderr
    assert "/#/recurringrun/details/" in made.stdout
    assert "'0 0 6 * * 0', seconds first" in made.stderr
    again = command(*SUBMIT, *REMOTE, *arguments)
    assert again.code == 2
    assert "there is an active schedule 'weekly' already" in again.stderr
    assert len(kfp.schedules) == 1


def test_follow_and_cancel_take_the_printed_address(kfp, command):
    kfp.run_states = ["RUNNING"]
    url = command(*SUBMIT, *REMOTE).stdout.strip()
    assert command("cancel", url).stdout == "cancelling; its tasks end within minutes\n"
    kfp.steps[next(iter(kfp.runs))] = ["CANCELED"]
    followed = command("follow", url, "--deadline-hours", "1")
    assert followed.code == 3
    assert "supervised-tuning: canceled" in followed.stderr


def test_what_a_pod_cannot_reach_is_refused_at_once(kfp, command, tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    finished = command(
        *("submit", str(SPEC), "--target", "kubeflow", *DATA),
        *("-p", f"base_model={model}", "-p", "registry=tuneline-registry"),
    )
    assert finished.code == 2
    assert "registry: 'tuneline-registry' is a folder, which is lost with its" in finished.stderr
    assert f"base_model: {str(model)!r} is a folder of this machine" in finished.stderr
    finished = command(*SUBMIT, *DATA)
    assert "staging: is required: lamps.jsonl is on this machine" in finished.stderr
    assert not kfp.calls


def test_options_of_the_other_target_are_refused_together(kfp, command, monkeypatch):
    given = ("--project", "p", "--label", "a=b", "--fail-fast", "--max-runs", "3", "--spot")
    finished = command(*SUBMIT, *REMOTE, *given)
    assert finished.code == 2
    for name in ("project", "label", "fail-fast", "max-runs", "spot"):
        assert f"--{name}: is for target vertex, not for kubeflow." in finished.stderr
    # What the environment has for other commands is no option of this one.
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p")
    assert command(*SUBMIT, *REMOTE).code == 0
    other = command(
        *("submit", str(SPEC), "--target", "vertex", *REMOTE),
        *("--experiment", "x", "--namespace", "n"),
    )
    assert "--namespace: is for target kubeflow, not for vertex." in other.stderr
    assert "--experiment: is for target kubeflow, not for vertex." in other.stderr


def test_problems_of_run_and_platform_file_come_together(kfp, command, tmp_path):
    (tmp_path / "cluster.yaml").write_text("shared_memory: 8 GB\ntrainer_cpu: 8\n")
    finished = command(
        *SUBMIT, *REMOTE, "--platform-file", "cluster.yaml", "--host", "x", "--schedule", "daily"
    )
    assert finished.code == 2
    for said in (
        "host: must be like",
        "schedule: must be five",
        "cluster.yaml: shared_memory: must",
    ):
        assert said in finished.stderr


@pytest.mark.parametrize("arguments", [("--target", "kubeflw"), ("--target", "local")])
def test_unknown_target_is_refused(kfp, command, arguments):
    finished = command("submit", str(SPEC), *arguments)
    assert finished.code == 2
    assert "must be vertex or kubeflow" in finished.stderr


def test_missing_client_is_named(kfp, command, monkeypatch):
    monkeypatch.setitem(sys.modules, "kfp_server_api", None)
    finished = command(*SUBMIT, *REMOTE)
    assert finished.code == 2
    assert "pip install 'tuneline[kubeflow]'" in finished.stderr


def test_compile_says_what_a_pod_loses(command, tmp_path):
    (tmp_path / "cluster.yaml").write_text(yaml.safe_dump(PLATFORM))
    arguments = ("compile", "supervised_tuning", "--target", "kubeflow")
    finished = command(*arguments, "--platform-file", "cluster.yaml", "-o", "out.yaml")
    assert finished.code == 0, finished.stderr
    assert finished.stdout == "out.yaml\n"
    assert "a pod loses its folders" in finished.stderr
    assert len(list(yaml.safe_load_all((tmp_path / "out.yaml").read_text()))) == 2
    refused = command(*arguments[:-1], "vertex", "--platform-file", "cluster.yaml")
    assert "--platform-file: is for target kubeflow, not for vertex." in refused.stderr


@pytest.mark.slow
def test_ctrl_c_leaves_the_run_and_says_how_to_end_it(kfp, data, command):
    kfp.run_states = ["RUNNING"]
    running = subprocess.Popen(
        [sys.executable, "-m", "tuneline", *SUBMIT, *REMOTE, "--wait"],
        cwd=data.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    end = time.monotonic() + 60
    while not kfp.count("GetRun") and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(0.5)
    running.send_signal(signal.SIGINT)
    stdout, said = running.communicate(timeout=30)
    assert running.returncode == 130
    assert f"The run goes on. Follow it: tuneline follow '{stdout.strip()}'" in said
    assert command("cancel", stdout.strip()).code == 0
