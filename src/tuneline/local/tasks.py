"""How a run's tasks are executed: what a run asks of it, and the way without containers."""

from __future__ import annotations

import resource
import signal
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import psutil

from tuneline.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import IO


class Tasks(Protocol):
    """What executes the tasks of one run."""

    def arguments(self, given: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        """The run's arguments as its tasks understand them.

        Raises:
            ConfigurationError: They cannot be given to tasks that run so.
        """

    def engaged(self, folder: Path, log: IO[str]) -> AbstractContextManager[Any]:
        """Be ready to execute tasks for the length of the block, and yield KFP's runner."""

    def pass_on(self, number: int) -> bool:
        """Ask the task at work to stop, from a signal's handler; False where none is at work."""

    def facts(self) -> dict[str, Any]:
        """What the run's result says about how its tasks were executed."""


class Subprocesses:
    """Each task in a process of its own, in the environment that Tuneline runs in."""

    def arguments(self, given: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        """See `Tasks`; KFP replaces "python3" in every argument by the interpreter's path."""
        values = [str(folder.resolve()), *given.values()]
        if held := [value for value in values if "python3" in str(value)]:
            raise ConfigurationError(
                f"{held[0]!r}: kfp's local runner rewrites 'python3' wherever it stands. Use a "
                "folder and values without it."
            )
        return dict(given)

    @contextmanager
    def engaged(self, folder: Path, log: IO[str]) -> Iterator[Any]:
        """See `Tasks`."""
        del folder, log
        from kfp import local

        with warnings.catch_warnings():
            # The runner warns of images whose name lacks "python"; ours run this same code.
            warnings.filterwarnings("ignore", message=".*custom or non-Python base image")
            yield local.SubprocessRunner(use_venv=False)

    def pass_on(self, number: int) -> bool:
        """See `Tasks`."""
        tasks = psutil.Process().children()
        # A terminal sends Ctrl-C to all processes by itself, and twice would mean at once.
        if not (number == signal.SIGINT and sys.stdin.isatty()):
            for task in tasks:
                task.send_signal(signal.SIGTERM)
        return bool(tasks)

    def facts(self) -> dict[str, Any]:
        """See `Tasks`."""
        peak_bytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        return {"runner": "subprocess", "peak_memory_bytes": peak_bytes}
