"""A Docker engine for the tests: the one that runs, or one of their own where they may start it."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from containers.engine import output_of

_STARTS_WITHIN_S = 60


class NoEngineError(Exception):
    """This machine has no engine, and none can be started."""


@contextmanager
def an_engine(folder: Path) -> Iterator[None]:
    """Have an engine that the environment leads to.

    Args:
        folder: Where an engine of the tests' own keeps everything.
    """
    if _answers():
        yield
        return
    _install("docker.io", program="dockerd")
    socket = f"unix://{folder / 'docker.sock'}"
    command = ["dockerd", "--host", socket, "--data-root", str(folder / "data")]
    command += ["--exec-root", str(folder / "exec"), "--pidfile", str(folder / "pid")]
    before = os.environ.get("DOCKER_HOST")
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(command, stdout=log, stderr=log)
    os.environ["DOCKER_HOST"] = socket
    try:
        _wait(daemon, folder / "log")
        yield
    finally:
        daemon.terminate()
        daemon.wait(timeout=60)
        if before is None:
            del os.environ["DOCKER_HOST"]
        else:
            os.environ["DOCKER_HOST"] = before


def debian_with_python(docker: str, tag: str, folder: Path) -> str:
    """Make a base image with Python 3.11 from Debian's packages, where none can be pulled."""
    if output_of(docker, "image", "ls", "--quiet", tag):
        return tag
    _install("debootstrap", program="debootstrap")
    root = folder / "debian"
    packages = "python3,python3-dev,python3-venv"
    subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={packages}", "bookworm", str(root)],
        check=True,
        capture_output=True,
    )
    for unneeded in ("usr/share/doc", "usr/share/locale", "usr/share/man", "var/cache/apt"):
        shutil.rmtree(root / unneeded)
    (root / "var/cache/apt/archives/partial").mkdir(parents=True)
    packed = subprocess.Popen(["tar", "--create", "-C", str(root), "."], stdout=subprocess.PIPE)
    subprocess.run([docker, "import", "-", tag], stdin=packed.stdout, check=True)
    if packed.wait():
        raise RuntimeError("tar failed")
    shutil.rmtree(root)
    return tag


def _answers() -> bool:
    if shutil.which("docker") is None:
        return False
    asked = subprocess.run(
        ["docker", "version", "--format", "{{.Server.Version}}"], capture_output=True, check=False
    )
    return asked.returncode == 0


def _install(package: str, program: str) -> None:
    if shutil.which(program):
        return
    if os.getuid() or not shutil.which("apt-get"):
        raise NoEngineError(f"there is no {program}, and this user may not install {package}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-qq", "--yes", package]):
        done = subprocess.run(["apt-get", *command], env=environment, capture_output=True)
        if done.returncode:
            raise NoEngineError(f"apt-get {command[0]}: {done.stderr.decode()[-500:]}")


def _wait(daemon: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + _STARTS_WITHIN_S
    while not _answers():
        if daemon.poll() is not None or time.monotonic() > until:
            raise NoEngineError(f"dockerd did not start: {log.read_text(errors='replace')[-800:]}")
        time.sleep(0.5)
