"""Conversations, and what was asked of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from tuneline.data.schema import Example, FunctionCall, FunctionResponse, Part, Turn

Result = TypeVar("Result")


def said(role: Any, text: str, *, trained: bool = True) -> Turn:
    return Turn(role, (Part(text=text),), trained)


def chat(*texts: str, **fields: Any) -> Example:
    """A conversation whose turns alternate, the user first."""
    turns = (said("model" if i % 2 else "user", text) for i, text in enumerate(texts))
    return Example(tuple(turns), **fields)


CALL = FunctionCall("turn_on", '{"lamp": 3, "colour": "red"}')
CALLING = Example(
    turns=(
        said("user", "Make lamp 3 red."),
        Turn("model", (Part(function_call=CALL),)),
        Turn("user", (Part(function_response=FunctionResponse("turn_on", '{"done":true}')),)),
        said("model", "Lamp 3 is red."),
    ),
    source="calls.jsonl",
    row=4,
)


def in_order(pairs: Iterable[tuple[int, Result]]) -> list[Result]:
    """Results that came with their places, in the order of the places."""
    found = dict(pairs)
    return [found[place] for place in range(len(found))]
