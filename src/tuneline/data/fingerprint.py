"""A digest of what is behind paths and URIs, so that caching follows the content."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import fsspec

from tuneline.data.sources import is_local, local_path
from tuneline.errors import ConfigurationError, ServiceError
from tuneline.files import sha256_file, sha256_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

_CHECKSUMS = ("md5Hash", "md5", "crc32c", "etag", "ETag", "generation")
"""What filesystems call the checksum or version of a remote file, best first."""


def fingerprint(uris: Sequence[str]) -> str:
    """Digest the content behind paths and URIs.

    Local files and folders are read; of remote files the checksum, version or, where the service
    gives none, size and time of the last change are asked for.

    Args:
        uris: Paths and URIs; their order counts, empty strings are skipped.

    Returns:
        64 hexadecimal digits.

    Raises:
        ConfigurationError: Lists every one that is missing.
        ServiceError: A remote file cannot be looked up.
    """
    problems = []
    digest = hashlib.sha256()
    for uri in filter(None, uris):
        try:
            mark = _local_mark(uri) if is_local(uri) else _remote_mark(uri)
            digest.update(f"{mark}\n".encode())
        except ConfigurationError as error:
            problems.extend(error.problems)
    if problems:
        raise ConfigurationError(problems)
    return digest.hexdigest()


def _local_mark(uri: str) -> str:
    path = local_path(uri)
    if path.is_dir():
        return sha256_folder(path)
    if path.is_file():
        return sha256_file(path)
    raise ConfigurationError(f"{uri}: no such file. Check the path.")


def _remote_mark(uri: str) -> str:
    try:
        filesystem, path = fsspec.url_to_fs(uri)
        information = filesystem.info(path)
    except (ValueError, ImportError) as error:
        raise ConfigurationError(f"{uri}: cannot be opened ({error}).") from error
    except FileNotFoundError as error:
        raise ConfigurationError(f"{uri}: no such file. Check the URI.") from error
    except Exception as error:  # every filesystem raises its own types
        raise ServiceError(f"{uri}: cannot be looked up ({error}).") from error
    size = information.get("size")
    for name in _CHECKSUMS:
        if information.get(name):
            return f"{name} {information[name]} {size}"
    changed = next(
        (
            information[name]
            for name in ("updated", "mtime", "LastModified", "created")
            if information.get(name)
        ),
        None,
    )
    if changed is None:
        raise ServiceError(
            f"{uri}: its filesystem tells neither a checksum nor a time of change, so what is "
            "behind it cannot be told apart. Copy the file to storage that does."
        )
    return f"changed {changed} {size}"
