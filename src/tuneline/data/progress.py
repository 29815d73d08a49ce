"""Progress on stderr: a bar for a person, a line in the log otherwise."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, TypeVar

from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_log = logging.getLogger("tuneline")

Item = TypeVar("Item")


def counted(rows: Iterable[Item], name: str) -> Iterator[Item]:
    """Pass the rows of a file on, showing how many there were and how fast."""
    if sys.stderr.isatty():
        yield from tqdm(rows, desc=f"reading {name}", unit=" rows", unit_scale=True, leave=False)
        return
    _log.info("data: reading %s", name)
    count = 0
    for count, row in enumerate(rows, start=1):  # noqa: B007
        yield row
    _log.info("data: read %d rows of %s", count, name)
