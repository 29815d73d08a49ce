"""Bodies and filters read strictly, by the types of the published client's models."""

from __future__ import annotations

import json
import re
from typing import Any

import kfp_server_api

from tests.kubeflow.stand_in.refusals import invalid

_PLAIN = {"str": str, "int": int, "bool": bool, "datetime": str}
_OPERATIONS = kfp_server_api.V2beta1PredicateOperation.allowable_values


def read(model: str, body: Any, path: str = "") -> dict[str, Any]:
    """A body that has the fields of a model, with values of their types, and no others.

    Raises:
        RefusedError: It has not.
    """
    kind = getattr(kfp_server_api.models, model)
    if not isinstance(body, dict):
        raise invalid(f"{path or model}: is no object")
    known = {json_name: kind.openapi_types[name] for name, json_name in kind.attribute_map.items()}
    for name, value in body.items():
        if name not in known:
            raise invalid(f'proto: (line 1:1): unknown field "{path}{name}"')
        _check(value, known[name], f"{path}{name}")
    return body


def _check(value: Any, kind: str, path: str) -> None:
    if kind == "object" or value is None:
        return
    if entries := re.fullmatch(r"list\[(.*)\]|dict\(str, (.*)\)", kind):
        _check_entries(value, entries, path)
    elif kind in _PLAIN:
        if not isinstance(value, _PLAIN[kind]) or (kind == "int" and isinstance(value, bool)):
            raise invalid(f"{path}: {value!r} is no {kind}")
    elif words := getattr(getattr(kfp_server_api.models, kind), "allowable_values", None):
        if value not in words:
            raise invalid(f"{path}: {value!r} is none of {words}")
    else:
        read(kind, value, f"{path}.")


def _check_entries(value: Any, entries: re.Match[str], path: str) -> None:
    of_list, of_names = entries.groups()
    if not isinstance(value, list if of_list else dict):
        raise invalid(f"{path}: {value!r} is no {'list' if of_list else 'object'}")
    for name, entry in enumerate(value) if isinstance(value, list) else value.items():
        _check(entry, of_list or of_names, f"{path}[{name}]")


def filtered(entries: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    """The entries that a filter lets pass; it knows EQUALS on texts.

    Raises:
        RefusedError: It is no filter, or names no field.
    """
    if not text:
        return entries
    try:
        content = json.loads(text)
    except ValueError as error:
        raise invalid(f"failed to parse filter: {error}") from error
    if set(content) != {"predicates"}:
        raise invalid("failed to parse filter: unknown field")
    for predicate in content["predicates"]:
        if set(predicate) - {"operation", "key", "stringValue", "string_value"}:
            raise invalid(f"failed to parse filter: {sorted(predicate)}")
        if predicate["operation"] not in ("EQUALS", 1):
            raise invalid(f"filter operation {predicate['operation']}; known: {_OPERATIONS}")
        if predicate["key"] not in ("display_name", "name"):
            raise invalid(f"no such field: {predicate['key']}")
        wanted = predicate.get("stringValue", predicate.get("string_value"))
        entries = [each for each in entries if each["display_name"] == wanted]
    return entries
