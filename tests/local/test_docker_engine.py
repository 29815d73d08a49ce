"""The engine and the images are asked before a run, and every failure says what to do."""

import logging
import os
import subprocess
import sys

import pytest

from tuneline import __version__
from tuneline.errors import ConfigurationError, MachineError
from tuneline.local.docker.devices import gpus
from tuneline.local.docker.engine import connect, own_user, require_network, without_labels
from tuneline.local.docker.images import images_of, require_images
from tuneline.pipelines import PIPELINES
from tuneline.pipelines.platform import Platform

_AS_NOBODY = """
import os
import docker, requests.exceptions
from tuneline.errors import MachineError
from tuneline.local.docker.engine import connect
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    connect()
except MachineError as error:
    print(error)
"""


def test_no_engine(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/absent.sock")
    with pytest.raises(MachineError, match="does not answer.*Install Docker.*--runner subprocess"):
        connect()


def test_engine_that_refuses(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    with pytest.raises(MachineError, match="127.0.0.1:9 does not answer"):
        connect()


def test_user_who_may_not_use_the_engine(engine):
    socket = engine.address.removeprefix("unix://")
    os.chmod(socket, 0)  # noqa: PTH101
    os.chmod(os.path.dirname(socket), 0)  # noqa: PTH101, PTH120
    said = subprocess.run(
        [sys.executable, "-c", _AS_NOBODY], capture_output=True, text=True, check=True
    ).stdout
    os.chmod(os.path.dirname(socket), 0o700)  # noqa: PTH101, PTH120
    assert "may not use it" in said
    assert "usermod -aG docker" in said


def test_engine_that_fails(engine):
    engine.faults["GET /version"] = (500, "the engine is out of order")
    with pytest.raises(MachineError, match="out of order"):
        connect()


def test_client_that_is_not_installed():
    program = """
import sys
sys.modules["docker"] = None
from tuneline.errors import ConfigurationError
from tuneline.local.docker.engine import connect
try:
    connect()
except ConfigurationError as error:
    print(error)
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "pip install 'tuneline[docker]'" in ran.stdout


def test_network_that_is_not_there(engine):
    client = connect()
    require_network(client, "bridge")
    require_network(client, "host")
    with pytest.raises(ConfigurationError, match=r"--docker-network lab: .*bridge, host, none"):
        require_network(client, "lab")
    engine.networks.append("lab")
    require_network(client, "lab")


def test_images_are_found_by_their_exact_reference_and_not_pulled(engine):
    references = ("tuneline/a:1", "host.example:5000/b@sha256:" + "0" * 64, "c")
    engine.hold_images(*references)
    assert require_images(connect(), references) == {each: f"sha256:{each}" for each in references}
    assert not engine.pulled


def test_image_that_is_not_there_is_pulled(engine):
    assert require_images(connect(), ("tuneline/a:1",)) == {"tuneline/a:1": "sha256:tuneline/a:1"}
    assert engine.pulled == ["tuneline/a:1"]


@pytest.mark.parametrize("status", [401, 404, 500])
def test_every_image_that_cannot_be_had_is_named(engine, status):
    engine.faults["POST /images/create"] = (status, "no such repository")
    engine.hold_images("tuneline/old:1", version="0.0.9")
    with pytest.raises(ConfigurationError) as refused:
        require_images(connect(), ("tuneline/a:1", "tuneline/old:1", "tuneline/b:1"))
    first, second, third = refused.value.problems
    assert "tuneline/a:1" in first
    assert "no such repository" in first
    assert "make images" in first
    assert "tuneline/b:1" in third
    assert "0.0.9" in second
    assert __version__ in second
    assert "make images" in second


def test_image_of_somebodys_own_is_taken_with_a_word(engine, caplog):
    engine.hold_images("mine:1", version="")
    with caplog.at_level(logging.WARNING, "tuneline"):
        require_images(connect(), ("mine:1",))
    assert "mine:1" in caplog.text
    assert __version__ in caplog.text


def images(name: str, **given: str):
    return images_of(PIPELINES[name](Platform(**given)).pipeline_spec)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["supervised_tuning", "method_comparison", "learning_curve"])
def test_the_image_that_tunes_is_the_trainers(name):
    found = images(name, components_image="c:1", trainer_image="t:1")
    assert set(found.all) == {"c:1", "t:1"}
    assert found.trainer == {"t:1"}
    assert images(name, components_image="one:1", trainer_image="one:1").trainer == {"one:1"}


def test_pipelines_of_a_service_need_no_device_but_for_open_weights():
    given = {"components_image": "c:1", "trainer_image": "t:1"}
    assert images("gemini_tuning", **given).trainer == frozenset()
    assert images("managed_open_tuning", **given).trainer == {"t:1"}


def test_devices(tmp_path, caplog):
    assert gpus({"Runtimes": {"nvidia": {}}}, tmp_path) is None
    (tmp_path / "nvidiactl").touch()
    assert gpus({"Runtimes": {"nvidia": {}}}, tmp_path) is None
    (tmp_path / "nvidia0").touch()
    assert not caplog.records
    assert gpus({"Runtimes": {"runc": {}}}, tmp_path) is None
    assert "NVIDIA Container Toolkit" in caplog.text
    by_runtime = gpus({"Runtimes": {"nvidia": {}}}, tmp_path)
    assert by_runtime is not None
    assert (by_runtime["Count"], by_runtime["Capabilities"]) == (-1, [["gpu"]])
    listed = {"DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=all"}]}
    by_cdi = gpus(listed, tmp_path)
    assert by_cdi is not None
    assert (by_cdi["Driver"], by_cdi["DeviceIDs"]) == ("cdi", ["nvidia.com/gpu=all"])


def test_outputs_belong_to_this_user_under_every_kind_of_engine():
    number = f"{os.getuid()}:{os.getgid()}"
    assert own_user({"SecurityOptions": ["name=seccomp,profile=default"]})["user"] == number
    assert own_user({"SecurityOptions": None})["user"] == number
    assert own_user({"SecurityOptions": ["name=rootless"]}) == {"user": "0:0"}
    remapped = own_user({"SecurityOptions": ["name=userns"]})
    assert (remapped["user"], remapped["userns_mode"]) == (number, "host")
    assert without_labels({"SecurityOptions": ["name=selinux"]})
    assert not without_labels({"SecurityOptions": ["name=seccomp,profile=default"]})
