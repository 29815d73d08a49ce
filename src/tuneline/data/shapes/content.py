"""What every shape is turned into, and what a shape refuses to hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from tuneline.data.schema import Turn

Note = tuple[str, str, str]
"""Code, field and message of something odd about a row that is no obstacle."""


class Content(msgspec.Struct, frozen=True, gc=False):
    """What a model sees and says in one example; the fields are those of `schema.Example`.

    ``notes`` say what of the row was not read.
    """

    turns: tuple[Turn, ...]
    system: str | None = None
    tools: str | None = None
    media_resolution: str | None = None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Options:
    """What converters do beyond reading.

    Attributes:
        merge_turns: Join consecutive turns of one role; two texts that meet are set apart by a
            blank line.
        drop_system: Leave the system instruction out.
    """

    merge_turns: bool = False
    drop_system: bool = False


AS_GIVEN = Options()
"""Nothing joined, nothing left out."""


class NotHeld(Exception):  # noqa: N818  (not an error of the data: another shape may hold it)
    """An example that a shape or an export cannot hold.

    Args:
        field: Which part of the canonical example, such as ``turns[1].parts[0]``.
        message: Why, and what to do.
    """

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        self.message = message
        super().__init__(f"{field}: {message}")
