"""Runs of the data stage that end badly, for the tests; run as a program of its own.

``python -m tests.data.killed_run PLAN`` reads a JSON file, imports the stage once, and makes child
processes: for each step of the plan, one that ends at the first call of a function, one that ends
at the second, until one ends well because there is no such call any more. Each child prints one
line of JSON, except one that was killed: for that, this program prints the line.
"""

import errno
import json
import os
import resource
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from tuneline.data.prepare import PreparedPaths, prepare
from tuneline.data.settings import PrepareSettings

# Imported by the stage when it is first needed; imported here so that no child does it again.
import tuneline.data.report  # noqa: F401  isort: skip

MOST_CALLS = 60
"""More than a few outputs can need; a function that is called more often is the wrong one."""


def say(**answer: Any) -> None:
    # One write, so that lines of several processes never mix.
    os.write(1, json.dumps(answer).encode() + b"\n")


class Trap:
    """Stands for a function of ``os`` and springs at one of its calls.

    Args:
        name: The function's name.
        call: Number of the call, from 1.
        way: ``before`` or ``after``: the process is killed before or after the call does its work;
            ``full``: the call fails as on a full disk.
    """

    def __init__(self, name: str, call: int, way: str) -> None:
        self._function = getattr(os, name)
        self._left = call
        self._way = way
        setattr(os, name, self)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        self._left -= 1
        if self._left:
            return self._function(*arguments, **named)
        if self._way == "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self._way == "after":
            with suppress(OSError):
                self._function(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)
        return None


def limit_file_size(size: int) -> None:
    """Let every write beyond ``size`` bytes of a file fail, in compiled code too."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def run(settings: dict[str, Any], step: dict[str, Any], call: int, out: Path) -> NoReturn:
    """The child: prepare, and say how it ended."""
    if step["way"] == "limit":
        limit_file_size(step["size"])
    else:
        Trap(step["function"], call, step["way"])
    ended, message = "well", ""
    try:
        prepare(PrepareSettings(**settings), PreparedPaths.in_folder(out))
    except BaseException as error:  # noqa: BLE001  the test judges the type
        ended, message = type(error).__name__, str(error)
    say(out=str(out), ended=ended, message=message)
    os._exit(0 if ended == "well" else 1)


def try_call(plan: dict[str, Any], step: dict[str, Any], call: int) -> bool:
    """One child; whether it ended well, because there is no such call any more."""
    out = Path(f"{step['out']}-{call}")
    if plan["former"]:
        shutil.copytree(plan["former"], out)
    child = os.fork()
    if child == 0:
        run(plan["settings"], step, call, out)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        say(out=str(out), ended=signal.Signals(os.WTERMSIG(status)).name, message="")
    return status == 0


def main() -> None:
    plan = json.loads(Path(sys.argv[1]).read_text())
    for step in plan["steps"]:
        if step["way"] == "limit":
            try_call(plan, step, 1)
        elif not any(try_call(plan, step, call) for call in range(1, MOST_CALLS)):
            raise SystemExit(f"{step['function']} was called {MOST_CALLS} times and more")


if __name__ == "__main__":
    main()
