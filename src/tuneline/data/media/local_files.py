"""Local media of untrusted data: regular files at or below the folder of the data file, alone."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from tuneline.data.media.problem import MediaProblem
from tuneline.errors import MachineError

if TYPE_CHECKING:
    from io import BufferedReader
    from pathlib import Path

_MISSING = (errno.ENOENT, errno.ENOTDIR)
_REFUSED = (errno.ELOOP, errno.ENAMETOOLONG, errno.EISDIR, errno.ENXIO, errno.EINVAL)


def find_local(path: str, base: Path | None) -> Path:
    """The real path of a media file, with every symbolic link followed.

    Args:
        path: Absolute, or relative to ``base``.
        base: Folder of the data file; none where the data is not a local file.

    Raises:
        MediaProblem: ``bad_media_uri``: it lies outside ``base``.
    """
    if base is None:
        raise MediaProblem(
            "bad_media_uri",
            "is a path of a machine, but the data is not a local file. Give the full URI.",
        )
    try:
        root = base.resolve(strict=True)
        found = (root / path).resolve()
    except (OSError, RuntimeError) as error:  # a loop of links is a RuntimeError
        raise MediaProblem("bad_media_uri", "cannot be followed to a file.") from error
    if not found.is_relative_to(root):
        raise MediaProblem(
            "bad_media_uri",
            "lies outside the folder of the data file; keep media beside or below it.",
        )
    return found


def open_local(path: Path) -> BufferedReader:
    """Open a file that `find_local` gave.

    Raises:
        MediaProblem: It is missing, may not be read, or is no regular file.
        MachineError: The machine failed.
    """
    # A pipe must not block, and a link that took the file's place must not be followed.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        raise _problem(path, error) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise MediaProblem("bad_media_uri", "is a folder, a device or a pipe, not a file.")
    return os.fdopen(descriptor, "rb")


def _problem(path: Path, error: OSError) -> Exception:
    if error.errno in _MISSING:
        return MediaProblem("missing_media", "is not there; check the path.")
    if error.errno in (errno.EACCES, errno.EPERM):
        return MediaProblem("unreadable_media", "may not be read by this user.")
    if error.errno in _REFUSED:
        return MediaProblem("bad_media_uri", "is a folder, a device or a link, not a file.")
    return MachineError(f"{path}: cannot be read ({error.strerror}).")
