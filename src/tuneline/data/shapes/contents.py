"""Gemini rows: ``{"systemInstruction": ..., "contents": [{"role": ..., "parts": [...]}]}``.

Names may be in camel case, as the service writes them, or in snake case, as its Python client does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuneline.data.checks.rule import RowError
from tuneline.data.schema import Part, Turn
from tuneline.data.shapes.content import AS_GIVEN, Content, Options
from tuneline.data.shapes.content_parts import part_of
from tuneline.data.shapes.order import in_order
from tuneline.data.shapes.required import (
    require_key,
    require_list,
    require_object,
    require_text,
    shown,
    unread_keys,
)
from tuneline.data.shapes.tools import camel, snake, tools_from_gemini

if TYPE_CHECKING:
    from tuneline.data.schema import Role
    from tuneline.data.shapes.content import Note

# Open models have the answer under "assistant"; Gemini once had responses under "function".
_ROLES: dict[str, Role] = {
    "user": "user",
    "model": "model",
    "assistant": "model",
    "function": "user",
}


def from_contents(row: dict[str, Any], options: Options = AS_GIVEN) -> Content:
    """Turn Gemini contents into turns, with everything that the canonical form can hold.

    Raises:
        RowError: A role, the order, an empty text or a part that the canonical form cannot hold.
    """
    given = row.get("contents")
    notes: list[Note] = []
    turns = _plain(given) if type(given) is list else None
    if turns is None:
        turns = _turns(require_list(require_key(row, "contents", "contents"), "contents"), notes)
        fields = [f"contents[{place}]" for place in range(len(turns))]
        turns = in_order(turns, fields, options)
    if len(row) == 1:
        return Content(turns, notes=tuple(notes))
    return Content(
        turns,
        None if options.drop_system else _system(row, notes),
        tools_from_gemini(row.get("tools"), "tools"),
        _media_resolution(row, notes),
        tuple(notes),
    )


def _plain(contents: list[Any]) -> tuple[Turn, ...] | None:
    """What most rows are: one text a turn, in good order. None where a closer look is needed."""
    turns: list[Turn] = []
    users_turn = True
    for content in contents:
        try:
            parts = content["parts"]
            [part] = parts
            text = part["text"]
            role = content["role"]
        except (KeyError, TypeError, ValueError):
            return None
        if type(text) is not str or not text or text.isspace():
            return None
        if type(parts) is not list or len(part) != 1 or len(content) != 2:
            return None
        if role != ("user" if users_turn else "model"):
            return None
        turns.append(Turn(role, (Part(text),)))
        users_turn = not users_turn
    return tuple(turns) if turns and users_turn else None


def _turns(contents: list[Any], notes: list[Note]) -> tuple[Turn, ...]:
    return tuple(
        _turn(
            require_object(item, field := f"contents[{place}]"),
            field,
            notes,
            last=place == len(contents) - 1,
        )
        for place, item in enumerate(contents)
    )


def _turn(content: dict[str, Any], field: str, notes: list[Note], *, last: bool) -> Turn:
    role = content.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        message = f"must be user or model, not {shown(role)}."
        raise RowError("unknown_role", f"{field}.role", message)
    if len(content) > 2:
        notes += unread_keys(content, ("role", "parts"), field)
    answer = last and _ROLES[role] == "model"
    given = content.get("parts")
    if answer and given in (None, []):
        raise RowError("empty_answer", f"{field}.parts", "the answer has no part.")
    parts = tuple(
        part_of(
            require_object(part, name := f"{field}.parts[{place}]"),
            name,
            "empty_answer" if answer else "empty_text",
            notes,
        )
        for place, part in enumerate(require_list(given, f"{field}.parts"))
    )
    return Turn(_ROLES[role], parts)


def _system(row: dict[str, Any], notes: list[Note]) -> str | None:
    given = _get(row, "systemInstruction")
    if given is None:
        return None
    field = "systemInstruction.parts"
    instruction = require_object(given, "systemInstruction")
    notes += unread_keys(instruction, ("role", "parts"), "systemInstruction")
    texts = []
    for place, item in enumerate(require_list(instruction.get("parts"), field)):
        part = require_object(item, f"{field}[{place}]")
        if len(part) > 1:
            notes += unread_keys(part, ("text",), f"{field}[{place}]")
        texts.append(require_text(part.get("text"), f"{field}[{place}].text"))
    return "".join(texts)


def _media_resolution(row: dict[str, Any], notes: list[Note]) -> str | None:
    given = _get(row, "generationConfig")
    if given is None:
        return None
    generation = {
        camel(key): value for key, value in require_object(given, "generationConfig").items()
    }
    notes += unread_keys(generation, ("mediaResolution",), "generationConfig")
    resolution = generation.get("mediaResolution")
    if resolution is None:
        return None
    return require_text(resolution, "generationConfig.mediaResolution")


def _get(row: dict[str, Any], name: str) -> Any:
    """The value under a camel-case name or its snake-case twin."""
    value = row.get(name)
    return row.get(snake(name)) if value is None else value
