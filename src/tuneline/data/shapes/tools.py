"""Declared tools: Gemini's own form, which is the canonical one, and OpenAI's list of functions."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from tuneline.data.checks.rule import RowError
from tuneline.data.shapes.content import NotHeld
from tuneline.data.shapes.required import (
    json_type,
    require_json,
    require_list,
    require_object,
    require_text,
    shown,
    unread_keys,
)

if TYPE_CHECKING:
    from tuneline.data.shapes.content import Note

_DECLARATION_KEYS = ("name", "description", "parameters", "response", "type")
_NAMED_BY_USERS = frozenset({"properties", "$defs", "defs"})
_MAY_BE_NULL = frozenset({"default", "example"})
_VERBATIM = frozenset({"enum", "required", "example", "default", "propertyOrdering"})


def tools_from_functions(given: Any, field: str, notes: list[Note]) -> str | None:
    """OpenAI's tools, or bare functions, as canonical JSON text.

    Args:
        given: A list, or its JSON text as Parquet files have it; none and an empty list: no tools.
        field: Where it stands in the row.
        notes: Where keys that are not read are noted.

    Raises:
        RowError: It is no list of functions with names.
    """
    given = _parsed(given, field, "functions")
    if not given:
        return None
    functions = [
        _function(require_object(tool, name := f"{field}[{place}]"), name, notes)
        for place, tool in enumerate(require_list(given, field))
    ]
    return require_json([{"functionDeclarations": functions}], field)


def _parsed(given: Any, field: str, what: str) -> Any:
    """What is given, read where it is JSON text."""
    if not isinstance(given, str) or not given.strip():
        return given
    try:
        return orjson.loads(given)
    except orjson.JSONDecodeError as error:
        message = f"must be a list of {what} or its JSON text ({error})."
        raise RowError("wrong_type", field, message) from None


def functions_of(tools: str) -> list[dict[str, Any]]:
    """The functions of canonical tools, as OpenAI lists them.

    Raises:
        NotHeld: A tool is something else than functions, such as a search.
    """
    functions: list[dict[str, Any]] = []
    for place, tool in enumerate(orjson.loads(tools)):
        if set(tool) != {"functionDeclarations"}:
            raise NotHeld(f"tools[{place}]", "is no list of functions; only those have a place.")
        functions += tool["functionDeclarations"]
    return [{"type": "function", "function": function} for function in functions]


def tools_from_gemini(given: Any, field: str) -> str | None:
    """Gemini's tools, in camel or snake case, as canonical JSON text in camel case.

    Args:
        given: A list, or its JSON text; none and an empty list: no tools.
        field: Where it stands in the row.

    Raises:
        RowError: It is no list of objects.
    """
    given = _parsed(given, field, "tools")
    if not given:
        return None
    # What is nested too deep for JSON text is refused before it is walked through.
    require_json(given, field)
    tools = [
        _gemini_tool(require_object(tool, name := f"{field}[{place}]"), name)
        for place, tool in enumerate(require_list(given, field))
    ]
    return require_json(tools, field)


@lru_cache(maxsize=1024)
def camel(name: str) -> str:
    """``file_uri`` as ``fileUri``."""
    return re.sub(r"(?<=[a-z0-9])_([a-z])", lambda match: match[1].upper(), name)


@lru_cache(maxsize=1024)
def snake(name: str) -> str:
    """``fileUri`` as ``file_uri``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _function(tool: dict[str, Any], field: str, notes: list[Note]) -> dict[str, Any]:
    kind = tool.get("type", "function")
    if kind != "function":
        raise RowError("unsupported", f"{field}.type", f"must be function, not {shown(kind)}.")
    function = tool
    if tool.get("function") is not None:
        notes += unread_keys(tool, ("type", "function"), field)
        field = f"{field}.function"
        function = require_object(tool["function"], field)
    require_text(function.get("name"), f"{field}.name")
    notes += unread_keys(function, _DECLARATION_KEYS, field)
    return {
        key: function[key]
        for key in _DECLARATION_KEYS
        if key != "type" and function.get(key) is not None
    }


def _gemini_tool(tool: dict[str, Any], field: str) -> dict[str, Any]:
    given = {camel(key): value for key, value in tool.items() if value is not None}
    declarations = given.get("functionDeclarations")
    if declarations is not None:
        field = f"{field}.functionDeclarations"
        given["functionDeclarations"] = [
            _declaration(require_object(declaration, name := f"{field}[{place}]"), name)
            for place, declaration in enumerate(require_list(declarations, field))
        ]
    return given


def _declaration(declaration: dict[str, Any], field: str) -> dict[str, Any]:
    require_text(declaration.get("name"), f"{field}.name")
    given = {camel(key): value for key, value in declaration.items() if value is not None}
    for key in ("parameters", "response"):
        if isinstance(given.get(key), dict):
            given[key] = _schema(given[key])
        elif key in given:
            found = json_type(given[key])
            raise RowError("wrong_type", f"{field}.{key}", f"must be an object, not {found}.")
    return given


def _schema(schema: Any) -> Any:
    """A schema with its own keys in camel case; names that the user chose stay.

    Nulls go: files of columns give every schema the keys of all others.
    """
    if isinstance(schema, list):
        return [_schema(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    changed: dict[str, Any] = {}
    for given, value in schema.items():
        key = camel(given)
        if value is None and key not in _MAY_BE_NULL:
            continue
        if key in _NAMED_BY_USERS and isinstance(value, dict):
            changed[key] = {name: _schema(own) for name, own in value.items()}
        else:
            changed[key] = value if key in _VERBATIM else _schema(value)
    return changed
