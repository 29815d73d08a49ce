"""JSON into messages and back, with the service's words for what does not fit."""

from __future__ import annotations

import re
from typing import Any

from google.protobuf import json_format

from tests.vertex.stand_in.refusals import RefusedError, invalid

_UNKNOWN = re.compile(r'no field named "(?P<name>[^"]+)" at "(?P<path>[^"]+)"')


def request_of(kind: Any, given: dict[str, Any]) -> dict[str, Any]:
    """A request as the service reads it: every field known, values in their JSON form."""
    try:
        message = json_format.ParseDict(given, kind())
    except json_format.ParseError as error:
        raise _unreadable(str(error)) from error
    return as_json(message)


def _unreadable(problem: str) -> RefusedError:
    found = _UNKNOWN.search(problem)
    if found is None:
        return invalid(f"Invalid value: {problem}")
    inner = found["path"].partition(".")[2]
    snake = re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", inner)
    where = f" at '{snake}'" if snake else ""
    name = found["name"]
    return invalid(
        f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.'
    )


def as_json(message: Any, *, numbers_for_enums: bool = False) -> dict[str, Any]:
    """A message as JSON, names in camel case."""
    found: dict[str, Any] = json_format.MessageToDict(
        message, use_integers_for_enums=numbers_for_enums
    )
    return found


def message_of(kind: Any, answer: dict[str, Any]) -> Any:
    """An answer as a message; what this version does not know is left out."""
    return json_format.ParseDict(answer, kind(), ignore_unknown_fields=True)
