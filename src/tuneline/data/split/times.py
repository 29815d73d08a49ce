"""Dates, times and numbers of a time column, as microseconds since 1970 in UTC."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from tuneline.data.checks.rule import RowError, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "bad_time",
        "error",
        "The time column holds neither a date, a time nor a number.",
        "Write ISO 8601, such as 2026-05-31 or 2026-05-31T12:00:00Z, or seconds since 1970.",
        fixed=True,
    ),
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LARGEST = 2**63

# Numbers are seconds, milliseconds, microseconds or nanoseconds since 1970, by their size: each
# unit covers the years from 1973 to 5138, where no larger unit reaches.
_MAX_SECONDS, _MAX_MILLISECONDS, _MAX_MICROSECONDS = 1e11, 1e14, 1e17


def parse_time(text: str, column: str) -> int:
    """The microseconds since 1970 that a cell stands for.

    A date or time in ISO 8601; without a zone it is taken as UTC, also beside others that have one.
    A number is the time since 1970 in seconds, milliseconds, microseconds or nanoseconds, whichever
    its size makes plausible, so that any number that only orders rows, such as a year, does so.

    Args:
        text: The cell, without outer white space.
        column: Name of the column, for the message.

    Raises:
        RowError: The cell is neither.
    """
    found = _number(text)
    if found is None:
        found = _moment(text)
    if found is None:
        raise RowError(
            "bad_time",
            column,
            "is no date, time or number; write ISO 8601, such as 2026-05-31 or "
            "2026-05-31T12:00:00Z, or seconds since 1970.",
        )
    return found


def _moment(text: str) -> int | None:
    # As BigQuery writes time stamps.
    iso = f"{text.removesuffix(' UTC')}+00:00" if text.endswith(" UTC") else text
    try:
        moment = datetime.fromisoformat(iso)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MICROSECOND


def _number(text: str) -> int | None:
    try:
        # Whole numbers as such: a float cannot tell two nanoseconds apart.
        number: int | float = int(text) if text.lstrip("+-").isdecimal() else float(text)
    except ValueError:
        return None
    if not math.isfinite(number):
        return None
    size = abs(number)
    if size < _MAX_SECONDS:
        return round(number * 1_000_000)
    if size < _MAX_MILLISECONDS:
        return round(number * 1_000)
    microseconds = round(number) if size < _MAX_MICROSECONDS else round(number) // 1_000
    return microseconds if abs(microseconds) < _LARGEST else None
