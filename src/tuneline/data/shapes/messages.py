"""OpenAI chat rows: ``{"messages": [{"role": "user", "content": "..."}, ...]}``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuneline.data.checks.rule import RowError
from tuneline.data.schema import Turn
from tuneline.data.shapes.content import AS_GIVEN, Content, NotHeld, Options
from tuneline.data.shapes.message_calls import Calls, ids_of, next_id, said_of
from tuneline.data.shapes.message_parts import content_of, parts_of, text_of
from tuneline.data.shapes.order import in_order
from tuneline.data.shapes.plain import plain_chat
from tuneline.data.shapes.required import (
    require_key,
    require_list,
    require_object,
    require_shape,
    shown,
    unread_keys,
)
from tuneline.data.shapes.tools import functions_of, tools_from_functions

if TYPE_CHECKING:
    from tuneline.data.schema import Example, Part
    from tuneline.data.shapes.content import Note
    from tuneline.data.shapes.plain import Speaker

_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_SPEAKERS: dict[str, Speaker] = {"user": "user", "assistant": "model", "system": "system"}
_KNOWN_KEYS = {
    "system": ("role", "content", "weight"),
    "user": ("role", "content", "weight"),
    "assistant": ("role", "content", "weight", "tool_calls", "function_call"),
    "tool": ("role", "content", "weight", "tool_call_id", "name"),
    "function": ("role", "content", "weight", "name"),
}


def from_messages(row: dict[str, Any], options: Options = AS_GIVEN) -> Content:
    """Turn messages into turns; a first system message is the instruction.

    An assistant's tool calls are parts of its turn. Consecutive tool messages, and a user's message
    right behind them, are one turn of the user. A response that is no JSON object is wrapped.

    Raises:
        RowError: A role, the order, a content or something that cannot be kept.
    """
    messages = row.get("messages")
    if type(messages) is list and not row.get("tools") and not row.get("functions"):
        plain = plain_chat(messages, "role", "content", _SPEAKERS)
        if plain is not None:
            return Content(plain[0], None if options.drop_system else plain[1])
    require_shape(row, "messages", "messages")
    reading = _Reading(options)
    given = require_list(require_key(row, "messages", "messages"), "messages")
    return reading.read(given, _tools(row, reading.notes))


def to_messages(example: Example) -> dict[str, Any]:
    """The inverse of `from_messages`.

    Raises:
        NotHeld: A media resolution, a clip, a tool that is no function, or a turn whose parts come
            in an order that messages cannot have.
    """
    if example.media_resolution is not None:
        raise NotHeld("media_resolution", "has no place in messages.")
    messages: list[dict[str, Any]] = []
    if example.system is not None:
        messages.append({"role": "system", "content": example.system})
    ids: dict[str, list[str]] = {}
    for number, turn in enumerate(example.turns):
        if turn.role == "model":
            messages.append(_assistant(number, turn))
            ids = ids_of(number, turn)
        else:
            messages += _user(number, turn, ids)
    row: dict[str, Any] = {"messages": messages}
    if example.tools is not None:
        row["tools"] = functions_of(example.tools)
    return row


class _Reading:
    """One row's messages on their way to turns."""

    def __init__(self, options: Options) -> None:
        self.notes: list[Note] = []
        self._options = options
        self._system: str | None = None
        self._turns: list[Turn] = []
        self._fields: list[str] = []
        self._calls = Calls()
        self._responses_field = ""

    def read(self, messages: list[Any], tools: str | None) -> Content:
        for place, item in enumerate(messages):
            field = f"messages[{place}]"
            empty = "empty_answer" if place == len(messages) - 1 else "empty_text"
            self._take(require_object(item, field), field, empty)
        self._end_responses()
        turns = in_order(self._turns, self._fields, self._options)
        return Content(turns, self._system, tools, notes=tuple(self.notes))

    def _take(self, message: dict[str, Any], field: str, empty: str) -> None:
        role = _role(message, field)
        trained = _trained(message, field)
        self._note_unread(message, role, field)
        content, name = message.get("content"), f"{field}.content"
        if role == "assistant":
            self._end_responses()
            parts = self._answer(message, field, empty)
            self._add(Turn("model", parts, trained), field)
        elif role == "user":
            parts = parts_of(content, name, "empty_text", self.notes)
            self._add(Turn("user", (*self._calls.take(), *parts)), self._responses_field or field)
            self._responses_field = ""
        elif role == "system":
            if field != "messages[0]":
                message_text = "system must be the first message."
                raise RowError("system_not_first", f"{field}.role", message_text)
            if not self._options.drop_system:
                self._system = text_of(content, name, "empty_text", self.notes)
        else:
            self._calls.answer(message, field, self._said_by_tool(content, name))
            self._responses_field = self._responses_field or field

    def _said_by_tool(self, content: Any, field: str) -> str:
        """A tool's text, which may be empty: many tools have nothing to say."""
        if content is None or content == []:
            return ""
        return (
            content if type(content) is str else text_of(content, field, "empty_text", self.notes)
        )

    def _answer(self, message: dict[str, Any], field: str, empty: str) -> tuple[Part, ...]:
        calls = self._calls.read(message, field, self.notes)
        content = message.get("content")
        silent = not content or (isinstance(content, str) and content.isspace())
        if calls and silent:
            return tuple(calls)
        return (*parts_of(content, f"{field}.content", empty, self.notes), *calls)

    def _note_unread(self, message: dict[str, Any], role: str, field: str) -> None:
        if len(message) > 2:
            self.notes += unread_keys(message, _KNOWN_KEYS[role], field)

    def _end_responses(self) -> None:
        parts = self._calls.take()
        if parts:
            self._add(Turn("user", tuple(parts)), self._responses_field)
            self._responses_field = ""

    def _add(self, turn: Turn, field: str) -> None:
        self._turns.append(turn)
        self._fields.append(field)


def _role(message: dict[str, Any], field: str) -> str:
    role = message.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        known = ", ".join(_ROLES)
        raise RowError(
            "unknown_role", f"{field}.role", f"must be one of {known}, not {shown(role)}."
        )
    # Newer OpenAI models call the system's role so.
    return "system" if role == "developer" else role


def _trained(message: dict[str, Any], field: str) -> bool:
    weight = message.get("weight")
    if weight is None or weight in (0, 1):
        return weight != 0
    raise RowError("weight_not_0_1", f"{field}.weight", "must be 0 or 1.")


def _tools(row: dict[str, Any], notes: list[Note]) -> str | None:
    name = "tools" if row.get("tools") else "functions"
    return tools_from_functions(row.get(name), name, notes)


def _assistant(number: int, turn: Turn) -> dict[str, Any]:
    said = [part for part in turn.parts if part.function_call is None]
    calls = turn.parts[len(said) :]
    field = f"turns[{number}]"
    if any(part.function_call is None for part in calls):
        raise NotHeld(field, "has a text behind a function call; messages have texts first.")
    message: dict[str, Any] = {"role": "assistant", "content": content_of(said, field)}
    if calls:
        message["tool_calls"] = [
            {
                "id": f"call_{number}_{place}",
                "type": "function",
                "function": {"name": call.name, "arguments": call.args},
            }
            for place, part in enumerate(turn.parts)
            if (call := part.function_call) is not None
        ]
    if not turn.trained:
        message["weight"] = 0
    return message


def _user(number: int, turn: Turn, ids: dict[str, list[str]]) -> list[dict[str, Any]]:
    said = [part for part in turn.parts if part.function_response is None]
    field = f"turns[{number}]"
    responses = turn.parts[: len(turn.parts) - len(said)]
    messages: list[dict[str, Any]] = []
    for place, part in enumerate(responses):
        response = part.function_response
        if response is None:
            raise NotHeld(field, "has a text before a function's response; messages have it after.")
        call_id = next_id(ids, response.name, f"{field}.parts[{place}]")
        content = said_of(response.response)
        messages.append({"role": "tool", "tool_call_id": call_id, "content": content})
    if said:
        messages.append({"role": "user", "content": content_of(said, field)})
    return messages
