"""The Docker client that builds: the one on PATH that has BuildKit."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

_BUILDKIT_INSIDE = 23
"""Before this version the client builds by BuildKit itself; since, by its plugin buildx."""


class EngineError(Exception):
    """Docker is missing, does not answer, or cannot do what is asked."""


def client() -> str:
    """The path of a Docker client that can build these images.

    Raises:
        EngineError: There is none, or no engine answers it.
    """
    if given := os.environ.get("DOCKER"):
        found = [given]
    else:
        folders = os.environ.get("PATH", "").split(os.pathsep)
        found = [str(Path(folder) / "docker") for folder in folders]
        found = [path for path in found if os.access(path, os.X_OK)]
    if not found:
        raise EngineError("there is no docker on PATH. Install Docker, or name it in DOCKER.")
    for path in found:
        if _has_buildkit(path):
            _require_engine(path)
            return path
    raise EngineError(
        f"{', '.join(found)}: without BuildKit, which the Dockerfiles need. Install docker-buildx."
    )


def output_of(*command: str) -> str:
    """Run a command and give what it printed.

    Raises:
        EngineError: It failed, with what it said.
    """
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise EngineError(
            f"{command[0]}: cannot be run ({error.strerror}). Name a Docker client in DOCKER."
        ) from error
    if found.returncode:
        said = found.stderr.strip() or f"exit code {found.returncode}"
        raise EngineError(f"{' '.join(command[:3])}: {said}")
    return found.stdout.strip()


def _has_buildkit(path: str) -> bool:
    version = re.search(r"version (\d+)\.", output_of(path, "--version"))
    if version is not None and int(version[1]) < _BUILDKIT_INSIDE:
        return True
    plugin = subprocess.run([path, "buildx", "version"], capture_output=True, check=False)
    return plugin.returncode == 0


def _require_engine(path: str) -> None:
    try:
        output_of(path, "version", "--format", "{{.Server.Version}}")
    except EngineError as error:
        raise EngineError(f"{error} Start Docker, or join the group docker.") from error
