"""Declared parameters of a function as a JSON Schema that arguments can be checked by.

Declarations come in two dialects: Gemini's, with types in capitals and ``nullable``, and JSON
Schema itself. Both are reduced to the keywords that they share. Patterns, formats and remote
references are left out: a declaration is part of a row, and checking it must neither reach for the
network nor run a regular expression that someone else wrote.
"""

from __future__ import annotations

from typing import Any

_TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
_COUNTS = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_MAX_DEPTH = 32
_MAX_NODES = 5_000


class DeclarationError(Exception):
    """Declared parameters that contradict themselves; says where."""


def to_json_schema(parameters: dict[str, Any]) -> dict[str, Any]:
    """Reduce declared parameters to a JSON Schema.

    An object with named properties takes no others unless it says so. Local references are written
    out; what refers to itself, or lies deeper than is sensible, takes anything.

    Args:
        parameters: ``parameters`` or ``parametersJsonSchema`` of a function declaration.

    Raises:
        DeclarationError: The declaration contradicts itself.
    """
    return _Reducer(parameters).reduce(parameters, "parameters")


class _Reducer:
    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._open: list[str] = []
        self._depth = 0
        self._nodes = 0

    def reduce(self, given: Any, where: str, *, closed: bool = True) -> dict[str, Any]:
        """One schema, reduced; ``closed`` lets unnamed properties be refused."""
        if given is True or given is None:
            return {}
        if not isinstance(given, dict):
            raise DeclarationError(f"{where} must be an object")
        self._nodes += 1
        if self._depth >= _MAX_DEPTH or self._nodes > _MAX_NODES:
            return {}
        self._depth += 1
        try:
            if "$ref" in given:
                return self._referred(given["$ref"], where, closed=closed)
            return self._reduced(given, where, closed=closed)
        finally:
            self._depth -= 1

    def _reduced(self, given: dict[str, Any], where: str, *, closed: bool) -> dict[str, Any]:
        schema = _typed(given, where)
        for name in _COUNTS:
            if (count := _number(given.get(name))) is not None:
                schema[name] = int(count)
        for name in _BOUNDS:
            if (bound := _number(given.get(name))) is not None:
                schema[name] = bound
        for name in ("anyOf", "oneOf", "allOf"):
            if isinstance(options := given.get(name), list) and options:
                schema[name] = [
                    self.reduce(option, f"{where}.{name}[{place}]", closed=name != "allOf")
                    for place, option in enumerate(options)
                ]
        if "items" in given:
            schema["items"] = self.reduce(given["items"], f"{where}.items")
        combined = any(name in given for name in ("anyOf", "oneOf", "allOf", "patternProperties"))
        self._object(given, schema, where, closed=closed and not combined)
        return schema

    def _object(
        self, given: dict[str, Any], schema: dict[str, Any], where: str, *, closed: bool
    ) -> None:
        properties = given.get("properties") or {}
        required = given.get("required") or []
        if not isinstance(properties, dict):
            raise DeclarationError(f"{where}.properties must be an object")
        if not (isinstance(required, list) and all(isinstance(name, str) for name in required)):
            raise DeclarationError(f"{where}.required must be a list of names")
        if required:
            schema["required"] = required
        if not properties:
            return
        schema["properties"] = {
            name: self.reduce(value, f"{where}.properties.{name}")
            for name, value in properties.items()
        }
        others = given.get("additionalProperties")
        if isinstance(others, dict):
            schema["additionalProperties"] = self.reduce(others, f"{where}.additionalProperties")
        elif closed and others is not True:
            schema["additionalProperties"] = False
            undeclared = [name for name in required if name not in properties]
            if undeclared:
                raise DeclarationError(
                    f"{where}.required names {undeclared[0]!r}, which is no property"
                )

    def _referred(self, reference: Any, where: str, *, closed: bool) -> dict[str, Any]:
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return {}
        if reference in self._open:
            return {}
        value: Any = self._root
        for step in reference[2:].split("/"):
            if not isinstance(value, dict) or step not in value:
                raise DeclarationError(f"{where} refers to {reference!r}, which is not there")
            value = value[step]
        self._open.append(reference)
        try:
            return self.reduce(value, where, closed=closed)
        finally:
            self._open.pop()


def _typed(given: dict[str, Any], where: str) -> dict[str, Any]:
    """The type, with null where it is allowed, and the values to choose from."""
    named = given.get("type")
    names = [str(name).lower() for name in (named if isinstance(named, list) else [named])]
    types = [] if named in (None, "TYPE_UNSPECIFIED") else names
    unknown = [name for name in types if name not in _TYPES]
    if unknown:
        raise DeclarationError(
            f"{where}.type {unknown[0]!r} is none of {', '.join(sorted(_TYPES))}"
        )
    nullable = given.get("nullable") is True
    schema: dict[str, Any] = {}
    if types:
        schema["type"] = [*types, "null"] if nullable and "null" not in types else types
    values = [given["const"]] if "const" in given else given.get("enum")
    if isinstance(values, list) and values and _comparable(values, types):
        schema["enum"] = [*values, None] if nullable else values
    return schema


def _comparable(values: list[Any], types: list[str]) -> bool:
    """Whether arguments can be held to these values.

    Gemini writes the values of every type as texts, which say nothing of numbers; and comparing
    objects can go as deep as whoever wrote them liked.
    """
    if types and "string" not in types and all(isinstance(value, str) for value in values):
        return False
    return all(value is None or isinstance(value, (str, int, float)) for value in values)


def _number(value: Any) -> int | float | None:
    """A number, which Gemini's JSON also writes as a text of digits."""
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    return None
