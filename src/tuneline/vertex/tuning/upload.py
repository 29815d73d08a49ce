"""Training files into the bucket, under names made of their content."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tuneline.data.media.stores import open_store, store_failure
from tuneline.errors import ServiceError
from tuneline.submission.bucket import put_file
from tuneline.vertex.tuning.files import content_name

if TYPE_CHECKING:
    from tuneline.vertex.tuning.files import SentSplit

logger = logging.getLogger("tuneline")


def place_of(staging: str, split: SentSplit) -> str:
    """Where a split's file belongs: equal content has one name, so that a rerun sends nothing."""
    return f"{staging.rstrip('/')}/tuning-data/{content_name(split.file_digest)}"


def upload(uri: str, split: SentSplit) -> None:
    """Bring a split's file to its place, unless it is there whole.

    One of another size is replaced.

    Raises:
        ServiceError: The store cannot be reached, or the file may not be written.
    """
    if put_file(split.path, uri, split.numbers.file_bytes):
        logger.info("tune: sent %s (%d rows, %d bytes)", uri, split.rows, split.numbers.file_bytes)
    else:
        logger.info("tune: %s is there already", uri)


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
