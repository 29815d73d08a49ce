"""A file that is read in ranges, wherever it is, as a stream that seeks."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import WriteableBuffer

BUFFER_BYTES = 64 * 1024


class ReadLimitError(OSError):
    """A reader asked for more bytes of one file than it may."""


class RangeStream(io.RawIOBase):
    """Reads ranges as they are asked for.

    The readers of durations and pages turn every failure into one of their own, so the first
    failure to fetch a range is kept in ``failure``.

    Args:
        fetch: Returns the bytes from a first offset up to and without a last one.
        size: Bytes of the file.
        most: Bytes that may be fetched in all, so that no file can make its reader read on and on.
    """

    def __init__(self, fetch: Callable[[int, int], bytes], size: int, most: int) -> None:
        super().__init__()
        self.failure: Exception | None = None
        self._fetch = fetch
        self._size = size
        self._left = most
        self._position = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The offset of the next byte."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Set the offset of the next byte."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise OSError(f"offset {start + offset} lies before the file")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill ``buffer`` from here on; return how many bytes there were."""
        view = memoryview(buffer).cast("B")
        end = min(self._position + len(view), self._size)
        if end <= self._position:
            return 0
        self._left -= end - self._position
        if self._left < 0:
            raise ReadLimitError("too many bytes were asked for")
        try:
            found = self._fetch(self._position, end)
        except Exception as error:
            self.failure = self.failure or error
            raise
        found = found[: len(view)]
        view[: len(found)] = found
        self._position += len(found)
        return len(found)
