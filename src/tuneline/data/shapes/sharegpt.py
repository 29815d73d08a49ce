"""ShareGPT rows: ``{"conversations": [{"from": "human", "value": "..."}, ...]}``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from tuneline.data.checks.rule import RowError
from tuneline.data.schema import FunctionCall, FunctionResponse, Part, Turn
from tuneline.data.shapes.content import AS_GIVEN, Content, Options
from tuneline.data.shapes.message_calls import arguments_of, response_of
from tuneline.data.shapes.order import in_order
from tuneline.data.shapes.plain import plain_chat
from tuneline.data.shapes.required import (
    optional_text,
    require_key,
    require_list,
    require_object,
    require_text,
    shown,
    unread_keys,
)
from tuneline.data.shapes.tools import tools_from_functions

if TYPE_CHECKING:
    from tuneline.data.shapes.content import Note
    from tuneline.data.shapes.plain import Speaker

_SPEAKERS: dict[str, Speaker] = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "model",
    "assistant": "model",
    "model": "model",
    "function_call": "call",
    "observation": "response",
    "tool": "response",
}


def from_sharegpt(row: dict[str, Any], options: Options = AS_GIVEN) -> Content:
    """Turn conversations into turns.

    A ``function_call`` is the JSON text of a name and arguments, or of a list of such calls;
    consecutive observations are one turn and answer the calls before them in their order.

    Raises:
        RowError: A speaker, the order, an empty text, or a call that cannot be read.
    """
    given = row.get("conversations")
    if type(given) is list and not row.get("system") and not row.get("tools"):
        plain = plain_chat(given, "from", "value", _SPEAKERS)
        if plain is not None:
            return Content(plain[0], None if options.drop_system else plain[1])
    given = require_list(require_key(row, "conversations", "sharegpt"), "conversations")
    reading = _Reading()
    for place, item in enumerate(given):
        field = f"conversations[{place}]"
        reading.take(require_object(item, field), field, last=place == len(given) - 1)
    system = optional_text(row.get("system"), "system")
    if system is not None and reading.system is not None:
        message = "stands beside a system message; keep one of them."
        raise RowError("unsupported", "system", message)
    system = system or reading.system
    tools = tools_from_functions(row.get("tools"), "tools", reading.notes)
    return Content(
        in_order(reading.turns, reading.fields, options, who=".from"),
        None if options.drop_system else system,
        tools,
        notes=tuple(reading.notes),
    )


class _Reading:
    """One row's conversation on its way to turns."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.fields: list[str] = []
        self.notes: list[Note] = []
        self.system: str | None = None
        self._open: list[str] = []
        self._answering = False

    def take(self, message: dict[str, Any], field: str, *, last: bool) -> None:
        speaker = message.get("from")
        if not isinstance(speaker, str) or speaker not in _SPEAKERS:
            if "role" in message:
                what = "is missing, but there is a role; call the list messages, not conversations."
                raise RowError("unknown_role", f"{field}.from", what)
            known = ", ".join(_SPEAKERS)
            what = f"must be one of {known}, not {shown(speaker)}."
            raise RowError("unknown_role", f"{field}.from", what)
        if len(message) > 2:
            self.notes += unread_keys(message, ("from", "value", "weight"), field)
        kind = _SPEAKERS[speaker]
        if kind == "response":
            self._observe(message.get("value"), field)
            return
        self._answering = False
        empty = "empty_answer" if last and kind in ("model", "call") else "empty_text"
        text = require_text(message.get("value"), f"{field}.value", empty=empty)
        if kind == "system":
            if field != "conversations[0]":
                what = "system must be the first message."
                raise RowError("system_not_first", f"{field}.from", what)
            self.system = text
        elif kind == "user":
            self._add(Turn("user", (Part(text),)), field)
        else:
            parts = _calls(text, f"{field}.value") if kind == "call" else (Part(text),)
            self._open = [part.function_call.name for part in parts if part.function_call]
            self._add(Turn("model", parts, _trained(message, field)), field)

    def _observe(self, value: Any, field: str) -> None:
        if not isinstance(value, str) or not value:
            value = require_text(value, f"{field}.value")
        if not self._open:
            what = "answers no call; a function_call must come before it."
            raise RowError("unknown_tool_call_id", f"{field}.from", what)
        part = Part(
            function_response=FunctionResponse(
                self._open.pop(0), response_of(value, f"{field}.value")
            )
        )
        if self._answering:
            self.turns[-1] = Turn("user", (*self.turns[-1].parts, part))
        else:
            self._add(Turn("user", (part,)), field)
        self._answering = True

    def _add(self, turn: Turn, field: str) -> None:
        self.turns.append(turn)
        self.fields.append(field)


def _trained(message: dict[str, Any], field: str) -> bool:
    weight = message.get("weight")
    if weight is None or weight in (0, 1):
        return weight != 0
    raise RowError("weight_not_0_1", f"{field}.weight", "must be 0 or 1.")


def _calls(text: str, field: str) -> tuple[Part, ...]:
    try:
        given = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        message = f"must be the JSON text of a name and arguments ({error})."
        raise RowError("bad_arguments", field, message) from None
    calls = given if isinstance(given, list) and given else [given]
    return tuple(_call(call, field) for call in calls)


def _call(call: Any, field: str) -> Part:
    if not isinstance(call, dict) or not isinstance(call.get("name"), str) or not call["name"]:
        message = "must be the JSON text of an object with a name and arguments."
        raise RowError("bad_arguments", field, message)
    arguments = arguments_of(call.get("arguments"), field)
    return Part(function_call=FunctionCall(call["name"], arguments))
