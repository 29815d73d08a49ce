"""The folder of a request on the volume that its nodes share with this task."""

from __future__ import annotations

import logging
import shutil
import time
from typing import TYPE_CHECKING

import yaml

from tuneline.errors import MachineError, ServiceError
from tuneline.files import (
    new_file,
    new_folder,
    require_writable,
    sha256_file,
    sha256_folder,
    write_text,
)
from tuneline.training.lease import Renewal
from tuneline.training.result import RESULT_FILE, read_result

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tuneline.kubeflow.train_job.request import TrainJobRequest
    from tuneline.training.result import TuningResult

logger = logging.getLogger("tuneline")

_CHECKPOINTS = "checkpoints"
_TAKEN = "taken"
"""File that says that a result was copied out of its folder."""

_KEPT_S = 24 * 3600
"""How long a result that was taken stays, for a task that is started again all the same."""

_LOOK_S = 1.0


class WorkFolder:
    """Files of one request: the splits and the configuration go in, the result comes out.

    Args:
        request: What is asked for.
    """

    def __init__(self, request: TrainJobRequest) -> None:
        self._request = request
        self._output = request.config.output
        self._lease = Renewal(request.followed_file)

    def is_done(self) -> bool:
        """Whether the result is there; it is written last."""
        return (self._output / RESULT_FILE).is_file()

    def fill(self) -> None:
        """Copy the splits and write the configuration, each whole or not at all.

        Raises:
            MachineError: The volume cannot be written, or a copy is not what was copied.
        """
        request = self._request
        require_writable(request.folder)
        _copy(request.train, request.config.train)
        _copy(request.validation, request.config.validation)
        given = request.config.model_dump(mode="json", exclude_unset=True)
        write_text(request.config_file, yaml.safe_dump(given, sort_keys=True))

    def renew(self) -> None:
        """Tell the nodes, which see the same folder, that somebody still follows them."""
        self._lease.renew()

    def await_result(self, longest_s: float, pause: Callable[[float], None]) -> None:
        """Wait until the result is seen here; a network's file system shows it with a delay.

        Args:
            longest_s: How long that may take.
            pause: Waits, and raises `StoppedError` where a signal asks to stop.

        Raises:
            ServiceError: It is not seen.
        """
        if not self.appears(longest_s, pause):
            raise ServiceError(
                f"TrainJob {self._request.name} is complete, but {self._output} holds no "
                f"{RESULT_FILE}. Is the claim of work_volume mounted at its mount_path in this "
                "task, and ReadWriteMany?"
            )

    def appears(self, longest_s: float, pause: Callable[[float], None]) -> bool:
        """Whether the result is seen here in time; arguments as of `await_result`."""
        end = time.monotonic() + longest_s
        while not self.is_done():
            if time.monotonic() > end:
                return False
            pause(_LOOK_S)
        return True

    def take(self, output: Path) -> TuningResult:
        """Copy the result, without its checkpoints: whole or not at all.

        Args:
            output: Folder of the model here.

        Raises:
            DataError: The result cannot be read.
            MachineError: There is no space, or the copy is not what the nodes wrote.
        """
        result = read_result(self._output)
        with new_folder(output) as temporary:
            self._require_room(temporary)
            leave_out = shutil.ignore_patterns(_CHECKPOINTS, ".*")
            shutil.copytree(self._output, temporary, ignore=leave_out, dirs_exist_ok=True)
            if sha256_folder(temporary / result.model_folder) != result.model_digest:
                raise MachineError(
                    f"{self._output / result.model_folder}: the copy is not what the nodes wrote "
                    "(its SHA-256 differs). Run again; if that does not help, remove "
                    f"{self._request.folder}."
                )
        return result

    def _require_room(self, target: Path) -> None:
        files = (path for path in self._output.rglob("*") if path.is_file())
        taken = (path for path in files if not _is_left_out(path.relative_to(self._output)))
        size, free = sum(path.stat().st_size for path in taken), shutil.disk_usage(target).free
        if size > free:
            raise MachineError(
                f"{target.parent}: has {free / 1e9:.1f} GB free, and the result in {self._output} "
                f"has {size / 1e9:.1f} GB. Give the task more ephemeral storage, or a machine with "
                "a larger disk, and run again: the result stays on the volume, and no TrainJob is "
                "started."
            )

    def tidy(self) -> None:
        """Mark the result as taken, and remove what nobody needs: its checkpoints, old results.

        What cannot be removed is told; the result was taken all the same.
        """
        try:
            write_text(self._request.folder / _TAKEN, f"{self._request.name}\n")
            if (self._output / _CHECKPOINTS).exists():
                shutil.rmtree(self._output / _CHECKPOINTS)
            oldest = (self._request.folder / _TAKEN).stat().st_mtime - _KEPT_S
            for mark in self._request.folder.parent.glob(f"*/{_TAKEN}"):
                if mark.stat().st_mtime < oldest:
                    logger.info("tune: removing %s, taken over a day ago", mark.parent)
                    shutil.rmtree(mark.parent)
        except OSError as error:
            logger.warning("tune: tidying %s: %s", self._request.folder.parent, error)


def _is_left_out(path: Path) -> bool:
    """Whether a file of the result stays on the volume."""
    return any(part == _CHECKPOINTS or part.startswith(".") for part in path.parts)


def _copy(source: Path, target: Path) -> None:
    """Copy a split; the folder's name says what it holds, so one that is there is the same."""
    if target.is_file():
        return
    with new_file(target) as temporary:
        shutil.copyfile(source, temporary)
        if sha256_file(temporary) != sha256_file(source):
            raise MachineError(f"{target}: the copy of {source} is not what was copied. Run again.")
