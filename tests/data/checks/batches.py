"""Batches for the tests of rules, with fields named after the turn and part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuneline.data.batch import SYSTEM, Batch
from tuneline.data.schema import Example, Part, Role, Turn

if TYPE_CHECKING:
    from collections.abc import Sequence


class _Shape:
    def field(self, example: Example, turn: int, part: int) -> str:
        return "system" if turn == SYSTEM else f"turns[{turn}].parts[{part}]"


def batch_of(examples: Sequence[Example]) -> Batch:
    shape: Any = _Shape()
    return Batch(list(examples), shape)


def example(*texts: str, system: str | None = None) -> Example:
    """Turns with one text each, the user's first."""
    roles: tuple[Role, Role] = ("user", "model")
    turns = tuple(Turn(roles[place % 2], (Part(text),)) for place, text in enumerate(texts))
    return Example(turns, system)
