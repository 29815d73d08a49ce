"""Files that are either whole or absent, and digests of what they hold.

Everything is written under a temporary name in the destination's own folder, flushed to the disk
and renamed, so that a process killed at any moment leaves no half-written artifact.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tuneline.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def machine_errors(path: Path) -> Iterator[None]:
    """Turn an operating-system error on ``path`` into a `MachineError` that names it."""
    try:
        yield
    except MachineError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise MachineError(
            f"{path}: cannot be written ({reason}). Choose a folder that this user may write to, "
            "or free some space."
        ) from error


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it into place when the block succeeds.

    Args:
        path: The final name. Its folder is made where it is missing.

    Raises:
        MachineError: The folder cannot be made or written to.
    """
    with machine_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(descriptor)
    temporary = Path(name)
    try:
        with machine_errors(path):
            temporary.chmod(0o666 & ~_umask())
            yield temporary
            _flush(temporary)
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``path``; rename it into place when the block succeeds.

    An existing folder of that name is replaced.

    Raises:
        MachineError: The parent folder cannot be made or written to.
    """
    with machine_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        with machine_errors(path):
            temporary.chmod(0o777 & ~_umask())
            yield temporary
            for file in sorted(temporary.rglob("*")):
                if file.is_file():
                    file.chmod(0o666 & ~_umask())  # some writers make files for their user alone
                    _flush(file)
            if path.exists():
                shutil.rmtree(path)
            temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text to ``path``, whole or not at all."""
    with new_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes to ``path``, whole or not at all."""
    with new_file(path) as temporary:
        temporary.write_bytes(content)


def require_writable(folder: Path) -> None:
    """Make ``folder`` and prove that a file can be written in it, before any work is spent.

    Raises:
        MachineError: It cannot be made, is not a folder, or cannot be written to.
    """
    with machine_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=".writable.", dir=folder)
        os.close(descriptor)
        Path(name).unlink()


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_folder(folder: Path) -> str:
    """SHA-256 over the sorted relative names and digests of every file below ``folder``."""
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{file.relative_to(folder).as_posix()}\0{sha256_file(file)}\n".encode())
    return digest.hexdigest()


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
