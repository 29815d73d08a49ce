"""An engine, a base and the images, built once for all tests of containers."""

import functools
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from containers.engine import client, output_of
from containers.images import ROOT
from tests.containers.docker_engine import NoEngineError, an_engine, debian_with_python

_BASE = "tuneline-test/base:bookworm"
_REGISTRY = "tuneline-test"


@pytest.fixture(scope="session")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Path of a Docker client whose engine answers; without one the test is skipped.

    With TUNELINE_REQUIRE_ENGINE=1 it fails instead.
    """
    try:
        with an_engine(tmp_path_factory.mktemp("engine")):
            yield client()
    except NoEngineError as error:
        if os.environ.get("TUNELINE_REQUIRE_ENGINE") == "1":
            pytest.fail(f"no Docker engine: {error}")
        pytest.skip(f"no Docker engine: {error}")


@pytest.fixture(scope="session")
def base_image(docker: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the images are built on: the Dockerfiles' own base, or Debian's Python."""
    default = (ROOT / "containers" / "components" / "Dockerfile").read_text().partition("=")[2]
    name = default.split()[0]
    if subprocess.run([docker, "pull", "--quiet", name], capture_output=True).returncode == 0:
        return name
    return debian_with_python(docker, _BASE, tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def built(
    docker: str, base_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """References of both images, as the build wrote them; they are removed at the end."""
    folder = tmp_path_factory.mktemp("build")
    references = folder / "references.json"
    command = [sys.executable, "-m", "containers.build", "--image-registry", _REGISTRY]
    command += ["--base-image", base_image, "--references", str(references), "--network", "host"]
    with _wheels() as (address, torch):
        command += ["--torch", torch, *_configured(folder, address)]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, "DOCKER": docker}, text=True)
    assert done.returncode == 0
    found: dict[str, str] = json.loads(references.read_text())
    yield found
    subprocess.run([docker, "image", "rm", "--force", *found.values()], capture_output=True)


@pytest.fixture(scope="session")
def components_image(built: dict[str, str]) -> str:
    return built["components"]


@pytest.fixture(scope="session")
def trainer_image(built: dict[str, str]) -> str:
    return built["trainer"]


@pytest.fixture
def in_image(docker: str):
    """Run a command in a new container of an image and give what it printed."""

    def run(image: str, *command: str, options: tuple[str, ...] = ()) -> str:
        return output_of(docker, "run", "--rm", *options, image, *command)

    return run


@contextmanager
def _wheels() -> Iterator[tuple[str, str]]:
    """Serve the folder where pip finds files beside its index, which the build cannot see.

    It gives the folder's address, and the build of PyTorch that can be had.
    """
    folder = Path(os.environ.get("PIP_FIND_LINKS", ""))
    if not folder.is_absolute() or not list(folder.glob("torch-*+cpu-*.whl")):
        yield "", "cuda"
        return
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/", "cpu"
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _configured(folder: Path, find_links: str) -> list[str]:
    """Options that let the build reach what pip reaches here."""
    lines = ["[global]"]
    options = []
    if find_links:
        lines.append(f"find-links = {find_links}")
    if index := os.environ.get("PIP_INDEX_URL"):
        lines.append(f"index-url = {index}")
    if certificates := os.environ.get("PIP_CERT"):
        lines.append("cert = /run/secrets/ca.pem")
        options = ["--certificates", certificates]
    (folder / "pip.conf").write_text("\n".join(lines) + "\n")
    return [*options, "--pip-conf", str(folder / "pip.conf")]
