"""Files into a bucket of any store. It shows an object only when all of it has arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuneline.data.media.problem import MediaProblem
from tuneline.data.media.stores import object_size, open_store, store_failure
from tuneline.errors import ServiceError

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK_BYTES = 8 * 1024 * 1024  # a multiple of 256 KiB, as the store asks


def put_file(path: Path, uri: str, size: int) -> bool:
    """Bring a file to its place, unless an object of its size is there.

    Args:
        path: The file.
        uri: ``gs://bucket/name`` or ``s3://bucket/name``; the name is made of the content.
        size: Bytes of the file.

    Returns:
        Whether it was sent.

    Raises:
        ServiceError: The store cannot be reached, the file may not be written, or it arrived in
            another size.
    """
    scheme, name = _store_and_name(uri)
    if _size(uri) == size:
        return False
    try:
        open_store(scheme).put_file(str(path), name, chunksize=_CHUNK_BYTES)
    except Exception as error:
        raise ServiceError(
            f"{uri}: cannot be written ({store_failure(error)}). Check staging and the rights on "
            "its bucket."
        ) from error
    if (arrived := _size(uri)) != size:
        raise ServiceError(f"{uri}: holds {arrived} bytes after {size} were sent. Run again.")
    return True


def remove_file(uri: str) -> None:
    """Take an object away, such as one that does not hold what its name says."""
    scheme, name = _store_and_name(uri)
    open_store(scheme).rm_file(name)


def _store_and_name(uri: str) -> tuple[Any, str]:
    scheme, _, name = uri.partition("://")
    return scheme, name


def _size(uri: str) -> int | None:
    """Bytes of an object; None where there is none."""
    try:
        return object_size(*_store_and_name(uri))
    except MediaProblem as problem:
        if problem.code == "missing_media":
            return None
        raise ServiceError(f"{uri} {problem}") from problem
    except ServiceError as error:
        raise ServiceError(f"{uri} {error}") from error
