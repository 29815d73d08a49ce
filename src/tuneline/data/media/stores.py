"""Object stores, gs:// and s3://, through fsspec.

The stores' own libraries retry what is transient. What they raise in the end is told apart here:
a file that is not there, a file that may not be read, and a service that failed.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import fsspec

from tuneline.data.media.problem import MediaProblem
from tuneline.errors import ConfigurationError, ServiceError

if TYPE_CHECKING:
    from tuneline.data.media.uris import Scheme

_LIBRARIES = {"gs": "gcsfs", "s3": "s3fs"}


def open_store(scheme: Scheme) -> Any:
    """The filesystem of a store; one a process, which many threads may use.

    Raises:
        ConfigurationError: The library for it is not installed.
    """
    try:
        return _store(scheme, os.getpid())
    except ImportError as error:
        library = _LIBRARIES[scheme]
        raise ConfigurationError(
            f"{scheme}:// cannot be opened ({error}). Install it: pip install {library}"
        ) from error


@lru_cache(maxsize=4)
def _store(scheme: Scheme, _process: int) -> Any:  # a fork must not use its parent's
    # Listings are never read here, and a remembered one would hide a new object.
    return fsspec.filesystem(scheme, skip_instance_cache=True, use_listings_cache=False)


def object_size(scheme: Scheme, path: str) -> int:
    """Bytes of an object.

    Args:
        scheme: The store.
        path: ``bucket/name``.

    Raises:
        MediaProblem: There is no such object, or it may not be read.
        ServiceError: The store failed.
    """
    try:
        info = open_store(scheme).info(path)
    except Exception as error:
        raise store_failure(error) from error
    if info.get("type") != "file":
        raise MediaProblem("missing_media", "is a folder; no object has this name.")
    return int(info["size"])


def object_range(scheme: Scheme, path: str, start: int, end: int) -> bytes:
    """The bytes of an object from ``start`` up to and without ``end``.

    Raises:
        MediaProblem: There is no such object, or it may not be read.
        ServiceError: The store failed.
    """
    try:
        return bytes(open_store(scheme).cat_file(path, start=start, end=end))
    except Exception as error:
        raise store_failure(error) from error


def store_failure(error: Exception) -> Exception:
    """What an exception of a store's library means."""
    if isinstance(error, MediaProblem | ServiceError | ConfigurationError):
        return error
    if isinstance(error, FileNotFoundError):
        return MediaProblem("missing_media", "is not there; check the URI.")
    # gcsfs has no type of its own for status 403.
    if isinstance(error, PermissionError) or str(error).startswith("Forbidden"):
        return MediaProblem("unreadable_media", "may not be read with these credentials.")
    return ServiceError(f"cannot be reached ({str(error) or type(error).__name__}).")
