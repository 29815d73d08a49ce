"""What a query gave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Failure = Literal["syntax", "forbidden", "timeout", "error"]
"""``syntax``: it does not parse. ``forbidden``: more than one statement, or one that does more than
select from this database. ``timeout``: it took too long. ``error``: the engine refused it, or its
result is too large."""

Value = int | float | str | bytes | tuple["Value", ...] | None
"""A cell: decimals are numbers, dates and times ISO 8601 texts, lists and structs tuples."""

Row = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What a query gave.

    Attributes:
        columns: Names of the columns; empty where it failed.
        rows: The rows in the engine's order; empty where it failed.
        failure: Why there are none; None where it ran.
        message: The engine's words, in one line; empty where it ran.
    """

    columns: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    failure: Failure | None = None
    message: str = ""

    @classmethod
    def failed(cls, failure: Failure, message: str) -> Result:
        """A result without rows."""
        return cls(failure=failure, message=" ".join(message.split())[:_MESSAGE_CHARACTERS])


_MESSAGE_CHARACTERS = 500
