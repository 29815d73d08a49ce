"""Containers of runs that were killed without a chance to put them away."""

from __future__ import annotations

import fcntl
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from tuneline.local.docker.engine import engine_errors
from tuneline.local.run import LOG_FILE

if TYPE_CHECKING:
    from typing import IO

    import docker

logger = logging.getLogger("tuneline")

RUN_LABEL = "tuneline.run"
"""A container's label that names its run's folder."""


def claim(log: IO[str]) -> None:
    """Lock a run's log for as long as this process lives: its containers have an owner."""
    fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)


def remove_orphans(client: docker.DockerClient) -> None:
    """Remove the containers of runs on this machine whose process is gone: they hold its devices.

    A run whose folder cannot be seen from here may be alive; its containers are left alone.

    Raises:
        MachineError: The engine failed.
    """
    from docker.errors import APIError, NotFound

    with engine_errors():
        for container in client.containers.list(
            all=True, filters={"label": RUN_LABEL}, ignore_removed=True
        ):
            folder = Path(container.labels[RUN_LABEL])
            if not _is_orphan(folder):
                continue
            try:
                container.remove(force=True, v=True)
            except (NotFound, APIError) as error:
                logger.warning("container %s could not be removed: %s", container.name, error)
            else:
                logger.warning(
                    "removed the container %s of a run that was killed: %s", container.name, folder
                )


def _is_orphan(folder: Path) -> bool:
    try:
        with (folder / LOG_FILE).open("rb") as log:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # locked by its run, or not to be seen from here
        return False
    return True
