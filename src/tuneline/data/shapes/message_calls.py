"""Function calls and responses of OpenAI messages, which ids tie together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from tuneline.data.checks.rule import RowError
from tuneline.data.schema import FunctionCall, FunctionResponse, Part
from tuneline.data.shapes.content import NotHeld
from tuneline.data.shapes.required import (
    require_json,
    require_list,
    require_object,
    require_text,
    shown,
    unread_keys,
)

if TYPE_CHECKING:
    from tuneline.data.schema import Turn
    from tuneline.data.shapes.content import Note

RESULT = "result"
"""Key that wraps a response that is no JSON object."""


class Calls:
    """The calls of a conversation so far, and the responses that wait for their turn."""

    def __init__(self) -> None:
        self._names: dict[str, tuple[str, int]] = {}
        self._count = 0
        self._responses: list[_Response] = []

    def read(self, message: dict[str, Any], field: str, notes: list[Note]) -> list[Part]:
        """The calls of an assistant's message.

        Raises:
            RowError: A call without name or id, arguments that are no JSON object, an id twice.
        """
        parts: list[Part] = []
        ids: set[str] = set()
        if message.get("tool_calls"):
            name = f"{field}.tool_calls"
            for place, item in enumerate(require_list(message["tool_calls"], name)):
                call_id, part = _tool_call(item, f"{name}[{place}]", notes)
                if call_id in ids:
                    message_text = "is the id of two calls; responses cannot be told apart."
                    raise RowError("duplicate_tool_call_id", f"{name}[{place}].id", message_text)
                self._remember(call_id, part)
                ids.add(call_id)
                parts.append(part)
        if message.get("function_call"):
            name = f"{field}.function_call"
            part = _call(require_object(message["function_call"], name), name, notes)
            parts.append(part)
        return parts

    def answer(self, message: dict[str, Any], field: str, text: str) -> None:
        """Take a tool's message; consecutive ones make one turn.

        Raises:
            RowError: It answers no call that was made.
        """
        called, name = message.get("tool_call_id"), message.get("name")
        order = 0
        if message.get("role") == "tool" and (called is not None or name is None):
            called = require_text(called, f"{field}.tool_call_id")
            if called not in self._names:
                raise RowError(
                    "unknown_tool_call_id", f"{field}.tool_call_id", "is the id of no earlier call."
                )
            name, order = self._names[called]
        name = require_text(name, f"{field}.name")
        self._responses.append(_Response(name, order, response_of(text, f"{field}.content")))

    def take(self) -> list[Part]:
        """The responses that wait, which wait no longer.

        The canonical form has no ids: responses to calls of one function come in the calls' order.
        """
        waiting, self._responses = self._responses, []
        in_order = {
            name: iter(sorted(one for one in waiting if one.name == name))
            for name in {one.name for one in waiting}
        }
        return [
            Part(function_response=FunctionResponse(one.name, next(in_order[one.name]).response))
            for one in waiting
        ]

    def _remember(self, call_id: str, part: Part) -> None:
        if part.function_call is not None:
            self._names[call_id] = (part.function_call.name, self._count)
            self._count += 1


class _Response(NamedTuple):
    name: str
    order: int
    response: str


def response_of(text: str, field: str) -> str:
    """What a tool said as the text of a JSON object; anything else is wrapped as its ``result``.

    Raises:
        RowError: It is nested deeper than can be kept.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = None
    return require_json(value if isinstance(value, dict) else {RESULT: text}, field)


def said_of(response: str) -> str:
    """The inverse of `response_of`."""
    value = orjson.loads(response)
    if set(value) == {RESULT} and isinstance(value[RESULT], str):
        said: str = value[RESULT]
        return said if response_of(said, "") == response else response
    return response


def arguments_of(given: Any, field: str) -> str:
    """A call's arguments as canonical JSON text.

    Raises:
        RowError: They are no JSON object; none and an empty text stand for an empty one.
    """
    if isinstance(given, str) and given.strip():
        try:
            given = orjson.loads(given)
        except orjson.JSONDecodeError as error:
            raise RowError("bad_arguments", field, f"are not JSON ({error}).") from None
    if given is None or given == "":
        given = {}
    if not isinstance(given, dict):
        raise RowError("bad_arguments", field, "must be a JSON object.")
    return require_json(given, field)


def ids_of(number: int, turn: Turn) -> dict[str, list[str]]:
    """Ids for the calls of a turn, by the called function's name, in their order."""
    ids: dict[str, list[str]] = {}
    for place, part in enumerate(turn.parts):
        if part.function_call is not None:
            ids.setdefault(part.function_call.name, []).append(f"call_{number}_{place}")
    return ids


def next_id(ids: dict[str, list[str]], name: str, field: str) -> str:
    """Take the id of the call that a response answers.

    Raises:
        NotHeld: The turn before has no such call that is still open.
    """
    if not ids.get(name):
        raise NotHeld(field, "answers no call of the turn before; its id cannot be given.")
    return ids[name].pop(0)


def _tool_call(item: Any, field: str, notes: list[Note]) -> tuple[str, Part]:
    call = require_object(item, field)
    kind = call.get("type") or "function"
    if kind != "function":
        raise RowError("unsupported", f"{field}.type", f"must be function, not {shown(kind)}.")
    notes += unread_keys(call, ("id", "type", "function", "index"), field)
    part = _call(
        require_object(call.get("function"), f"{field}.function"), f"{field}.function", notes
    )
    return require_text(call.get("id"), f"{field}.id"), part


def _call(function: dict[str, Any], field: str, notes: list[Note]) -> Part:
    name = require_text(function.get("name"), f"{field}.name")
    notes += unread_keys(function, ("name", "arguments"), field)
    arguments = arguments_of(function.get("arguments"), f"{field}.arguments")
    return Part(function_call=FunctionCall(name, arguments))
