"""Cron as the service reads it: robfig/cron v1, whose first field is the second.

Written from its documentation (godoc of v1, "CRON Expression Format"): five or six fields, of which
the day of the week may be left out; Sunday is 0.
"""

from __future__ import annotations

from tests.kubeflow.stand_in.refusals import invalid

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
BOUNDS = {
    "second": (0, 59, {}),
    "minute": (0, 59, {}),
    "hour": (0, 23, {}),
    "day of month": (1, 31, {}),
    "month": (1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    "day of week": (0, 6, {name: number for number, name in enumerate(_DAYS)}),
}
"""Limits and names of each field."""


def times(expression: str) -> dict[str, frozenset[int]]:
    """The values that each field lets pass.

    Raises:
        RefusedError: It is no expression.
    """
    fields = expression.split()
    if len(fields) not in (5, 6):
        raise invalid(f"Expected 5 to 6 fields, found {len(fields)}: {expression}")
    fields += ["*"] * (6 - len(fields))
    return {
        name: frozenset().union(*(_range(item, name) for item in text.split(",")))
        for (name, _), text in zip(BOUNDS.items(), fields, strict=True)
    }


def _range(item: str, name: str) -> frozenset[int]:
    lowest, highest, names = BOUNDS[name]
    span, _, step = item.partition("/")
    low, dash, high = span.partition("-")
    if low in ("*", "?"):
        first, last = lowest, highest
    else:
        first = _number(low, names)
        last = _number(high, names) if dash else first
        if step and not dash:
            last = highest  # N/step is N-max/step
    if first < lowest or last > highest or first > last or (step and not step.isdigit()):
        raise invalid(f"{name}: {item!r} is outside {lowest} to {highest}")
    width = int(step or 1)
    if not width:
        raise invalid(f"{name}: step of range should be a positive number: {item}")
    return frozenset(range(first, last + 1, width))


def _number(word: str, names: dict[str, int]) -> int:
    if word.lower() in names:
        return names[word.lower()]
    if not word.isascii() or not word.isdigit():
        raise invalid(f"Failed to parse int from {word}")
    return int(word)
