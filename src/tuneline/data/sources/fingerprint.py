"""A digest of what is behind paths and URIs, so that caching follows the content."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tuneline.data.sources.locate import TABLE_SCHEME, Local, Remote, locate, scheme_of
from tuneline.data.sources.tables import find_table
from tuneline.errors import ConfigurationError, MachineError, ServiceError
from tuneline.files import sha256_file

if TYPE_CHECKING:
    from collections.abc import Sequence

_CHECKSUMS = (
    *("md5Hash", "md5", "crc32c", "blob_id", "etag", "ETag", "Content-MD5", "Digest"),
    "generation",
)
"""What filesystems call the checksum or version of a remote file, best first."""

_CHANGES = ("updated", "mtime", "LastModified", "Last-Modified", "created")
"""What they call the time of its last change."""


def fingerprint(uris: Sequence[str]) -> str:
    """Digest the content behind paths, globs, folders and URIs.

    Local files are read; of remote files and tables the checksum, version or, where the service
    gives none, size and time of the last change are asked for. Behind globs and folders, the names
    of the files count too.

    Args:
        uris: Paths and URIs; their order counts, empty strings are skipped.

    Returns:
        64 hexadecimal digits.

    Raises:
        ConfigurationError: Lists every one that is missing.
        MachineError: A local file cannot be read.
        ServiceError: A remote file cannot be looked up.
    """
    problems = []
    digest = hashlib.sha256()
    for uri in filter(None, uris):
        try:
            digest.update(f"{_mark(uri)}\n".encode())
        except ConfigurationError as error:
            problems.extend(error.problems)
    if problems:
        raise ConfigurationError(problems)
    return digest.hexdigest()


def _mark(uri: str) -> str:
    if scheme_of(uri) == TABLE_SCHEME:
        return f"table {find_table(uri).state}"
    return "\n".join(f"{file.name}\0{_state(file)}" for file in locate(uri))


def _state(file: Local | Remote) -> str:
    if isinstance(file, Remote):
        return _remote_state(file)
    try:
        return sha256_file(file.path)
    except OSError as error:
        raise MachineError(f"{file.path}: cannot be read ({error.strerror}).") from error


def _remote_state(file: Remote) -> str:
    size = file.state.get("size")
    for name in _CHECKSUMS:
        if file.state.get(name):
            return f"{name} {file.state[name]} {size}"
    changed = next((file.state[name] for name in _CHANGES if file.state.get(name)), None)
    if changed is None:
        raise ServiceError(
            f"{file.uri}: its filesystem tells neither a checksum nor a time of change, so what is "
            "behind it cannot be told apart. Copy the file to storage that does."
        )
    return f"changed {changed} {size}"
