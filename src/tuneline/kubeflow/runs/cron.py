"""Cron expressions as Kubeflow Pipelines reads them: six fields, seconds first.

It reads five fields as seconds to month, so that ``10 6 * * *`` would run every hour, and it knows
no 7 for Sunday. Expressions are written here as everywhere else, with five fields.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_ITEM = re.compile(r"(?P<low>\*|\w+)(?:-(?P<high>\w+))?(?:/(?P<step>\d{1,2}))?")
_SUNDAY_TOO = 7


class _Field(NamedTuple):
    """Name and limits of a field; names stand for numbers from the lower limit on."""

    name: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 0, _SUNDAY_TOO, _DAYS),
)


def six_fields(expression: str) -> str:
    """Write an expression of five fields with the seconds that Kubeflow Pipelines wants.

    Args:
        expression: Minute, hour, day of the month, month and day of the week.

    Returns:
        The same times, at second 0, with Sunday as 0.

    Raises:
        ValueError: It is no such expression; says why.
    """
    if expression.startswith(("TZ=", "CRON_TZ=")):
        raise ValueError(
            "has a time zone, and Kubeflow Pipelines has one for all schedules: its controller's "
            "CRON_SCHEDULE_TIMEZONE, UTC where that is not set. Write the time in that zone, "
            "without TZ="
        )
    fields = expression.split(" ")
    if len(fields) != len(_FIELDS):
        raise ValueError(
            "must be five fields (minute, hour, day of the month, month, day of the week), such as "
            f"'0 6 * * 1', not {expression!r}"
        )
    written = [_written(text, field) for text, field in zip(fields, _FIELDS, strict=True)]
    return " ".join(["0", *written])


def _written(text: str, field: _Field) -> str:
    return ",".join(_item(item, field) for item in text.split(","))


def _item(item: str, field: _Field) -> str:
    """One item of a list, checked; a range up to Sunday as 7 becomes a list."""
    found = _ITEM.fullmatch(item)
    if found is None or (found["low"] == "*" and found["high"]) or found["step"] in ("0", "00"):
        raise ValueError(f"{field.name}: {item!r} is none, such as 5, 1-5 or */2")
    if found["low"] == "*":
        return item
    low = _number(found["low"], field)
    high = _number(found["high"], field) if found["high"] else low
    if high < low:
        raise ValueError(f"{field.name}: {item!r} ends before it starts")
    if field.highest != _SUNDAY_TOO or high != _SUNDAY_TOO:
        return item
    days = {day % _SUNDAY_TOO for day in range(low, high + 1, int(found["step"] or 1))}
    return ",".join(str(day) for day in sorted(days))


def _number(word: str, field: _Field) -> int:
    if word.upper() in field.names:
        return field.lowest + field.names.index(word.upper())
    if not re.fullmatch(r"[0-9]{1,2}", word) or not field.lowest <= int(word) <= field.highest:
        raise ValueError(
            f"{field.name}: {word!r} is none; the numbers are {field.lowest} to {field.highest}"
        )
    return int(word)
