"""Local data into the bucket, under names made of its content."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tuneline.data.sources.locate import Local, locate
from tuneline.errors import ConfigurationError, DataError
from tuneline.files import sha256_file
from tuneline.submission.bucket import put_file, remove_file
from tuneline.submission.parameters import SENT, is_local

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

logger = logging.getLogger("tuneline")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file and the object that it becomes."""

    path: Path
    uri: str
    sha256: str
    size: int


class Placed(NamedTuple):
    """Parameters with URIs in the place of paths, and what must be sent for them."""

    parameters: dict[str, Any]
    uploads: list[Upload]


def placed(parameters: Mapping[str, Any], staging: str) -> Placed:
    """Name the object of every local file of data; nothing is sent.

    A file becomes ``STAGING/data/SHA256/NAME``; a folder or glob becomes a folder of that kind,
    whose digest is of the files' names and contents.

    Args:
        parameters: The run's parameters.
        staging: Folder of a bucket, without a slash at its end.

    Raises:
        ConfigurationError: Lists every path with nothing behind it.
        MachineError: A folder cannot be read.
    """
    values, uploads = dict(parameters), list[Upload]()
    problems = []
    for name in SENT:
        if not is_local(uri := str(parameters.get(name, ""))):
            continue
        try:
            files = [file for file in locate(uri) if isinstance(file, Local)]
        except ConfigurationError as error:
            problems += [f"{name}: {problem}" for problem in error.problems]
            continue
        values[name], sent = _objects(files, f"{staging}/data")
        uploads += sent
    if problems:
        raise ConfigurationError(problems)
    return Placed(values, uploads)


def _objects(files: Sequence[Local], folder: str) -> tuple[str, list[Upload]]:
    digests = [sha256_file(file.path) for file in files]
    sizes = [file.path.stat().st_size for file in files]
    if not files[0].name:  # the path names one file
        uri = f"{folder}/{digests[0]}/{files[0].path.name}"
        return uri, [Upload(files[0].path, uri, digests[0], sizes[0])]
    listed = "".join(
        f"{file.name}\0{digest}\n" for file, digest in zip(files, digests, strict=True)
    )
    uri = f"{folder}/{hashlib.sha256(listed.encode()).hexdigest()}"
    return uri, [
        Upload(file.path, f"{uri}/{file.name}", digest, size)
        for file, digest, size in zip(files, digests, sizes, strict=True)
    ]


def send(uploads: Sequence[Upload]) -> None:
    """Bring files to their places; those that are there with their size are not sent again.

    The store shows an object only when all of it has arrived.

    Raises:
        ServiceError: The store cannot be reached, or may not be written to.
        DataError: A file changed meanwhile.
    """
    for upload in uploads:
        if not put_file(upload.path, upload.uri, upload.size):
            logger.info("%s is there already", upload.uri)
            continue
        if sha256_file(upload.path) != upload.sha256:
            # It may not hold what its name says.
            remove_file(upload.uri)
            raise DataError(f"{upload.path}: changed while it was sent. Run again.")
        logger.info("sent %s (%d bytes)", upload.uri, upload.size)
