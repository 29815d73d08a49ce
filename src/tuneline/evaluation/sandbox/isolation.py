"""Which guards this machine gives, tried once."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from functools import lru_cache

from tuneline.errors import MachineError
from tuneline.evaluation.sandbox.limits import Limits
from tuneline.evaluation.sandbox.process import GuardError, Guards, run_process

NOBODY = 65534
"""The user that programs become where this process is root's."""

_READS_LATE = "import decimal, random"  # modules that are read after the guards are up


def guards(interpreter: str) -> Guards:
    """The guards that work here with this interpreter; tried on the first call, in a second."""
    return _guards(interpreter, tempfile.gettempdir())


@lru_cache
def _guards(interpreter: str, temporary: str) -> Guards:
    """Tried again for another temporary folder, which may be one that only root can enter."""
    del temporary
    found = Guards()
    if os.geteuid() == 0:
        for reading in (False, True):
            drop = Guards(user=NOBODY, reading=reading)
            if _works(drop, interpreter):
                found = drop
                break
    if _works(replace(found, files=True), interpreter):
        found = replace(found, files=True)
    if _works(Guards(calls=True), interpreter):
        return replace(found, calls=True)
    return replace(found, network=_works(Guards(network=True), interpreter))


def isolation(interpreter: str) -> str:
    """Which guards are in force, and which this machine does not give, in sentences."""
    given = guards(interpreter)
    user = given.user if given.user is not None else os.geteuid()
    have = ["limits on time, memory, files and output", f"user {user}"]
    lack: list[str] = []
    (have if given.files else lack).append("files outside its own folder closed (Landlock)")
    if given.calls:
        have.append("no sockets, processes, threads or signals to others (seccomp)")
    elif given.network:
        have.append("no network (namespace)")
        lack.append("signals to other processes closed (seccomp)")
    else:
        lack.append("network and other processes closed (seccomp or namespaces)")
    text = f"Programs run with {'; '.join(have)}."
    return text + (f" Not given by this machine: {'; '.join(lack)}." if lack else "")


def _works(wanted: Guards, interpreter: str) -> bool:
    try:
        outcome = run_process(_READS_LATE, "", Limits(), wanted, interpreter)
    except GuardError:
        return False
    if outcome.status == "timeout":  # says nothing about the guard
        raise MachineError(
            f"{interpreter}: needed more than {Limits().wall_s:g} s to start. Run the evaluation "
            "where other programs leave it some time."
        )
    return outcome.passed
