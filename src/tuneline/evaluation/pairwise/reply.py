"""What a judge replied."""

from __future__ import annotations

import json
import re
from typing import Any, Literal, NamedTuple

Shown = Literal["A", "B", "tie"]
"""The answer that was shown first, the one shown second, or neither."""

_NAMES: dict[str, Shown] = {"a": "A", "b": "B", "tie": "tie"}


class Choice(NamedTuple):
    """A judge's choice, with its reason."""

    winner: Shown
    reason: str


def read_choice(reply: str) -> Choice | None:
    """Read a reply; text around the JSON object does no harm.

    Returns:
        None where no object names a winner, or where several name different ones: then it cannot be
        told what the judge said and what it quoted.
    """
    choices = [choice for value in _objects(reply) if (choice := _choice(value))]
    winners = {choice.winner for choice in choices}
    return choices[-1] if len(winners) == 1 else None


def _objects(text: str) -> list[Any]:
    """Every outermost JSON object in a text."""
    decoder = json.JSONDecoder()
    found = []
    place = text.find("{")
    while place >= 0:
        try:
            value, end = decoder.raw_decode(text, place)
            found.append(value)
        except ValueError:
            end = place + 1
        except RecursionError:
            return []  # nested too deep for a judge's reply
        place = text.find("{", end)
    return found


def _choice(value: Any) -> Choice | None:
    named = str(value.get("winner", "")).strip().lower()
    winner = _NAMES.get(re.sub(r"^answer\s+", "", named))
    return Choice(winner, str(value.get("reason", ""))) if winner else None
