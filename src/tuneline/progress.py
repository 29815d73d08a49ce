"""Progress on stderr: a bar for a person, a line in the log otherwise."""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING, TypeVar

from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_log = logging.getLogger("tuneline")

_SECONDS_A_LINE = 10.0

Item = TypeVar("Item")


def counted(items: Iterable[Item], total: int, doing: str, unit: str) -> Iterator[Item]:
    """Pass items on, showing how many are done and how many there are.

    Args:
        items: What is worked on.
        total: How many there are.
        doing: The stage and what it does, such as "data: reading".
        unit: What the items are, such as "pieces".
    """
    if sys.stderr.isatty():
        yield from tqdm(items, total=total, desc=doing, unit=f" {unit}", leave=False)
        return
    told = time.monotonic()
    for count, item in enumerate(items):
        if time.monotonic() - told > _SECONDS_A_LINE:
            told = time.monotonic()
            _log.info("%s: %d of %d %s", doing, count, total, unit)
        yield item
