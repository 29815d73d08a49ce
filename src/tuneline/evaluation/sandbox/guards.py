"""The guards that a program's own process puts around itself before it runs the program."""

from __future__ import annotations

import os

from tuneline.evaluation.sandbox import call_filter, file_rules, privileges


def put_up(
    folder: str,
    readable: list[str],
    *,
    user: int | None,
    reading: bool,
    files: bool,
    calls: bool,
    network: bool,
) -> None:
    """Guard this process for the rest of its life.

    Args:
        folder: What it may write in.
        readable: What it may read, under file rules.
        user: The user to become; None stays the user that it is.
        reading: Keep root's right to read any file; file rules still close what is not listed.
        files: Put up file rules (Landlock).
        calls: Put up the filter on system calls (seccomp).
        network: Move into a network without interfaces.

    Raises:
        OSError: The machine does not give one of them.
    """
    os.chdir(folder)
    if network:
        privileges.leave_network()
    if user is not None:
        privileges.become(user, reading=reading)
    privileges.refuse_new_privileges()
    if files:
        file_rules.confine(folder, readable)
    if calls:
        call_filter.install()
