"""Signals to a run reach its task, a real process, and end a run that has none."""

import signal
import subprocess
import sys

import pytest

_RUN = """
import signal, subprocess, sys
from tuneline.local.signals import passed_on
from tuneline.local.tasks import Subprocesses
from tuneline.stop import StopRequest

stop = StopRequest()
with passed_on(stop, Subprocesses()):
    print("ready", flush=True)
    try:
        if sys.argv[1:]:
            with subprocess.Popen([sys.executable, "-c", sys.argv[1]]) as task:
                task.wait()
            print("task", task.returncode)
        else:
            signal.pause()
    except KeyboardInterrupt:
        print("interrupted")
print("signal", stop.signal)
print(signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)
"""
_TASK = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
print("working", flush=True)
signal.pause()
"""


def signalled(number: int, *task: str) -> list[str]:
    """Run it, send a signal as soon as it is at work, and give what it printed then."""
    with subprocess.Popen(
        [sys.executable, "-c", _RUN, *task],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stdout is not None
        for _ in ("ready", *(("working",) if task else ())):
            run.stdout.readline()
        run.send_signal(number)
        return run.communicate(timeout=30)[0].splitlines()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_task_at_work_is_asked_to_stop(number):
    assert signalled(number, _TASK) == ["task 7", f"signal {number}", "True"]


def test_run_without_a_task_is_interrupted():
    assert signalled(signal.SIGTERM) == ["interrupted", "signal 15", "True"]
