"""A run that nobody follows any more ends, with a checkpoint; one that is followed goes on."""

import json
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.lamps import run_config
from tests.training.interrupted import checkpoint_names
from tuneline.kubeflow.train_job.settings import Patience
from tuneline.training.lease import FOLLOWED, LONGEST_S, Renewal, while_followed

RUN = """
import json, logging, os, signal, sys
from tuneline.stop import stop_on_signals
from tuneline.training.lease import while_followed

logging.basicConfig(format="%(message)s")
if sys.argv[2] == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
with while_followed(os.environ, **json.loads(sys.argv[1])):
    if sys.argv[2] == "deaf":
        print("works", flush=True)
        signal.pause()
    with stop_on_signals() as stop:
        print("works", flush=True)
        stop.sleep(120)
        print("writes a checkpoint", flush=True)
        sys.exit(128 + stop.signal)
"""
TUNE = """
import functools, json, logging, sys
from tuneline.errors import StoppedError
from tuneline.training.distributed import launch
from tuneline.training.settings import TrainConfig

logging.basicConfig(format="%(message)s", level=logging.INFO)
launch.while_followed = functools.partial(launch.while_followed, longest_s=2.0, look_s=0.1)
try:
    launch.tune(TrainConfig.model_validate(json.loads(sys.argv[1])))
except StoppedError as error:
    print(error)
    sys.exit(error.exit_code)
"""


@pytest.fixture
def start(tmp_path):
    """Starts a run of its own process; killed at the end where it still goes on."""
    started = []

    def run(path=None, kind="hearing", **times):
        given = {"longest_s": 60.0, "look_s": 0.05, **times}
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, json.dumps(given), kind],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, FOLLOWED: str(path or tmp_path / "run.followed")},
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "works\n"
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def ended(process):
    """What the run said until its end by SIGTERM."""
    out, said = process.communicate(timeout=30)
    assert process.returncode == 143
    return out, said


def test_a_run_that_nobody_follows_stops_and_says_why(start, tmp_path):
    lease = tmp_path / "run.followed"
    Renewal(lease).renew()
    out, said = ended(start(longest_s=0.5))
    assert out == "writes a checkpoint\n"
    assert f"nobody follows this run: {lease} has not changed for" in said
    assert "goes on from its newest checkpoint" in said
    assert (tmp_path / "run.followed.left").read_text() == lease.read_text()


def test_a_file_that_is_not_there_is_no_renewal(start):
    out, said = ended(start(longest_s=0.5))
    assert out == "writes a checkpoint\n"
    assert "nobody follows" in said


def test_a_run_that_is_followed_goes_on_until_it_is_not(start, tmp_path):
    lease = Renewal(tmp_path / "run.followed")
    lease.renew()
    process = start(longest_s=2.0)
    end = time.monotonic() + 6
    while time.monotonic() < end:
        lease.renew()
        time.sleep(0.1)
        assert process.poll() is None
    ended(process)


def test_a_file_that_goes_after_a_renewal_is_no_renewal(start, tmp_path):
    lease = tmp_path / "run.followed"
    Renewal(lease).renew()
    process = start(longest_s=0.5)
    lease.unlink()
    ended(process)


def test_a_run_that_was_left_and_is_started_again_soon_stops(start, tmp_path):
    Renewal(tmp_path / "run.followed").renew()
    ended(start(longest_s=0.5))
    # A cluster starts failed programs again, several times.
    ended(start(longest_s=600.0, return_s=0.5))


def test_a_run_that_was_left_and_is_followed_again_goes_on(start, tmp_path):
    Renewal(tmp_path / "run.followed").renew()
    ended(start(longest_s=0.5))
    again = Renewal(tmp_path / "run.followed")
    process = start(longest_s=600.0, return_s=3.0)
    again.renew()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(5)
    third = start(longest_s=600.0, return_s=0.2)
    with pytest.raises(subprocess.TimeoutExpired):
        third.wait(1)


def test_a_run_that_does_not_listen_is_ended(start):
    process = start(kind="deaf", longest_s=0.2, grace_s=0.5)
    _, said = ended(process)
    assert "not stopped 0 s after SIGTERM: ending at once" in said


@pytest.mark.parametrize(
    "environment", [{}, {FOLLOWED: ""}, {FOLLOWED: "/nowhere/run.followed", "LOCAL_RANK": "1"}]
)
def test_nobody_looks_where_nobody_is_to(environment):
    with while_followed(environment, longest_s=0.0):
        assert lookers() == []


@pytest.mark.parametrize("rank", [{}, {"LOCAL_RANK": "0"}])
def test_looking_ends_with_the_run(tmp_path, rank):
    with while_followed({FOLLOWED: str(tmp_path / "run.followed"), **rank}):
        (looker,) = lookers()
        assert looker.daemon
    looker.join(10)
    assert not looker.is_alive()


def lookers():
    return [thread for thread in threading.enumerate() if thread.name == "lease"]


def test_each_renewal_is_another_one_whoever_renews(tmp_path):
    path = tmp_path / "run.followed"
    seen = set()
    for lease in (Renewal(path), Renewal(path)):
        for _ in range(3):
            lease.renew()
            seen.add(path.read_text())
    assert len(seen) == 6


def test_a_renewal_that_fails_is_told_once_and_again_after_it_worked(tmp_path, caplog):
    caplog.set_level(logging.WARNING, logger="tuneline")
    folder = tmp_path / "volume"
    folder.write_text("no folder")
    lease = Renewal(folder / "run.followed")
    lease.renew()
    lease.renew()
    assert len(caplog.messages) == 1
    assert "run.followed: cannot be written" in caplog.messages[0]
    assert "Nodes that see no renewal for long stop" in caplog.messages[0]
    folder.unlink()
    lease.renew()
    assert (folder / "run.followed").read_text().startswith("3 ")


def test_a_cluster_that_fails_for_long_costs_no_lease():
    patience = Patience()
    # Between two looks: three calls that are ridden out, waits, and a task that is started anew.
    between = 3 * (patience.failing_s + patience.longest_wait_s) + patience.gone_s + 600
    assert between < LONGEST_S


@pytest.mark.slow
def test_processes_that_torchrun_starts_stop_with_a_checkpoint(lamp_splits, qwen3, tmp_path):
    overrides = {"epochs": 1000, "save_steps": 3, "early_stopping_patience": 0}
    config = run_config(lamp_splits, tmp_path / "m", qwen3, method="full", overrides=overrides)
    lease = Renewal(tmp_path / "run.followed")
    lease.renew()
    given = json.dumps(config.model_dump(mode="json", exclude_unset=True))
    process = subprocess.Popen(
        [sys.executable, "-c", TUNE, given],
        stdout=subprocess.PIPE,
        stderr=(tmp_path / "said").open("w"),
        text=True,
        env={
            **os.environ,
            FOLLOWED: str(tmp_path / "run.followed"),
            "PET_NNODES": "1",
            "PET_NPROC_PER_NODE": "2",
            "PYTHONPATH": str(Path.cwd()),
        },
    )
    end = time.monotonic() + 90
    while not (config.output / "checkpoints").is_dir() or not checkpoint_names(config.output):
        assert process.poll() is None, (tmp_path / "said").read_text()
        assert time.monotonic() < end
        lease.renew()
        time.sleep(0.1)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "with a checkpoint" in out
    assert "nobody follows this run" in (tmp_path / "said").read_text()
