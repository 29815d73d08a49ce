"""Run untrusted Python."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from tuneline.evaluation.sandbox import isolation as machine
from tuneline.evaluation.sandbox.process import Outcome, run_process

if TYPE_CHECKING:
    from tuneline.evaluation.sandbox.limits import Limits


def run_python(
    source: str, limits: Limits, tests: str = "", interpreter: str | None = None
) -> Outcome:
    """Run a program, then its tests, in a process of their own with every guard that is there.

    The tests run in the program's names, with the built-in functions as they were. Then every
    function without arguments whose name starts with ``test``, and every ``unittest.TestCase``,
    that the tests define is run. A test fails by raising, and leaving the interpreter is a failure.
    The program sees the standard library alone, an empty environment, no input, and an
    empty folder of its own.

    Args:
        source: The program. Its ``__name__`` is ``answer``, so its own main block does not run.
        limits: What it may use.
        tests: Python that raises where the program is wrong.
        interpreter: The Python to run; by default the one that runs this.

    Raises:
        MachineError: The process could not be started or guarded.

    Example:
        >>> from tuneline.evaluation.sandbox.limits import Limits
        >>> run_python("def add(a, b): return a + b", Limits(), "assert add(1, 2) == 3").status
        'passed'
    """
    executable = _real(interpreter)
    return run_process(source, tests, limits, machine.guards(executable), executable)


def isolation(interpreter: str | None = None) -> str:
    """What confines a program on this machine, in sentences for logs and reports."""
    return machine.isolation(_real(interpreter))


def _real(interpreter: str | None) -> str:
    # The interpreter behind a virtual environment's link, so that the environment stays closed.
    return os.path.realpath(interpreter or sys.executable)
