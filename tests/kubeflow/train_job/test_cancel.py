"""A task that is asked to stop deletes its job, whatever it was at."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.kubeflow.train_job.stand_in import JOBS, Fault, Stage, running, unschedulable
from tuneline.kubeflow.train_job.request import request_of

RUN = Stage(pods=[running(), running()])


@pytest.fixture
def start(config):
    """Starts a task of its own process; killed at the end where it still runs."""
    started = []

    def run(settings):
        given = [
            json.dumps(config.model_dump(mode="json", exclude_unset=True)),
            settings.model_dump_json(exclude_unset=True),
        ]
        task = subprocess.Popen(
            [sys.executable, "-m", "tests.kubeflow.train_job.task", *given],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        )
        started.append(task)
        return task

    yield run
    for task in started:
        task.kill()
        task.wait()


def wait_until(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def stopped(task, number):
    """Send the signal; what the task said until it ended, and how soon that was."""
    began = time.monotonic()
    task.send_signal(number)
    _, said = task.communicate(timeout=30)
    assert task.returncode == 128 + number
    assert time.monotonic() - began < 25  # Kubernetes kills after 30 s
    return said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_job_that_is_followed_is_deleted(cluster, settings, config, start, number):
    given = settings()
    request = request_of(config, given, "")
    pod = f"{request.name}-node-0-0-x0z9q"
    cluster.script = [RUN]
    cluster.logs[pod] = [("2026-01-01T00:00:00Z", "step 1")]
    cluster.open_logs = {pod}  # its stream is open when the signal comes
    task = start(given)
    wait_until(lambda: cluster.asked("GET", "/log") and cluster.asked("GET", f"{JOBS}/") > 3)
    said = stopped(task, number)
    cluster.open_logs.clear()
    assert cluster.jobs == {}
    assert cluster.deleted == [request.name]
    assert "[node 0] step 1" in said
    assert (
        f"Asked to stop: TrainJob {request.name} was deleted. The same task goes on from the "
        f"newest checkpoint in {request.config.output}."
    ) in said


def test_a_job_whose_answer_was_lost_is_deleted(cluster, settings, config, start):
    asked = threading.Event()
    cluster.on_create = lambda job: asked.set()
    cluster.faults = [Fault("POST", JOBS, "lost"), Fault("GET", f"{JOBS}/", 503, times=99)]
    cluster.faults[1].times = 0
    task = start(settings())
    asked.wait(30)
    cluster.faults[1].times = 99  # and nothing more is answered of it
    stopped(task, signal.SIGTERM)
    assert len(cluster.created) == 1
    assert cluster.jobs == {}


def test_deletion_is_tried_again(cluster, settings, start):
    cluster.script = [Stage(pods=[unschedulable("0/1 nodes are available.")] * 2)]
    cluster.faults = [Fault("DELETE", JOBS, 500, times=2)]
    task = start(settings())
    wait_until(lambda: cluster.asked("GET", "/pods") > 1)
    stopped(task, signal.SIGTERM)
    assert cluster.jobs == {}


def test_what_could_not_be_deleted_is_told_with_the_command(cluster, settings, config, start):
    given = settings()
    cluster.script = [RUN]
    cluster.faults = [Fault("DELETE", JOBS, 403, times=99, message="it is forbidden: cannot")]
    task = start(given)
    wait_until(lambda: cluster.asked("GET", "/pods") > 1)
    said = stopped(task, signal.SIGTERM)
    name = request_of(config, given, "").name
    assert f"Delete it: kubectl -n team delete trainjob {name}" in said
    assert "403 it is forbidden: cannot" in said


def test_a_killed_task_leaves_its_job_to_be_found(cluster, settings, start):
    cluster.script = [RUN]
    first = start(settings())
    wait_until(lambda: cluster.asked("GET", "/pods") > 1)
    first.kill()
    first.communicate()
    assert len(cluster.jobs) == 1
    second = start(settings())
    before = cluster.asked("GET", "/pods")
    wait_until(lambda: cluster.asked("GET", "/pods") > before + 1)
    assert "going on with it" in stopped(second, signal.SIGTERM)
    assert len(cluster.created) == 1
