"""Problems of several checks, gathered so that a person reads of all at once."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tuneline.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def gathered(problems: list[str]) -> Iterator[None]:
    """Add the problems that the block raises to a list, and go on behind the block."""
    try:
        yield
    except ConfigurationError as error:
        problems += error.problems
