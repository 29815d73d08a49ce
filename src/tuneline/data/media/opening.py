"""One way to open a media file for reading in ranges, wherever it is."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from tuneline.data.media.local_files import find_local, open_local
from tuneline.data.media.mime_types import HEAD_BYTES
from tuneline.data.media.stores import object_range, object_size
from tuneline.data.media.uris import MediaUri, parse_media_uri
from tuneline.data.media.web import Web

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import BufferedReader
    from pathlib import Path


class OpenMedia(NamedTuple):
    """A file that is there.

    ``size`` is none where a server does not tell it; ``fetch`` gives the bytes from one offset up
    to another, and is none where only the first bytes can be had.
    """

    size: int | None
    head: bytes
    fetch: Callable[[int, int], bytes] | None


@dataclass(frozen=True)
class MediaAccess:
    """How media of one data file are opened.

    Args:
        base: Folder of the data file, which local media must lie in; none where it is not local.
        web: How URLs are read.
    """

    base: Path | None = None
    web: Web = field(default_factory=Web)

    @contextmanager
    def open(self, uri: str) -> Iterator[OpenMedia]:
        """Open a file and read its head.

        Raises:
            MediaProblem: It is refused, missing or unreadable.
            ServiceError: A service failed.
            MachineError: This machine failed.
        """
        place = parse_media_uri(uri, allow_loopback=self.web.allow_loopback)
        if place.scheme == "local":
            with open_local(find_local(place.path, self.base)) as file:
                size = file.seek(0, 2)
                fetch = partial(_local_range, file)
                yield OpenMedia(size, fetch(0, HEAD_BYTES), fetch)
        elif place.scheme in ("gs", "s3"):
            yield _in_store(place)
        else:
            yield self._on_the_web(place.path)

    def _on_the_web(self, url: str) -> OpenMedia:
        found = self.web.get(url, 0, HEAD_BYTES)
        if not found.ranges:
            return OpenMedia(found.size, found.content, None)
        return OpenMedia(
            found.size,
            found.content,
            lambda start, end: self.web.get(url, start, end).content,
        )


def _in_store(place: MediaUri) -> OpenMedia:
    size = object_size(place.scheme, place.path)
    fetch = partial(object_range, place.scheme, place.path)
    # A store has no range of an empty object to give.
    return OpenMedia(size, fetch(0, min(HEAD_BYTES, size)) if size else b"", fetch)


def _local_range(file: BufferedReader, start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(end - start)
