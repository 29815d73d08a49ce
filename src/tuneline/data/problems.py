"""What is wrong with a row, and how it is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MAX_TEXT = 2000
"""Characters of a rejected row's raw text that are kept."""

Reason = Literal[
    # rejected
    "bad_csv",
    "bad_json",
    "bad_utf8",
    "not_object",
    "too_long_line",
    "wrong_columns",
    "missing_field",
    "wrong_type",
    "unsupported",
    "empty_text",
    "empty_answer",
    "empty_label",
    "empty_group",
    "control_char",
    "unknown_role",
    "system_not_first",
    "first_not_user",
    "last_not_model",
    "consecutive_turns",
    # duplicates
    "duplicate",
    "also_in_test",
    "also_in_validation",
    "prompt_in_test",
    "prompt_in_validation",
    "group_in_test",
    "group_in_validation",
]
"""Codes of the rows that were left out; the last seven are duplicates and leaks between splits."""


class RowError(Exception):
    """A row that cannot become an example.

    Args:
        reason: The code that counts are kept by.
        field: Where in the row, such as ``prompt`` or ``messages[2].role``; empty: the whole row.
        message: What is wrong, without file, row and field.
    """

    def __init__(self, reason: Reason, field: str, message: str) -> None:
        self.reason: Reason = reason
        self.field = field
        self.message = message
        super().__init__(f"{field}: {message}" if field else message)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row that was read and not kept.

    ``kind`` says whether it counts as rejected or as a duplicate; ``text`` is the raw row, cut to
    `MAX_TEXT` characters.
    """

    source: str
    row: int
    kind: Literal["rejected", "duplicate"]
    reason: Reason
    field: str
    message: str
    text: str

    def __str__(self) -> str:
        place = f"{self.source}:{self.row}: "
        return place + (f"{self.field}: {self.message}" if self.field else self.message)
