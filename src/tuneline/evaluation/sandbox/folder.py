"""The folder that one program may write in: how much is in it, and how to be rid of it."""

from __future__ import annotations

import os
import tempfile
from collections import deque
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from tuneline.files import machine_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK_BYTES = 512  # unit of st_blocks


@contextmanager
def work_folder(owner: int | None) -> Iterator[str]:
    """A new folder for one program, removed behind it whatever it left.

    Args:
        owner: The user and group that the program will be; None for this one.

    Raises:
        MachineError: It cannot be made.
    """
    with machine_errors(Path(tempfile.gettempdir())):
        folder = tempfile.mkdtemp(prefix="tuneline-program-")
    try:
        if owner is not None:
            os.chown(folder, owner, owner)
        yield folder
    finally:
        _remove(folder)


def is_over(folder: str, max_bytes: int, max_files: int) -> bool:
    """Whether a program has left more than it may in its folder, while it still runs."""
    size = files = 0
    folders = [folder]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    files += 1
                    size += entry.stat(follow_symlinks=False).st_blocks * _BLOCK_BYTES
                    if size > max_bytes or files > max_files:
                        return True
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
        except FileNotFoundError:
            continue  # the program took it away meanwhile
        except OSError:
            return True  # nested deeper than a path can name, or closed to its owner
    return False


def _remove(folder: str) -> None:
    """Remove a folder of a program that has ended.

    Folders are moved up before they are emptied, since a program can nest them deeper than paths
    and recursion reach.
    """
    os.chmod(folder, 0o700)  # noqa: PTH101
    fresh = (os.path.join(folder, f".{number}") for number in count())  # noqa: PTH118
    pending = deque([folder])
    emptied = []
    while pending:
        current = pending.popleft()
        emptied.append(current)
        with os.scandir(current) as entries:
            for entry in list(entries):
                if not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry.path)  # noqa: PTH108
                    continue
                os.chmod(entry.path, 0o700)  # noqa: PTH101
                moved = next(name for name in fresh if not os.path.lexists(name))
                os.rename(entry.path, moved)  # noqa: PTH104
                pending.append(moved)
    for current in reversed(emptied):
        os.rmdir(current)  # noqa: PTH106
