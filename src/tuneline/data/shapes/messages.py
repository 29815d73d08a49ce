"""OpenAI chat rows: ``{"messages": [{"role": "user", "content": "..."}, ...]}``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuneline.data.problems import RowError
from tuneline.data.schema import Part, Turn
from tuneline.data.shapes.content import (
    Content,
    require_key,
    require_list,
    require_object,
    require_order,
    require_text,
)

if TYPE_CHECKING:
    from tuneline.data.problems import Reason
    from tuneline.data.schema import Role

_ROLES: dict[str, Role] = {"user": "user", "assistant": "model"}
_READ_KEYS = {"role", "content", "name"}


def from_messages(row: dict[str, Any]) -> Content:
    """Turn messages with text content into turns; a first system message is the instruction.

    Raises:
        RowError: A role, the order, a content or something that cannot be carried, such as a tool
            call or a weight of 0, which would be trained on all the same.
    """
    messages = require_list(require_key(row, "messages"), "messages")
    if row.get("tools"):
        raise RowError("unsupported", "tools", "cannot be read from messages; give `contents`.")
    system: str | None = None
    turns: list[Turn] = []
    fields: list[str] = []
    for place, item in enumerate(messages):
        field = f"messages[{place}]"
        message = require_object(item, field)
        role = _role(message, field)
        _require_plain(message, field)
        last = place == len(messages) - 1
        empty: Reason = "empty_answer" if last and role == "assistant" else "empty_text"
        text = require_text(message.get("content"), f"{field}.content", empty=empty)
        if role != "system":
            turns.append(Turn(_ROLES[role], (Part(text),)))
            fields.append(f"{field}.role")
        elif place == 0:
            system = text
        else:
            raise RowError("system_not_first", f"{field}.role", "system must be the first message.")
    require_order([turn.role for turn in turns], fields)
    return Content(tuple(turns), system)


def _role(message: dict[str, Any], field: str) -> str:
    role = message.get("role")
    if role == "developer":  # what newer OpenAI models call the system's role
        return "system"
    if isinstance(role, str) and (role == "system" or role in _ROLES):
        return role
    known = ", ".join(["system", *_ROLES])
    raise RowError("unknown_role", f"{field}.role", f"must be one of {known}, not {role!r}.")


def _require_plain(message: dict[str, Any], field: str) -> None:
    if message.get("weight") not in (None, 1):
        raise RowError("unsupported", f"{field}.weight", "only a weight of 1 can be kept.")
    for key, value in message.items():
        if key not in _READ_KEYS and key != "weight" and value:
            raise RowError(
                "unsupported", f"{field}.{key}", "cannot be read from messages; give `contents`."
            )
