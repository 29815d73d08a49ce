"""Vertex's older chat rows: ``{"context": ..., "messages": [{"author": ..., "content": ...}]}``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuneline.data.checks.rule import RowError
from tuneline.data.schema import Part, Turn
from tuneline.data.shapes.content import AS_GIVEN, Content, NotHeld, Options
from tuneline.data.shapes.order import in_order
from tuneline.data.shapes.pairs import require_only_texts
from tuneline.data.shapes.plain import plain_chat
from tuneline.data.shapes.required import (
    optional_text,
    require_key,
    require_list,
    require_object,
    require_shape,
    require_text,
    shown,
    unread_keys,
)

if TYPE_CHECKING:
    from tuneline.data.schema import Example, Role
    from tuneline.data.shapes.content import Note

_AUTHORS: dict[str, Role] = {"user": "user", "bot": "model", "assistant": "model", "model": "model"}


def from_author_messages(row: dict[str, Any], options: Options = AS_GIVEN) -> Content:
    """``context`` is the system instruction.

    Raises:
        RowError: An author, the order, an empty text, or ``examples``, which showed the old model
            how to answer and are no turns of the conversation.
    """
    given = row.get("messages")
    if type(given) is list and not row.get("examples") and not row.get("context"):
        plain = plain_chat(given, "author", "content", _AUTHORS)
        if plain is not None:
            return Content(plain[0])
    require_shape(row, "messages", "author_messages")
    if row.get("examples"):
        message = "cannot be kept; put them into the context or take them out."
        raise RowError("unsupported", "examples", message)
    messages = require_list(require_key(row, "messages", "author_messages"), "messages")
    notes: list[Note] = []
    turns = [
        _turn(require_object(item, field := f"messages[{place}]"), field, notes,
              last=place == len(messages) - 1)
        for place, item in enumerate(messages)
    ]  # fmt: skip
    fields = [f"messages[{place}]" for place in range(len(messages))]
    system = optional_text(row.get("context"), "context")
    return Content(
        in_order(turns, fields, options, who=".author"),
        None if options.drop_system else system,
        notes=tuple(notes),
    )


def to_author_messages(example: Example) -> dict[str, Any]:
    """The inverse of `from_author_messages`.

    Raises:
        NotHeld: There is more than texts, or a turn of several parts.
    """
    require_only_texts(example)
    if any(len(turn.parts) > 1 for turn in example.turns):
        raise NotHeld("turns", "a turn has several parts; there is place for one text.")
    row: dict[str, Any] = {} if example.system is None else {"context": example.system}
    row["messages"] = [
        {"author": "bot" if turn.role == "model" else "user", "content": turn.text}
        for turn in example.turns
    ]
    return row


def _turn(message: dict[str, Any], field: str, notes: list[Note], *, last: bool) -> Turn:
    author = message.get("author")
    if not isinstance(author, str) or author not in _AUTHORS:
        known = ", ".join(_AUTHORS)
        raise RowError(
            "unknown_role", f"{field}.author", f"must be one of {known}, not {shown(author)}."
        )
    notes += unread_keys(message, ("author", "content"), field)
    role = _AUTHORS[author]
    empty = "empty_answer" if last and role == "model" else "empty_text"
    text = require_text(message.get("content"), f"{field}.content", empty=empty)
    return Turn(role, (Part(text),))
