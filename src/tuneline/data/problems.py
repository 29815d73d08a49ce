"""A row that broke a rule, and how it is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MAX_TEXT = 2000
"""Characters of a left-out row's text that are kept."""

Kind = Literal["rejected", "duplicate", "warned"]
"""A warned row is kept; the others are not."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row that broke a rule.

    ``text`` is the raw row, or a duplicate's texts, cut to `MAX_TEXT` characters.
    """

    source: str
    row: int
    kind: Kind
    reason: str
    field: str
    message: str
    text: str

    def __str__(self) -> str:
        place = f"{self.source}:{self.row}: "
        return place + (f"{self.field}: {self.message}" if self.field else self.message)
