"""A tuning task on several nodes: started once, followed, its result taken, its job deleted."""

import json
import logging
import os
import re
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml

from tests.kubeflow.train_job.finished import leave_result
from tests.kubeflow.train_job.stand_in import (
    COMPLETE,
    FAILED,
    JOBS,
    SUSPENDED,
    Fault,
    Stage,
    condition,
    ended,
    running,
    succeeded,
    unschedulable,
    waiting,
)
from tuneline.errors import ConfigurationError, DataError, MachineError, ServiceError
from tuneline.files import sha256_file, sha256_folder
from tuneline.kubeflow.train_job.request import request_of
from tuneline.kubeflow.train_job.tune import tune_on_nodes
from tuneline.training.result import read_result

BOTH_RUN = [running(), running()]


@pytest.fixture
def told(caplog):
    """Lines of this task's log."""
    caplog.set_level(logging.INFO, logger="tuneline")
    return lambda: [record.getMessage() for record in caplog.records]


def done(request):
    """Nodes that work and leave a result."""
    return [
        Stage(pods=[unschedulable("0/3 nodes are available: 3 Insufficient nvidia.com/gpu.")] * 2),
        Stage(pods=BOTH_RUN),
        Stage(COMPLETE, [succeeded()] * 2, lambda: leave_result(request.config.output)),
    ]


def test_result_is_taken_and_the_job_is_deleted(cluster, settings, config, told):
    given = settings()
    request = request_of(config, given, "f")
    cluster.script = done(request)
    result = tune_on_nodes(config, given, "f")
    assert result == read_result(config.output)
    assert sha256_folder(config.output / "merged") == result.model_digest
    assert not (config.output / "checkpoints").exists()
    assert [job["metadata"]["name"] for job in cluster.created] == [request.name]
    assert cluster.deleted == [request.name]
    assert cluster.jobs == {}
    # What the nodes were given is what was asked for, on the shared volume.
    node_config = yaml.safe_load(request.config_file.read_text())
    assert sha256_file(Path(node_config["train"])) == sha256_file(config.train)
    assert sha256_file(Path(node_config["validation"])) == sha256_file(config.validation)
    assert node_config["output"] == str(request.folder / "output")
    assert node_config["overrides"] == config.overrides.model_dump(exclude_unset=True)
    assert not (request.config.output / "checkpoints").exists()
    text = "\n".join(told())
    assert "created, 0 of 2 nodes started" in text
    assert "node 1 (" in text
    assert "Unschedulable: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu." in text
    assert f"TrainJob {request.name} was deleted" in text


def test_a_task_that_is_started_again_after_the_result_starts_no_job(
    cluster, settings, config, told
):
    given = settings()
    request = request_of(config, given, "")
    leave_result(request.config.output)
    tune_on_nodes(config, given)
    assert cluster.created == []
    (line,) = [line for line in told() if "no TrainJob is started" in line]
    assert line.endswith(f"To tune anew, remove {request.folder}.")
    assert read_result(config.output).method == "pet"


def test_nodes_are_shown_at_every_look_that_they_are_followed(cluster, settings, config):
    given = settings()
    request = request_of(config, given, "")
    seen = []

    def look():
        seen.append(request.followed_file.read_text())

    cluster.on_create = lambda job: look()
    stages = [Stage(pods=BOTH_RUN, action=look) for _ in range(4)]
    end = Stage(COMPLETE, [succeeded()] * 2, lambda: leave_result(request.config.output))
    cluster.script = [*stages, end]
    tune_on_nodes(config, given)
    assert len(seen) == 5
    assert len(set(seen)) == 5


def test_the_command_that_ends_the_job_is_told(cluster, settings, config, told):
    given = settings()
    request = request_of(config, given, "")
    cluster.script = done(request)
    tune_on_nodes(config, given)
    assert f"tune: to end it by hand: kubectl -n team delete trainjob {request.name}" in told()


def test_a_job_that_runs_is_found_and_followed(cluster, settings, config, told):
    given = settings(failing_s=0.2)
    request = request_of(config, given, "")
    # The first task loses the cluster while its job runs.
    cluster.script = [Stage(pods=BOTH_RUN)]
    cluster.on_create = lambda job: cluster.faults.append(Fault("GET", f"{JOBS}/tune", "close", 99))
    with pytest.raises(ServiceError, match="the same task finds it again"):
        tune_on_nodes(config, given)
    cluster.faults.clear()
    cluster.script = done(request)
    tune_on_nodes(config, given)
    assert len(cluster.created) == 1
    assert f"tune: TrainJob {request.name} is there: going on with it" in told()


def test_a_job_that_failed_is_told_with_what_its_nodes_said(cluster, settings, config):
    given = settings()
    name = request_of(config, given, "").name
    cluster.script = [
        Stage(pods=BOTH_RUN),
        Stage(pods=[running(), ended("OOMKilled", 137)]),
        # The node was started again meanwhile, and failed otherwise at last.
        Stage(FAILED, [ended("Error", 3), ended("OOMKilled", 137)]),
    ]
    cluster.events = [
        event(name, "Warning", "FailedMount", "MountVolume.SetUp failed", "02"),
        event(f"{name}-node-0", "Warning", "BackoffLimitExceeded", "too many", "03"),
        event(name, "Normal", "Created", "all well", "04"),
        event("another", "Warning", "Unhealthy", "not ours", "05"),
    ]
    with pytest.raises(ServiceError) as failed:
        tune_on_nodes(config, given)
    assert str(failed.value).splitlines() == [
        f"TrainJob {name} failed: FailedJobs: jobset failed due to one or more job failures",
        "  node 0: Error: exit code 3",
        "  node 1: OOMKilled: exit code 137",
        f"  {name}: FailedMount: MountVolume.SetUp failed",
        f"  {name}-node-0: BackoffLimitExceeded: too many",
    ]
    assert cluster.deleted == []  # so that it can be looked at
    assert not config.output.exists()


def test_a_trouble_that_passed_is_no_cause_of_a_later_failure(cluster, settings, config):
    cluster.script = [
        Stage(pods=[running(), ended("OOMKilled", 137)]),
        Stage(pods=BOTH_RUN, generation=1),
        Stage(FAILED, [ended("Error", 3), running()], generation=1),
    ]
    with pytest.raises(ServiceError) as failed:
        tune_on_nodes(config, settings())
    assert "node 0: Error: exit code 3" in str(failed.value)
    assert "node 1" not in str(failed.value)


def event(thing, kind, reason, message, second):
    return {
        "type": kind,
        "reason": reason,
        "message": message,
        "lastTimestamp": f"2026-01-01T00:00:{second}Z",
        "involvedObject": {"kind": "Job", "name": thing},
    }


def test_events_that_may_not_be_read_hide_no_failure(cluster, settings, config):
    cluster.script = [Stage(FAILED, [ended("Error", 1)])]
    cluster.faults = [Fault("GET", "/events", 403, message="events is forbidden")]
    with pytest.raises(ServiceError, match="events cannot be read: 403 events is forbidden") as got:
        tune_on_nodes(config, settings())
    assert "node 0: Error: exit code 1" in str(got.value)


def test_a_job_that_failed_before_goes_and_starts_again(cluster, settings, config, told):
    given = settings()
    request = request_of(config, given, "")
    cluster.script = [Stage(FAILED, [ended("Error", 1)] * 2)]
    with pytest.raises(ServiceError):
        tune_on_nodes(config, given)
    checkpoint = request.config.output / "checkpoints" / "checkpoint-3"
    checkpoint.mkdir(parents=True)
    looks = []

    def started(job):
        looks.append(cluster.asked("GET", f"{JOBS}/"))
        assert checkpoint.is_dir()  # what it goes on from
        cluster.script = done(request)

    cluster.on_create, cluster.lingering = started, 3
    before = cluster.asked("GET", f"{JOBS}/")
    tune_on_nodes(config, given)
    assert len(cluster.created) == 2
    assert looks[0] - before >= 5  # it waited until the one before was gone
    assert any("starting it again, from its newest checkpoint" in line for line in told())


def test_a_job_that_does_not_go_is_told(cluster, settings, config):
    given = settings(gone_s=0.1)
    cluster.script = [Stage(FAILED)]
    with pytest.raises(ServiceError):
        tune_on_nodes(config, given)
    cluster.lingering = 10_000
    with pytest.raises(ServiceError, match="deleted and is not gone after 0 s. Look at what holds"):
        tune_on_nodes(config, given)


def test_a_job_that_another_task_started_again_is_not_deleted(cluster, settings, config):
    given = settings()
    request = request_of(config, given, "")
    cluster.script = [Stage(FAILED)]
    with pytest.raises(ServiceError):
        tune_on_nodes(config, given)

    def replaced_elsewhere():  # after this task saw that it failed, before it asks for deletion
        job = cluster.jobs[request.name]
        job["metadata"]["uid"] = "another"
        cluster.shown[request.name] = -1
        cluster.script = done(request)

    cluster.shown[request.name] = -1
    cluster.script = [Stage(FAILED, action=replaced_elsewhere)]
    tune_on_nodes(config, given)
    assert len(cluster.created) == 1
    assert cluster.asked("DELETE", JOBS) == 2  # refused, and that of the job that is complete
    assert cluster.deleted == [request.name]


def test_nodes_that_were_taken_away_again_are_not_waited_for_without_end(cluster, settings, config):
    queued = condition("Suspended", "Suspended", "preempted in queue gpus")
    cluster.script = [Stage(pods=BOTH_RUN), Stage(queued)]
    given = settings(max_wait_hours=1 / 3600)
    with pytest.raises(ServiceError, match="suspended: preempted in queue gpus; not at work after"):
        tune_on_nodes(config, given)
    assert cluster.deleted == [request_of(config, given, "").name]


def test_suspension_is_told_and_waited_for(cluster, settings, config, told):
    given = settings()
    request = request_of(config, given, "")
    queued = condition("Suspended", "Suspended", "waits for quota in queue gpus")
    cluster.script = [Stage(SUSPENDED), Stage(queued), *done(request)]
    tune_on_nodes(config, given)
    text = "\n".join(told())
    assert "suspended: TrainJob is suspended, 0 of 2 nodes started" in text
    assert "suspended: waits for quota in queue gpus" in text


def test_an_image_that_cannot_be_pulled_ends_the_wait_and_the_job(cluster, settings, config):
    cause = 'Back-off pulling image "registry.example/tuneline/trainer:7"'
    cluster.script = [Stage(pods=[waiting("ImagePullBackOff", cause), running()])]
    given = settings(stuck_s=0.1)
    with pytest.raises(ServiceError) as failed:
        tune_on_nodes(config, given)
    name = request_of(config, given, "").name
    assert f"node 0: ImagePullBackOff: {cause}" in str(failed.value)
    assert f"TrainJob {name} was deleted." in str(failed.value)
    assert cluster.deleted == [name]


def test_containers_that_are_being_made_are_no_trouble(cluster, settings, config, told):
    cluster.script = [Stage(pods=[waiting("ContainerCreating", "")] * 2)]
    with pytest.raises(ServiceError, match="not at work after 1e-05 hours"):
        tune_on_nodes(config, settings(stuck_s=0.001, max_wait_hours=1e-5))
    assert not any("node 0 (" in line for line in told())


def test_machines_that_do_not_come_end_the_wait_and_the_job(cluster, settings, config):
    message = "0/9 nodes are available: 9 Insufficient nvidia.com/gpu."
    cluster.script = [Stage(pods=[running(), unschedulable(message)])]
    with pytest.raises(ServiceError, match=re.escape("(max_wait_hours)")) as failed:
        tune_on_nodes(config, settings(max_wait_hours=1e-5))
    assert f"node 1: Unschedulable: {message}" in str(failed.value)
    assert len(cluster.deleted) == 1


def test_a_job_that_somebody_deletes_is_told(cluster, settings, config):
    cluster.script = [
        Stage(pods=BOTH_RUN),
        Stage(pods=BOTH_RUN, action=lambda: cluster.jobs.clear()),
    ]
    with pytest.raises(ServiceError, match="was deleted while it was followed"):
        tune_on_nodes(config, settings())


def test_a_result_that_another_task_took_is_taken_too(cluster, settings, config):
    given = settings(result_s=20.0)
    output = request_of(config, given, "").config.output

    def taken_elsewhere():
        cluster.jobs.clear()
        # A network's file system shows what another machine wrote with a delay.
        threading.Timer(0.5, leave_result, (output,)).start()

    cluster.script = [Stage(pods=BOTH_RUN, action=taken_elsewhere)]
    assert tune_on_nodes(config, given).method == "pet"


def test_a_complete_job_without_a_result_names_the_volume(cluster, settings, config):
    cluster.script = [Stage(COMPLETE, [succeeded()] * 2)]
    with pytest.raises(ServiceError, match="holds no result.json. Is the claim of work_volume"):
        tune_on_nodes(config, settings())


def test_a_result_that_does_not_fit_on_the_disk_is_told_with_both_sizes(cluster, settings, config):
    given = settings()
    output = request_of(config, given, "").config.output
    leave_result(output)
    os.truncate(output / "merged" / "model.safetensors", 2**43)  # sparse: it takes no space
    with pytest.raises(MachineError, match=r"GB free, and the result in .* has 8796\.1 GB") as got:
        tune_on_nodes(config, given)
    assert "Give the task more ephemeral storage" in str(got.value)
    assert not config.output.exists()


def test_checkpoints_need_no_room_here(cluster, settings, config):
    given = settings()
    output = request_of(config, given, "").config.output
    leave_result(output)
    os.truncate(output / "checkpoints" / "checkpoint-4" / "weights.safetensors", 2**43)
    assert tune_on_nodes(config, given).method == "pet"


def test_a_copy_that_is_not_what_the_nodes_wrote_is_refused(cluster, settings, config):
    given = settings()
    output = request_of(config, given, "").config.output

    def damaged():
        leave_result(output)
        (output / "merged" / "config.json").write_text("{}")

    cluster.script = [Stage(COMPLETE, [succeeded()] * 2, damaged)]
    with pytest.raises(MachineError, match="the copy is not what the nodes wrote"):
        tune_on_nodes(config, given)
    assert not config.output.exists()
    assert list(config.output.parent.glob(".model.*")) == []


def test_a_result_of_another_release_is_refused(cluster, settings, config):
    given = settings()
    output = request_of(config, given, "").config.output
    leave_result(output)
    content = json.loads((output / "result.json").read_text())
    (output / "result.json").write_text(json.dumps({**content, "schema_version": 99}))
    with pytest.raises(DataError, match="not a result that this release reads"):
        tune_on_nodes(config, given)


def test_results_taken_long_ago_make_room(cluster, settings, config):
    given = settings()
    request = request_of(config, given, "")
    root = request.folder.parent
    for name, hours in (("a" * 32, 25), ("b" * 32, 1)):
        (root / name).mkdir(parents=True)
        (root / name / "taken").write_text("tune-x\n")
        when = time.time() - hours * 3600
        os.utime(root / name / "taken", (when, when))
    (root / "of-somebody-else").mkdir()
    leave_result(request.config.output)
    tune_on_nodes(config, given)
    left = {path.name for path in root.iterdir()}
    assert left == {"b" * 32, "of-somebody-else", request.folder.name}


def test_a_runtime_that_starts_no_torchrun_is_refused(cluster, settings, config):
    other = json.loads(json.dumps(cluster.runtimes["torch-distributed"]))
    other["metadata"] = {"name": "jax"}
    other["spec"]["mlPolicy"] = {"numNodes": 1, "jax": {}}
    cluster.runtimes["jax"] = other
    with pytest.raises(ConfigurationError, match=r"its policy is jax\). Name one with mlPolicy"):
        tune_on_nodes(config, settings({"training_runtime": "jax"}))
    with pytest.raises(ConfigurationError, match='"nowhere" not found'):
        tune_on_nodes(config, settings({"training_runtime": "nowhere"}))
    assert cluster.created == []


def test_a_runtime_of_the_namespace_comes_first(cluster, settings, config):
    own = json.loads(json.dumps(cluster.runtimes["torch-distributed"]))
    cluster.own_runtimes["torch-distributed"] = {**own, "kind": "TrainingRuntime"}
    given = settings()
    cluster.script = done(request_of(config, given, ""))
    tune_on_nodes(config, given)
    (job,) = cluster.created
    assert job["spec"]["runtimeRef"] == {"kind": "TrainingRuntime", "name": "torch-distributed"}


def test_without_the_sdk_its_extra_is_named(settings, config, monkeypatch):
    monkeypatch.setitem(sys.modules, "kubeflow.trainer", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'tuneline\[train-job\]'"):
        tune_on_nodes(config, settings())
