"""Training files into the bucket, under names made of their content."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tuneline.data.media.problem import MediaProblem
from tuneline.data.media.stores import object_size, open_store, store_failure
from tuneline.errors import ServiceError
from tuneline.vertex.tuning.files import content_name

if TYPE_CHECKING:
    from tuneline.vertex.tuning.files import SentSplit

logger = logging.getLogger("tuneline")

_CHUNK_BYTES = 8 * 1024 * 1024  # a multiple of 256 KiB, as the store asks


def place_of(staging: str, split: SentSplit) -> str:
    """Where a split's file belongs: equal content has one name, so that a rerun sends nothing."""
    return f"{staging.rstrip('/')}/tuning-data/{content_name(split.file_digest)}"


def upload(uri: str, split: SentSplit) -> None:
    """Bring a split's file to its place, unless it is there whole.

    The store shows an object only when all of it has arrived; one of another size is replaced.

    Raises:
        ServiceError: The store cannot be reached, or the file may not be written.
    """
    name = uri.removeprefix("gs://")
    size = split.numbers.file_bytes
    if _size(name) == size:
        logger.info("tune: %s is there already", uri)
        return
    try:
        open_store("gs").put_file(str(split.path), name, chunksize=_CHUNK_BYTES)
    except Exception as error:
        raise ServiceError(f"{uri}: cannot be written ({store_failure(error)}).") from error
    if (arrived := _size(name)) != size:
        raise ServiceError(
            f"{uri}: holds {arrived} bytes after {size} were sent. Nothing was started; run again."
        )
    logger.info("tune: sent %s (%d rows, %d bytes)", uri, split.rows, size)


def require_weights(uri: str) -> None:
    """Refuse a folder that holds no weights.

    Raises:
        ServiceError: It holds none, or the store cannot be reached.
    """
    try:
        names = open_store("gs").find(uri.removeprefix("gs://"))
    except Exception as error:
        raise ServiceError(f"{uri}: cannot be read ({store_failure(error)}).") from error
    if not any(name.endswith(".safetensors") for name in names):
        raise ServiceError(
            f"{uri}: the job succeeded, and there are no weights (*.safetensors) here. Look into "
            "the folders above it: the service may have moved them."
        )


def _size(name: str) -> int | None:
    """Bytes of an object; None where there is none."""
    try:
        return object_size("gs", name)
    except MediaProblem as problem:
        if problem.code == "missing_media":
            return None
        raise ServiceError(f"gs://{name} {problem}") from problem
    except ServiceError as error:
        raise ServiceError(f"gs://{name} {error}") from error
