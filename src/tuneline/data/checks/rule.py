"""What a rule is, and what is said of a row that breaks one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

Severity = Literal["error", "warn", "off"]
"""``error`` keeps the row aside, ``warn`` counts it and lets it pass, ``off`` does not look."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        code: The name that counts, settings and messages use.
        severity: What it is unless the user says otherwise.
        sentence: What it finds, for a person.
        fix: What the person can do.
        fixed: A row that breaks it cannot become an example, so the severity is always ``error``.
    """

    code: str
    severity: Severity
    sentence: str
    fix: str
    fixed: bool = False


class Hit(msgspec.Struct, frozen=True, gc=False):
    """One example of a batch that breaks a rule.

    ``index`` is its place in the batch; ``field`` where in the row, empty for the whole row;
    ``message`` what is wrong, without file, row and field, and never the secret itself.
    """

    index: int
    code: str
    field: str
    message: str


class RowError(Exception):
    """A row that cannot become an example.

    Args:
        reason: Code of the rule.
        field: Where in the row, such as ``prompt`` or ``messages[2].role``; empty: the whole row.
        message: What is wrong, without file, row and field.
    """

    def __init__(self, reason: str, field: str, message: str) -> None:
        self.reason = reason
        self.field = field
        self.message = message
        super().__init__(f"{field}: {message}" if field else message)
