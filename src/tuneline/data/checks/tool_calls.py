"""Function calls against their declarations: names, arguments, and responses in their places.

A model that is tuned on calls which its declarations forbid learns to make them.
"""

from __future__ import annotations

import re
import reprlib
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson
from jsonschema import Draft202012Validator

from tuneline.data.checks.function_schema import DeclarationError, to_json_schema
from tuneline.data.checks.rule import Hit, Rule
from tuneline.settings import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jsonschema import ValidationError

    from tuneline.data.batch import Batch
    from tuneline.data.schema import Example, FunctionCall, Part

RULES: tuple[Rule, ...] = (
    Rule(
        "bad_tool_declaration",
        "error",
        "A declared function has no valid name, or parameters that contradict themselves.",
        "Correct the declaration.",
    ),
    Rule(
        "undeclared_function",
        "error",
        "A call or response names a function that the example does not declare.",
        "Declare the function in the tools of the example, or correct the name.",
    ),
    Rule(
        "bad_arguments_for_declaration",
        "error",
        "The arguments of a call do not fit the declared parameters.",
        "Correct the arguments, or the declaration.",
    ),
    Rule(
        "response_without_call",
        "error",
        "A function response follows no call of that function.",
        "Add the call to the model's turn before it, or take the response out.",
    ),
    Rule(
        "call_without_response",
        "warn",
        "A call in the middle of a conversation has no response in the turn after it.",
        "Add the response, or end the example with the call.",
    ),
)

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}")
_SHOWN_ERRORS = 3
_CACHED_DECLARATIONS = 256


@dataclass(frozen=True, slots=True)
class Declarations:
    """The functions that an example declares.

    Attributes:
        validators: By name, what checks the arguments; None where anything is taken.
        problems: What is wrong with the declarations.
    """

    validators: dict[str, Draft202012Validator | None] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def tool_calls(batch: Batch) -> Iterator[Hit]:
    """Hits for declarations, calls and responses that do not fit each other."""
    for index in batch.beyond_text:
        example = batch.examples[index]
        declared = declarations(example.tools) if example.tools else Declarations()
        for problem in declared.problems:
            yield Hit(index, "bad_tool_declaration", "tools", problem)
        for turn, part, code, message in _problems(example, declared):
            yield Hit(index, code, batch.shape.field(example, turn, part), message)


@lru_cache(maxsize=_CACHED_DECLARATIONS)
def declarations(tools: str) -> Declarations:
    """Read the declared functions of an example's tools.

    Args:
        tools: The tools as JSON text.
    """
    validators: dict[str, Draft202012Validator | None] = {}
    problems: list[str] = []
    given = orjson.loads(tools)
    for place, tool in enumerate(given if isinstance(given, list) else [given]):
        functions = _either(tool, "functionDeclarations", "function_declarations") or []
        where = f"[{place}].functionDeclarations"
        if not isinstance(functions, list):
            problems.append(f"{where} must be a list.")
            continue
        for number, function in enumerate(functions):
            problem = _declare(function, validators)
            if problem:
                problems.append(f"{where}[{number}]: {problem}.")
    return Declarations(validators, tuple(problems))


def _declare(function: Any, validators: dict[str, Draft202012Validator | None]) -> str | None:
    """Add a declared function; say what is wrong with it, if something is."""
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return (
            f"the name {reprlib.repr(name)} must start with a letter or underscore and have up to "
            "128 letters, digits, underscores, dots, colons and dashes"
        )
    if name in validators:
        return f"{name!r} is declared twice"
    validators[name] = None
    parameters = function.get("parameters")
    if parameters is None:
        parameters = _either(function, "parametersJsonSchema", "parameters_json_schema")
    if parameters is None:
        return None
    if not isinstance(parameters, dict):
        return f"{name!r}: parameters must be an object"
    try:
        validators[name] = Draft202012Validator(to_json_schema(parameters))
    except DeclarationError as error:
        return f"{name!r}: {error}"
    return None


def _either(value: Any, name: str, other: str) -> Any:
    return value.get(name, value.get(other)) if isinstance(value, dict) else None


def _problems(example: Example, declared: Declarations) -> Iterator[tuple[int, int, str, str]]:
    """Turn, part, code and message of everything wrong with calls and responses."""
    open_calls: list[tuple[int, int, str]] = []
    for turn_number, turn in enumerate(example.turns):
        answered, waiting = open_calls, []
        for part_number, part in enumerate(turn.parts):
            name = _function_name(part)
            if name is None:
                continue
            if name not in declared.validators:
                message = _undeclared(name, declared)
                yield turn_number, part_number, "undeclared_function", message
            if part.function_call is not None:
                waiting.append((turn_number, part_number, name))
                for message in _argument_problems(part.function_call, declared):
                    yield turn_number, part_number, "bad_arguments_for_declaration", message
            elif call := next((call for call in answered if call[2] == name), None):
                answered.remove(call)
            else:
                message = f"responds to {name!r}, which the turn before does not call."
                yield turn_number, part_number, "response_without_call", message
        for turn_of, part_of, name in answered:
            message = f"calls {name!r}, and the turn after it holds no response."
            yield turn_of, part_of, "call_without_response", message
        open_calls = waiting


def _function_name(part: Part) -> str | None:
    if part.function_call is not None:
        return part.function_call.name
    return part.function_response.name if part.function_response is not None else None


def _undeclared(name: str, declared: Declarations) -> str:
    if not declared.validators:
        return f"names the function {name!r}, and the example declares none."
    known = ", ".join(sorted(declared.validators)[:10])
    hint = suggestion(name, declared.validators)
    return f"names the function {name!r}, which is not declared.{hint} Declared: {known}."


def _argument_problems(call: FunctionCall, declared: Declarations) -> Iterator[str]:
    validator = declared.validators.get(call.name)
    if validator is None:
        return
    errors = validator.iter_errors(orjson.loads(call.args))
    # One error comes for each missing property, and its sentence names all of them.
    sentences = dict.fromkeys(_sentence(call.name, error) for error in errors)
    yield from islice(sentences, _SHOWN_ERRORS)


def _sentence(name: str, error: ValidationError) -> str:
    """What an argument breaks, in words that hold no value of the row."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
    place = f"{name}: args{''.join(steps)}"
    wanted: Any = error.validator_value
    given: Any = error.instance
    match error.validator:
        case "type":
            return f"{place} must be {' or '.join(wanted)}, not {_json_type(given)}."
        case "required":
            missing = [key for key in wanted if key not in given]
            return f"{place} lacks {', '.join(missing)}."
        case "additionalProperties":
            known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
            extra = sorted(key for key in given if key not in known)[:_SHOWN_ERRORS]
            hint = suggestion(extra[0], known) if extra else ""
            return f"{place} has {', '.join(map(repr, extra))}, which is not declared.{hint}"
        case "enum":
            return f"{place} must be one of {reprlib.repr(wanted)}."
        case "anyOf" | "oneOf" | "allOf":
            return f"{place} fits none of the declared forms."
        case _:
            return f"{place} breaks {error.validator} {reprlib.repr(wanted)}."


def _json_type(value: Any) -> str:
    if value is None:
        return "null"
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    return names.get(type(value), "object")
