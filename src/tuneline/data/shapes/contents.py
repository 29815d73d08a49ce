"""Gemini rows: ``{"systemInstruction": ..., "contents": [{"role": ..., "parts": [...]}]}``.

Names may be in camel case, as the service writes them, or in snake case, as its Python client does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson

from tuneline.data.problems import RowError
from tuneline.data.schema import File, FunctionCall, FunctionResponse, Part, Turn
from tuneline.data.shapes.content import (
    Content,
    require_list,
    require_object,
    require_order,
    require_text,
)

if TYPE_CHECKING:
    from tuneline.data.problems import Reason
    from tuneline.data.schema import Role

_ROLES: dict[str, Role] = {"user": "user", "model": "model"}


def from_contents(row: dict[str, Any]) -> Content:
    """Turn Gemini contents into turns, with everything that the canonical form can hold.

    Raises:
        RowError: A role, the order, an empty text or a part that the canonical form cannot hold.
    """
    contents = require_list(_get(row, "contents"), "contents")
    turns: list[Turn] = []
    fields: list[str] = []
    for place, item in enumerate(contents):
        field = f"contents[{place}]"
        turns.append(_turn(require_object(item, field), field, last=place == len(contents) - 1))
        fields.append(f"{field}.role")
    require_order([turn.role for turn in turns], fields)
    tools = row.get("tools")
    return Content(
        tuple(turns), _system(row), _json(tools) if tools else None, _media_resolution(row)
    )


def _turn(content: dict[str, Any], field: str, *, last: bool) -> Turn:
    role = content.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise RowError("unknown_role", f"{field}.role", f"must be user or model, not {role!r}.")
    answer = last and role == "model"
    given = content.get("parts")
    if answer and given in (None, []):
        raise RowError("empty_answer", f"{field}.parts", "the answer has no part.")
    parts = tuple(
        _part(require_object(part, name := f"{field}.parts[{place}]"), name, answer=answer)
        for place, part in enumerate(require_list(given, f"{field}.parts"))
    )
    if answer and all(part.text is None and part.function_call is None for part in parts):
        raise RowError("empty_answer", f"{field}.parts", "the answer has no text and no call.")
    return Turn(_ROLES[role], parts)


def _part(part: dict[str, Any], field: str, *, answer: bool) -> Part:
    given = {_snake(key): value for key, value in part.items() if value is not None}
    if len(given) != 1:
        names = ", ".join(sorted(given)) or "nothing"
        raise RowError("unsupported", field, f"must hold one thing; it holds {names}.")
    [(name, value)] = given.items()
    match name:
        case "text":
            empty: Reason = "empty_answer" if answer else "empty_text"
            return Part(text=require_text(value, f"{field}.text", empty=empty))
        case "file_data":
            file = require_object(value, f"{field}.fileData")
            uri = require_text(_get(file, "fileUri"), f"{field}.fileData.fileUri")
            mime_type = require_text(_get(file, "mimeType"), f"{field}.fileData.mimeType")
            return Part(file=File(uri, mime_type))
        case "function_call":
            call = require_object(value, f"{field}.functionCall")
            called = require_text(call.get("name"), f"{field}.functionCall.name")
            arguments = require_object(call.get("args") or {}, f"{field}.functionCall.args")
            return Part(function_call=FunctionCall(called, _json(arguments)))
        case "function_response":
            result = require_object(value, f"{field}.functionResponse")
            name = require_text(result.get("name"), f"{field}.functionResponse.name")
            response = require_object(result.get("response"), f"{field}.functionResponse.response")
            return Part(function_response=FunctionResponse(name, _json(response)))
        case _:
            raise RowError(
                "unsupported",
                f"{field}.{name}",
                "cannot be kept; a part is text, fileData, functionCall or functionResponse.",
            )


def _system(row: dict[str, Any]) -> str | None:
    given = _get(row, "systemInstruction")
    if given is None:
        return None
    field = "systemInstruction.parts"
    parts = require_list(require_object(given, "systemInstruction").get("parts"), field)
    return "".join(
        require_text(
            require_object(part, f"{field}[{place}]").get("text"), f"{field}[{place}].text"
        )
        for place, part in enumerate(parts)
    )


def _media_resolution(row: dict[str, Any]) -> str | None:
    generation = require_object(_get(row, "generationConfig") or {}, "generationConfig")
    given = _get(generation, "mediaResolution")
    return None if given is None else require_text(given, "generationConfig.mediaResolution")


def _get(row: dict[str, Any], name: str) -> Any:
    """The value under a camel-case name or its snake-case twin."""
    value = row.get(name)
    return row.get(_snake(name)) if value is None else value


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
