"""Parts of Gemini contents, in camel or snake case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuneline.data.checks.rule import RowError
from tuneline.data.schema import File, FunctionCall, FunctionResponse, Part
from tuneline.data.shapes.required import require_json, require_object, require_text, unread_keys
from tuneline.data.shapes.tools import camel

if TYPE_CHECKING:
    from tuneline.data.shapes.content import Note

_KINDS = ("text", "fileData", "functionCall", "functionResponse", "inlineData")
_BESIDE = ("thought", "videoMetadata")


def part_of(part: dict[str, Any], field: str, empty: str, notes: list[Note]) -> Part:
    """Read one part.

    Args:
        part: The part's object.
        field: Where it stands in the row.
        empty: Code for a text that says nothing.
        notes: Where keys that are not read are noted.

    Raises:
        RowError: It is not one text, fileData, functionCall or functionResponse.
    """
    given = {camel(key): value for key, value in part.items() if value is not None}
    kinds = [key for key in _KINDS if key in given]
    if len(kinds) != 1:
        names = ", ".join(sorted(kinds or given)) or "nothing"
        known = ", ".join(_KINDS[:-1])
        raise RowError("unsupported", field, f"must hold one of {known}; it holds {names}.")
    if given.get("thought"):
        message = "is a thought, which is no part of an answer to learn; take it out."
        raise RowError("unsupported", f"{field}.thought", message)
    [kind] = kinds
    if len(given) > 1:
        notes += unread_keys(given, (kind, *_BESIDE), field)
    clip = given.get("videoMetadata")
    if clip is not None and kind != "fileData":
        raise RowError("unsupported", f"{field}.videoMetadata", "belongs beside fileData.")
    value = given[kind]
    if kind == "text":
        return Part(text=require_text(value, f"{field}.text", empty=empty))
    value = {
        camel(key): own
        for key, own in require_object(value, f"{field}.{kind}").items()
        if own is not None
    }
    return _other(kind, value, clip, f"{field}.{kind}", notes)


def _other(kind: str, value: dict[str, Any], clip: Any, field: str, notes: list[Note]) -> Part:
    if kind == "fileData":
        notes += unread_keys(value, ("fileUri", "mimeType", "displayName"), field)
        uri = require_text(value.get("fileUri"), f"{field}.fileUri")
        mime_type = require_text(value.get("mimeType"), f"{field}.mimeType")
        place = f"{field.removesuffix('fileData')}videoMetadata"
        return Part(file=File(uri, mime_type, None if clip is None else _clip(clip, place)))
    if kind == "functionCall":
        notes += unread_keys(value, ("name", "args"), field)
        called = require_text(value.get("name"), f"{field}.name")
        arguments = require_object(value.get("args") or {}, f"{field}.args")
        return Part(function_call=FunctionCall(called, require_json(arguments, f"{field}.args")))
    if kind == "functionResponse":
        notes += unread_keys(value, ("name", "response"), field)
        name = require_text(value.get("name"), f"{field}.name")
        response = require_object(value.get("response"), f"{field}.response")
        response_text = require_json(response, f"{field}.response")
        return Part(function_response=FunctionResponse(name, response_text))
    raise RowError(
        "unsupported",
        field,
        "holds the file itself; save the file and give its URI as fileData.",
    )


def _clip(clip: Any, field: str) -> str:
    given = {camel(key): value for key, value in require_object(clip, field).items()}
    return require_json({key: own for key, own in given.items() if own is not None}, field)
