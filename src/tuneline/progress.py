"""Progress on stderr: a bar for a person, a line in the log otherwise."""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING, Any, Self, TypeVar

from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

_log = logging.getLogger("tuneline")

_SECONDS_A_LINE = 10.0

Item = TypeVar("Item")


class Progress:
    """Counts what is done.

    Args:
        doing: The stage and what it does, such as "data: reading".
        total: How many there are.
        unit: What they are, such as "pieces".
        done: How many are done already.
    """

    def __init__(self, doing: str, total: int, unit: str, done: int = 0) -> None:
        self._on_terminal = sys.stderr.isatty()
        self._bar: tqdm[Any] = tqdm(
            total=total,
            initial=done,
            desc=doing,
            unit=f" {unit}",
            leave=False,
            disable=not self._on_terminal,
        )
        self._doing, self._total, self._unit, self._done = doing, total, unit, done
        self._told = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.close()

    def add(self) -> None:
        """Count one more."""
        self._done += 1
        self._bar.update()
        now = time.monotonic()
        if not self._on_terminal and now - self._told > _SECONDS_A_LINE:
            self._told = now
            _log.info("%s: %d of %d %s", self._doing, self._done, self._total, self._unit)


def counted(items: Iterable[Item], total: int, doing: str, unit: str) -> Iterator[Item]:
    """Pass items on, showing how many are done and how many there are.

    Args:
        items: What is worked on.
        total: How many there are.
        doing: The stage and what it does, such as "data: reading".
        unit: What the items are, such as "pieces".
    """
    with Progress(doing, total, unit) as progress:
        for item in items:
            yield item
            progress.add()
