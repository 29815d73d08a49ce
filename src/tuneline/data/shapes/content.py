"""What every shape is turned into, and the rules that hold for all of them."""

from __future__ import annotations

from typing import Any, NamedTuple

from tuneline.data.problems import Reason, RowError
from tuneline.data.schema import Part, Role, Turn

_JSON_TYPES = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}


class Content(NamedTuple):
    """What a model sees and says in one example; the fields are those of `schema.Example`."""

    turns: tuple[Turn, ...]
    system: str | None = None
    tools: str | None = None
    media_resolution: str | None = None


def question_and_answer(
    prompt: str, answer: str, *, system: str | None, prompt_field: str, answer_field: str
) -> Content:
    """One user turn and the model's answer.

    Raises:
        RowError: Either is no text or empty, or a text holds a NUL.
    """
    if system is not None:
        require_text(system, "system")
    require_text(prompt, prompt_field)
    require_text(answer, answer_field, empty="empty_answer")
    return Content((Turn("user", (Part(prompt),)), Turn("model", (Part(answer),))), system)


def require_text(value: Any, field: str, *, empty: Reason = "empty_text") -> str:
    """Return ``value`` if it is a text that says something.

    Raises:
        RowError: It is null or blank (reason ``empty``), no text, or holds a NUL character.
    """
    if value is None:
        raise RowError(empty, field, "is null; give it a text or take the row out.")
    if not isinstance(value, str):
        raise RowError("wrong_type", field, f"must be a text, not {json_type(value)}.")
    if not value or value.isspace():
        raise RowError(empty, field, "is empty; give it a text or take the row out.")
    if "\0" in value:
        raise RowError("control_char", field, "holds a NUL character; remove it.")
    return value


def require_key(row: dict[str, Any], key: str) -> Any:
    """The value of ``key``.

    Raises:
        RowError: The row has no such key; the message says which it has.
    """
    try:
        return row[key]
    except KeyError:
        keys = ", ".join(sorted(row)[:10]) or "nothing"
        raise RowError("missing_field", key, f"is missing; the row has {keys}.") from None


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


def require_order(roles: list[Role], fields: list[str]) -> None:
    """Check that the user begins, the sides alternate, and the model ends.

    Args:
        roles: Who speaks, turn by turn.
        fields: Where each turn stands in the row.

    Raises:
        RowError: The order is another one.
    """
    if not roles or roles[0] != "user":
        raise RowError("first_not_user", fields[0] if fields else "", "must be the user's turn.")
    for before, role, field in zip(roles, roles[1:], fields[1:], strict=False):
        if role == before:
            raise RowError("consecutive_turns", field, f"is a second {role} turn in a row.")
    if roles[-1] != "model":
        raise RowError("last_not_model", fields[-1], "must be the model's answer.")


def json_type(value: Any) -> str:
    """A value's type in JSON's words."""
    if value is None:
        return "null"
    return _JSON_TYPES.get(type(value), "a number" if isinstance(value, int | float) else "binary")
