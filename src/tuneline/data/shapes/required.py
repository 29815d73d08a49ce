"""What a converter asks of the values of a row, and what it says where they are not so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from tuneline.data.checks.rule import RowError
from tuneline.data.shapes.marks import shapes_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from tuneline.data.shapes.content import Note
    from tuneline.data.shapes.marks import ShapeName

_SHOWN = 40
_JSON_TYPES = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}


def require_text(value: Any, field: str, *, empty: str = "empty_text") -> str:
    """Return ``value`` if it is a text that says something.

    Raises:
        RowError: It is null or blank (reason ``empty``), or no text.
    """
    if value is None:
        raise RowError(empty, field, "is null; give it a text or take the row out.")
    if not isinstance(value, str):
        raise RowError("wrong_type", field, f"must be a text, not {json_type(value)}.")
    if not value or value.isspace():
        raise RowError(empty, field, "is empty; give it a text or take the row out.")
    return value


def optional_text(value: Any, field: str) -> str | None:
    """Return ``value`` if it is a text, and none where it is null or blank.

    Raises:
        RowError: It is something else.
    """
    if value is None or (isinstance(value, str) and (not value or value.isspace())):
        return None
    return require_text(value, field)


def require_key(row: dict[str, Any], key: str, shape: ShapeName) -> Any:
    """The value of a key that every row of a shape has.

    Raises:
        RowError: The row has no such key (the message says which it has), or is of another shape.
    """
    value = row.get(key)
    if value is None:
        require_shape(row, key, shape)
    if key in row:
        return value
    keys = ", ".join(sorted(map(str, row))[:10]) or "nothing"
    raise RowError("missing_field", key, f"is missing; the row has {keys}.")


def require_shape(row: dict[str, Any], field: str, shape: ShapeName) -> None:
    """Check that a row does not look like one of another shape alone.

    Args:
        row: The row.
        field: What the message names.
        shape: The shape of the file's rows.

    Raises:
        RowError: It does.
    """
    found = shapes_of(row)
    if found and shape not in found:
        raise RowError(
            "mixed_format",
            field,
            f"the row looks like {found[0]}, but the file's rows are {shape}. Put it into a file "
            "of its own.",
        )


def require_list(value: Any, field: str) -> list[Any]:
    """Return ``value`` if it is a list with at least one item.

    Raises:
        RowError: It is no list, or an empty one.
    """
    if not isinstance(value, list):
        raise RowError("wrong_type", field, f"must be a list, not {json_type(value)}.")
    if not value:
        raise RowError("empty_text", field, "is an empty list.")
    return value


def require_object(value: Any, field: str) -> dict[str, Any]:
    """Return ``value`` if it is an object.

    Raises:
        RowError: It is none.
    """
    if not isinstance(value, dict):
        raise RowError("wrong_type", field, f"must be an object, not {json_type(value)}.")
    return value


def require_json(value: Any, field: str) -> str:
    """``value`` as JSON text, the keys of objects sorted, so that equal values give equal texts.

    Raises:
        RowError: JSON cannot hold it, such as the bytes of a Parquet cell.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError as error:
        raise RowError("wrong_type", field, f"cannot be written as JSON ({error}).") from None


def unread_keys(given: dict[str, Any], known: Collection[str], field: str) -> list[Note]:
    """A note for each key that says something and that the shape does not know."""
    return [
        ("unknown_key", f"{field}.{key}" if field else key, "is not known here and was not read.")
        for key, value in given.items()
        if key not in known and value is not None and value not in ("", [], {})
    ]


def shown(value: Any) -> str:
    """A value for a message, cut where it is long."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def json_type(value: Any) -> str:
    """A value's type in JSON's words."""
    if value is None:
        return "null"
    return _JSON_TYPES.get(type(value), "a number" if isinstance(value, int | float) else "binary")
