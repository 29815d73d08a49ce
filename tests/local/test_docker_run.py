"""Runs by ``--runner docker`` as the command line and KFP make them, against a loopback engine."""

import fcntl
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from docker.types import DeviceRequest

from tests.cli.command_line import tuneline
from tests.local.engine_server import Behaviour, Engine, FakeContainer
from tuneline.components.images import COMPONENTS_IMAGE, TRAINER_IMAGE
from tuneline.errors import ConfigurationError, DataError, MachineError, TunelineError
from tuneline.local.docker.engine import connect
from tuneline.local.docker.environment import passed
from tuneline.local.docker.mounts import Place
from tuneline.local.docker.orphans import RUN_LABEL, remove_orphans
from tuneline.local.docker.plan import Plan, plan_run
from tuneline.local.docker.stopping import Stopping
from tuneline.local.docker.tasks import Containers
from tuneline.local.execution import Execution
from tuneline.local.run import run_pipeline
from tuneline.local.tasks import Subprocesses
from tuneline.pipelines import PIPELINES
from tuneline.pipelines.platform import Platform

RUN = ("run", "supervised_tuning", "--runner", "docker", "-p", "method=full")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with data, and a home that the run may use."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rows.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in passed(os.environ):
        monkeypatch.delenv(name)
    return tmp_path


def error_of(error: str) -> bytes:
    return f"Traceback (most recent call last):\ntuneline.errors.{error}\n".encode()


def run_here(here: Path, given: dict[str, object] | None = None, name: str = "run") -> None:
    pipeline = PIPELINES["supervised_tuning"](Platform())
    values = {"data": "data/rows.jsonl", "method": "full", **(given or {})}
    folder = here / name
    folder.mkdir()
    run_pipeline(pipeline, values, folder, Containers(plan_run(pipeline, values, "")))


def test_failure_is_reported_in_the_tasks_own_words_every_time(engine, here):
    engine.hold_images(COMPONENTS_IMAGE, TRAINER_IMAGE)
    for number in range(20):
        engine.behaviour = Behaviour(output=error_of(f"DataError: row {number}: is empty."), code=1)
        with pytest.raises(DataError, match=f"row {number}: is empty"):
            run_here(here, name=f"run{number}")
    assert len(engine.made) == 20
    assert not engine.containers


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ((404, "No such container"), "removed by somebody"),
        ((500, "out of order"), "out of order"),
    ],
)
def test_container_whose_end_is_not_known_has_failed(engine, here, fault, said):
    engine.hold_images(COMPONENTS_IMAGE, TRAINER_IMAGE)
    engine.faults["POST .*/wait"] = fault
    with pytest.raises(MachineError, match=said):
        run_here(here)
    assert not engine.containers


def test_kfps_own_function_is_back_after_a_run(engine, here):
    from kfp.local import docker_task_handler

    before = docker_task_handler.run_docker_container
    engine.hold_images(COMPONENTS_IMAGE, TRAINER_IMAGE)
    engine.behaviour = Behaviour(code=1)
    with pytest.raises(TunelineError):
        run_here(here)
    assert docker_task_handler.run_docker_container is before


def test_container_of_a_task(engine, here, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("UNLISTED", "unlisted")
    engine.hold_images(COMPONENTS_IMAGE, TRAINER_IMAGE)
    engine.behaviour = Behaviour(output=error_of("DataError: no."), code=1)
    with pytest.raises(DataError):
        run_here(here, {"registry": "models"})
    body = engine.made[0].body
    assert body["Image"] == f"sha256:{COMPONENTS_IMAGE}"
    assert body["User"] == f"{os.getuid()}:{os.getgid()}"
    assert body["WorkingDir"] == str(here)
    assert body["Labels"][RUN_LABEL] == str(here / "run")
    assert {"HOME=/tmp", "HF_TOKEN=hf_secret"} <= set(body["Env"])
    assert "unlisted" not in str(body)
    mounts = {each["Target"]: each["ReadOnly"] for each in body["HostConfig"]["Mounts"]}
    assert mounts.pop("/kfp-workspace") is False
    assert mounts == {
        str(here / "data"): True,
        str(here / "models"): False,
        str(here / "home" / ".cache" / "huggingface"): False,
        "/tmp/.cache/tuneline": False,
        str(here / "run" / "kfp"): False,
    }
    assert body["HostConfig"]["NetworkMode"] == "bridge"
    assert "Binds" not in body["HostConfig"]
    for file in here.rglob("*"):
        if file.is_file():
            assert "hf_secret" not in file.read_text(errors="replace")


def plan(trainer: frozenset[str]) -> Plan:
    devices = DeviceRequest(count=-1, capabilities=[["gpu"]])
    return Plan(
        images={"c:1": "sha256:c", "t:1": "sha256:t"},
        trainer=trainer,
        registry="",
        places=(Place.same(Path("/data")),),
        environment={"OMP_NUM_THREADS": "4", "HF_HOME": "/hf"},
        options={"network_mode": "lab"},
        trainer_options={"shm_size": "8g", "device_requests": [devices]},
    )


def test_devices_are_given_to_the_trainers_image_alone(engine):
    containers = Containers(plan(frozenset({"t:1"})))
    bodies = []
    for image in ("c:1", "t:1"):
        code = containers.run(connect(), image, ["sh"], {}, environment={"OMP_NUM_THREADS": "1"})
        assert code == 0
        bodies.append(engine.made[-1].body)
    of_components, of_trainer = (body["HostConfig"] for body in bodies)
    assert not of_components.get("DeviceRequests")
    assert of_trainer["DeviceRequests"][0]["Capabilities"] == [["gpu"]]
    assert of_trainer["ShmSize"] == 8 * 2**30
    assert "OMP_NUM_THREADS=1" in bodies[0]["Env"]  # the spec's own variables win


def test_arguments_mean_in_a_container_what_they_mean_here(engine, here):
    (here / "home").mkdir()
    (here / "home" / "rows.jsonl").touch()
    (here / "tuneline-registry").symlink_to(here / "elsewhere")
    engine.hold_images(COMPONENTS_IMAGE, TRAINER_IMAGE)
    pipeline = PIPELINES["supervised_tuning"](Platform())
    given = {"data": "~/rows.jsonl", "method": "full"}
    made = plan_run(pipeline, given, "")
    assert Containers(made).arguments(given, here) == {
        "data": str(here / "home" / "rows.jsonl"),
        "registry": str(here / "elsewhere"),  # the default's own place
        "method": "full",
    }
    assert Place.same(here / "elsewhere", writable=True) in made.places
    remote = {**given, "data": "data/rows.jsonl", "registry": "https://mlflow.example"}
    assert Containers(plan_run(pipeline, remote, "")).arguments(remote, here) == remote


def test_engine_on_another_machine_is_said(engine, here):
    engine.hold_images(COMPONENTS_IMAGE, TRAINER_IMAGE)
    engine.faults["POST /containers/create"] = (400, "bind source path does not exist: /data")
    with pytest.raises(MachineError, match="does not see this machine's files.*: /data"):
        run_here(here)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"registry": "sqlite:///models.db"}, "registry: sqlite:///models.db names files"),
        ({"registry": "/usr"}, "folder of the system"),
        ({"data": "/etc"}, "data: /etc: is a folder of the system"),
    ],
)
def test_places_that_no_container_can_have_are_refused(engine, here, given, said):
    engine.hold_images(COMPONENTS_IMAGE, TRAINER_IMAGE)
    with pytest.raises(ConfigurationError, match=said):
        run_here(here, given)
    assert not engine.made


def test_loopback_addresses_are_warned_of(engine, here, caplog):
    engine.hold_images(COMPONENTS_IMAGE, TRAINER_IMAGE)
    pipeline = PIPELINES["supervised_tuning"](Platform())
    values = {"data": "data/rows.jsonl", "registry": "http://u:p@localhost:5000"}
    plan_run(pipeline, values, "host")
    assert not caplog.records
    plan_run(pipeline, values, "")
    assert "registry names this machine by its loopback address" in caplog.text
    assert "u:p" not in caplog.text


OWNER = """
import fcntl, sys, time
log = open(sys.argv[1])
fcntl.flock(log, fcntl.LOCK_EX)
print("locked", flush=True)
time.sleep(60)
"""


def left(engine: Engine, folder: Path) -> str:
    name = f"tuneline-{folder.name}"
    engine.containers[name] = FakeContainer(
        name, {"Labels": {RUN_LABEL: str(folder)}, "Image": "a"}, Behaviour()
    )
    return name


def test_containers_of_killed_runs_alone_are_put_away(engine, tmp_path, caplog):
    killed, alive, absent = (tmp_path / name for name in ("killed", "alive", "absent"))
    for folder in (killed, alive):
        folder.mkdir()
        (folder / "log.txt").touch()
    names = [left(engine, folder) for folder in (killed, alive, absent)]
    engine.containers["other"] = FakeContainer("other", {"Image": "a"}, Behaviour())
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(alive / "log.txt")], stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout is not None
        owner.stdout.readline()
        with caplog.at_level(logging.WARNING, "tuneline"):
            remove_orphans(connect())
        owner.kill()
    assert set(engine.containers) == {*names[1:], "other"}
    assert str(killed) in caplog.text
    remove_orphans(connect())
    assert set(engine.containers) == {names[2], "other"}


def test_a_run_owns_its_containers_while_it_lasts(engine, tmp_path):
    (tmp_path / "log.txt").touch()
    containers = Containers(plan(frozenset()))
    with (tmp_path / "log.txt").open("w") as log, containers.engaged(tmp_path, log):
        assert is_locked(tmp_path / "log.txt")
    assert not is_locked(tmp_path / "log.txt")


def is_locked(path: Path) -> bool:
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def test_signal_is_passed_on_only_where_a_container_is_at_work():
    containers = Containers(plan(frozenset()))
    assert containers.pass_on(signal.SIGTERM) is False


def test_a_container_is_at_work_before_it_is_made():
    stopping = Stopping()
    with stopping.reaching("a"):
        assert stopping.at_work
    assert not stopping.at_work


STOPPED = error_of("StoppedError: Stopped at step 5 of 10. Run the same command again.")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)]
)
def test_signal_to_a_run_stops_its_container_and_ends_it(engine, here, number, code):
    engine.hold_images(COMPONENTS_IMAGE, TRAINER_IMAGE)
    engine.behaviour = Behaviour(ends_on=("SIGTERM", "SIGKILL"), last_words=STOPPED)
    with started(here) as run:
        wait_for_container(engine)
        run.send_signal(number)
        _, said = run.communicate(timeout=30)
    assert run.returncode == code, said
    assert "Stopped at step 5 of 10. Run the same command again." in said
    assert engine.made[0].signals == ["SIGTERM"]
    assert not engine.containers


def test_second_signal_kills_at_once(engine, here):
    engine.hold_images(COMPONENTS_IMAGE, TRAINER_IMAGE)
    engine.behaviour = Behaviour(ends_on=("SIGKILL",), output=b"writing the checkpoint\n")
    with started(here) as run:
        wait_for_container(engine)
        run.send_signal(signal.SIGINT)
        while not engine.made[0].signals:
            time.sleep(0.05)
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=30)
    assert run.returncode == 130, said
    assert "writing the checkpoint" in said
    assert engine.made[0].signals == ["SIGTERM", "SIGKILL"]
    assert not engine.containers


def started(here: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tuneline", *RUN, "-p", "data=data/rows.jsonl"]
    return subprocess.Popen(command, cwd=here, stderr=subprocess.PIPE, text=True)


def wait_for_container(engine: Engine) -> None:
    end = time.monotonic() + 60
    while not (engine.made and engine.made[0].running.is_set()):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_images_that_cannot_be_had_end_a_run_before_it_begins(engine, here):
    engine.faults["POST /images/create"] = (404, "no such repository")
    refused = tuneline(here, *RUN, "-p", "data=data/rows.jsonl")
    assert refused.returncode == 2
    for image in (COMPONENTS_IMAGE, TRAINER_IMAGE):
        assert image in refused.stderr
    assert not (here / "runs").exists()


def test_no_engine_ends_a_run_before_it_begins(here, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{here}/absent.sock")
    refused = tuneline(here, *RUN, "-p", "data=data/rows.jsonl")
    assert refused.returncode == 3
    assert "Install Docker" in refused.stderr
    assert not (here / "runs").exists()


def test_choices_that_are_none():
    with pytest.raises(ConfigurationError, match="--runner podman: must be subprocess or docker"):
        Execution("podman")
    with pytest.raises(ConfigurationError, match="--docker-network: is for --runner docker"):
        Execution("subprocess", "host")


def test_subprocesses_refuse_what_kfp_would_rewrite(tmp_path):
    with pytest.raises(ConfigurationError, match="python3"):
        Subprocesses().arguments({"data": "a/python3/b"}, tmp_path)
    assert Subprocesses().arguments({"data": "a"}, tmp_path) == {"data": "a"}
