"""What a check says of a whole data set, where a `Hit` speaks of one row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a person should know about a whole data set.

    Attributes:
        code: The rule, in one word that a settings file or a program can name.
        severity: ``error`` where the data set cannot be used as it is, ``warn`` where it can.
        sentence: What was found and what to do about it.
    """

    code: str
    severity: Literal["error", "warn"]
    sentence: str
