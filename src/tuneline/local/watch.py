"""Reads what kfp's local runner prints while a pipeline runs.

kfp gives a run's progress and its tasks' errors as one stream of text and nothing else. All of it
goes to the log file; the lines that a person wants go to the terminal; the error that ended a task
is kept, so that the command line can say it in one message with its exit code.
"""

from __future__ import annotations

import io
import re
import time
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from tuneline import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tuneline.stop import StopRequest

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_STARTED = re.compile(r"Executing task '([^']+)'")
_ENDED = re.compile(r"Task '([^']+)' finished with status (\w+)")
_PROGRESS = re.compile(r"\[KFP Executor [^\]]*\]: ((?:data|tune|predict|evaluate): .*)")
_RAISED = re.compile(r"\s*tuneline\.errors\.(\w+): (.*)")
_LAST_LINES = 15


@dataclass(slots=True)
class TaskRecord:
    """One task of a run: its name, how it ended and how long it took."""

    name: str
    seconds: float = 0.0
    status: str = "RUNNING"
    lines: list[str] = field(default_factory=list)

    def error(self) -> errors.TunelineError:
        """The error that ended the task, as its class and message, read from its traceback."""
        for place in range(len(self.lines) - 1, -1, -1):
            raised = _RAISED.match(self.lines[place])
            if raised is None:
                continue
            error_type = getattr(errors, raised[1], errors.TunelineError)
            rest = [line.removeprefix("    ") for line in self.lines[place + 1 :]]
            return error_type("\n".join([raised[2], *rest]).rstrip())
        tail = "\n  ".join(line for line in self.lines[-_LAST_LINES:] if line.strip())
        return errors.MachineError(f"task {self.name!r} failed; the end of its log:\n  {tail}")


class Watch(io.TextIOBase):
    """A text stream that a pipeline run prints to.

    Args:
        log: Where everything goes.
        show: Called with each line that a person wants to see.
        titles: What a person calls a task, by kfp's name for it.
        stop: A wish to stop; no task is begun after it.
    """

    def __init__(
        self,
        log: IO[str],
        show: Callable[[str], None],
        titles: Mapping[str, str],
        stop: StopRequest,
    ) -> None:
        self._log = log
        self._show = show
        self._titles = titles
        self._stop = stop
        self._rest = ""
        self._started_s = 0.0
        self.tasks: list[TaskRecord] = []

    def write(self, text: str) -> int:
        """Take the next piece of text.

        Raises:
            KeyboardInterrupt: A task would begin, and a signal asked to stop.
        """
        self._log.write(_COLOUR.sub("", text))
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._read(_COLOUR.sub("", line))
        return len(text)

    def flush(self) -> None:
        """Bring the log file up to date."""
        self._log.flush()

    @property
    def failed(self) -> TaskRecord | None:
        """The first task that did not succeed."""
        return next((task for task in self.tasks if task.status != "SUCCESS"), None)

    def _read(self, line: str) -> None:
        if started := _STARTED.search(line):
            if self._stop:  # the task before ended well in spite of it
                raise KeyboardInterrupt
            self._started_s = time.monotonic()
            self.tasks.append(TaskRecord(self._titles.get(started[1], started[1])))
            self._show(f"{self.tasks[-1].name} ...")
        elif (ended := _ENDED.search(line)) and self.tasks:
            task = self.tasks[-1]
            task.seconds = round(time.monotonic() - self._started_s, 3)
            task.status = ended[2]
            if task.status == "SUCCESS":
                self._show(f"{task.name} done in {task.seconds:.1f} s")
        elif self.tasks and self.tasks[-1].status == "RUNNING":
            self.tasks[-1].lines.append(line)
            if progress := _PROGRESS.search(line):
                self._show(f"  {progress[1]}")
