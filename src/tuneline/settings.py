"""Typed settings from plain mappings: every problem at once, in words that say what to change."""

from __future__ import annotations

import difflib
import reprlib
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from tuneline.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic_core import ErrorDetails

SettingsModel = TypeVar("SettingsModel", bound=BaseModel)


_PLAIN_WORDS = {
    "tuple_type": "a list, such as [a, b]",
    "list_type": "a list, such as [a, b]",
    "dict_type": "names with values, such as {a: 1}",
    "model_type": "names with values, such as {a: 1}",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "text; put it in quotes, such as 'true' or '8'",
}
"""What pydantic asks for, by the type of its error, in the words of a YAML file."""


def validated(
    model_type: type[SettingsModel], values: Mapping[str, Any], *, source: str
) -> SettingsModel:
    """Build a settings model from plain values.

    Args:
        model_type: The pydantic model that owns the fields.
        values: What the user gave, by field name.
        source: Where the values come from, as the user knows it ("tune.yaml", "tuneline prepare");
            every problem starts with it.

    Raises:
        ConfigurationError: Lists every problem: unknown names with the nearest known ones, missing
            names, and values that are refused, each with what was given.
    """
    try:
        return model_type.model_validate(dict(values))
    except ValidationError as error:
        problems = [f"{source}: {sentence}" for sentence in sentences(model_type, error)]
        raise ConfigurationError(problems) from error


def sentences(model_type: type[BaseModel], error: ValidationError) -> list[str]:
    """What pydantic found wrong with a model's values, in words that say what to change."""
    return [
        sentence
        for details in error.errors(include_url=False)
        for sentence in _sentences(model_type, details)
    ]


def suggestion(name: str, known: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` for the nearest known name, or nothing when none is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean '{near[0]}'?" if near else ""


def _sentences(model_type: type[BaseModel], details: ErrorDetails) -> list[str]:
    name = ".".join(str(step) for step in details["loc"])
    known = _names_beside(model_type, details["loc"])
    given = reprlib.repr(details["input"])
    match details["type"]:
        case "extra_forbidden":
            hint = suggestion(str(details["loc"][-1]), known)
            return [
                f"{name}: no such setting.{hint or ' Known: ' + ', '.join(sorted(known)) + '.'}"
            ]
        case "missing":
            return [f"{name}: is required."]
        case "literal_error":
            hint = suggestion(str(details["input"]), _choices(details))
            return [f"{name}: must be {details['ctx']['expected']}, not {given}.{hint}"]
        case "value_error":
            # A validator may gather several problems: ConfigurationError carries each of them.
            raised = details["ctx"]["error"]
            lines = raised.problems if isinstance(raised, ConfigurationError) else [str(raised)]
            return [f"{name}: {line}" if name else line for line in lines]
        case kind if kind in _PLAIN_WORDS:
            return [f"{name}: must be {_PLAIN_WORDS[kind]}, not {given}."]
        case _:
            message = details["msg"].replace("Input should be", "must be", 1)
            return [f"{name}: {message}, not {given}."]


def _choices(details: ErrorDetails) -> list[str]:
    expected = str(details.get("ctx", {}).get("expected", ""))
    return [word.strip("' ") for word in expected.replace(" or ", ", ").split(", ")]


def _names_beside(model_type: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The field names of the (nested) model that holds the last step of ``location``."""
    model: type[BaseModel] = model_type
    for step in location[:-1]:
        if isinstance(step, int):
            continue
        field = model.model_fields.get(step)
        nested = _model_in(field.annotation) if field else None
        if nested is None:
            break
        model = nested
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that a field holds: itself, in a list, or where it may be left out."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)
