"""Lines of a log that is read again from earlier on after its stream broke: each is told once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_STAMPED = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z (.*)", re.DOTALL)


class Line(NamedTuple):
    """A line: when it was written, as text that sorts by time, and what it says."""

    written: str
    text: str


def stamped(line: str) -> Line:
    """Take the time that Kubernetes puts before a line off it; without one it has none."""
    found = _STAMPED.fullmatch(line)
    if found is None:
        return Line("", line)
    return Line(f"{found[1]}.{(found[2] or '').ljust(9, '0')}", found[3])


def split_lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """The lines of a stream of bytes, the last one without an end included."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line.decode(errors="replace") for line in whole)
    if rest:
        yield rest.decode(errors="replace")


class Untold:
    """Knows which lines of a log were told before its stream broke."""

    def __init__(self) -> None:
        self._last = ""
        self._at_last = 0
        self._replays = False
        self._skipped = 0

    def read_again(self) -> None:
        """What comes now may have been told."""
        self._replays, self._skipped = True, 0

    def is_new(self, written: str) -> bool:
        """Whether a line was not told; each line is asked for once, in its stream's order."""
        if self._replays and written <= self._last:
            if written < self._last:
                return False
            self._skipped += 1
            if self._skipped <= self._at_last:
                return False
        if written > self._last:
            self._last, self._at_last, self._replays = written, 1, False
        elif written == self._last:
            self._at_last += 1
        return True
