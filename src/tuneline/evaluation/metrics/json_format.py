"""Answers that must be JSON: whether they can be read, and whether they fit a schema.

One strict reader stands behind every metric over JSON: RFC 8259, with what it leaves to readers
settled so that any program behind the model reads the same value. A key that stands twice in an
object is refused (readers keep the first, the last or neither), as are NaN and infinity, a number
beyond a double, half a surrogate pair, a byte order mark and nesting beyond `MOST_LEVELS`. Integers
beyond 64 bits are read as doubles. Nothing is repaired: a fence around the answer, or a sentence
before it, makes it invalid, since the program that has to read it fails as well.
"""

from __future__ import annotations

import json
import reprlib
from threading import local
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from jsonschema.validators import extend, validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import UnknownDialect, specification_with

from tuneline.errors import ConfigurationError
from tuneline.evaluation.metrics.metric import MeanMetric

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jsonschema.protocols import Validator
    from referencing import Resource

    from tuneline.evaluation.rows import Rows

MOST_LEVELS = 100
"""Objects and lists within one another; few readers follow further than some hundred."""

MOST_SCHEMA_LEVELS = 50
"""The same of a schema, whose check needs ten calls within one another for each."""

MOST_REFERENCES = 40
"""References of a schema followed within one another, which is how deep answers are followed."""

_FENCE = "```"
_LANGUAGE = "json"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_PROBES: tuple[Any, ...] = (None, True, 0, "", [], {})
"""A value of each type: a keyword that refers elsewhere is followed whatever the value holds."""


class Parsed(NamedTuple):
    """A JSON value, which may be null."""

    value: Any


class _RepeatedKeyError(Exception):
    """An object names a key twice."""


class _ReferenceDepthError(Exception):
    """More than `MOST_REFERENCES` lead from one to the next."""


def parsed_json(text: str) -> Parsed | None:
    """Read a text that is JSON and nothing else but white space; None where it is not.

    Args:
        text: Any text.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    # Counting is far cheaper than walking, and settles nearly every answer.
    if text.count("[") + text.count("{") > MOST_LEVELS and _levels(value) > MOST_LEVELS:
        return None
    if text.count(":") > 1 and _repeats_a_key(text):
        return None
    return Parsed(value)


def unfenced(text: str) -> str:
    """The text within the one Markdown fence around it, marked ``json`` or not, else as it is.

    Args:
        text: Any text; white space around it goes in either case.
    """
    inside = text.strip()
    if len(inside) < 2 * len(_FENCE) or not (inside.startswith(_FENCE) and inside.endswith(_FENCE)):
        return inside
    inside = inside[len(_FENCE) : -len(_FENCE)]
    if inside[: len(_LANGUAGE)].lower() == _LANGUAGE:
        inside = inside[len(_LANGUAGE) :]
    return inside.strip()


class JsonValid(MeanMetric):
    """Share of answers that are JSON, as `parsed_json` reads it."""

    name = "json_valid"
    title = "JSON validity"
    source = "RFC 8259, keys unique as in RFC 7493"
    right_or_wrong = True

    def scores(self, rows: Rows) -> list[float]:
        """1 where the answer is JSON."""
        return [float(parsed_json(text) is not None) for text in rows.predictions]


class SchemaValid(MeanMetric):
    """Share of answers that are JSON and fit a JSON Schema.

    ``$schema`` chooses the draft, 2020-12 without one. ``format`` is an annotation, as that draft
    has it, and checks nothing. References reach within the schema, never the network. An answer
    so deep that more than `MOST_REFERENCES` have to be followed is not valid.

    Args:
        schema: The schema as parsed JSON.

    Raises:
        ConfigurationError: It is no valid schema, or refers to what is not there or, without end,
            to itself.
    """

    name = "schema_valid"
    title = "schema validity"
    source = "jsonschema"
    right_or_wrong = True

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = dict(schema)
        self._validator = _validator(self.schema)

    def __reduce__(self) -> tuple[type[SchemaValid], tuple[dict[str, Any]]]:
        return type(self), (self.schema,)  # a validator cannot be pickled

    def scores(self, rows: Rows) -> list[float]:
        """1 where the answer fits."""
        return [float(self._fits(text)) for text in rows.predictions]

    def _fits(self, text: str) -> bool:
        parsed = parsed_json(text)
        try:
            return parsed is not None and self._validator.is_valid(parsed.value)
        except _ReferenceDepthError:
            return False
        except Unresolvable as error:  # below a keyword of no draft, where nothing is a schema yet
            raise ConfigurationError(
                f"schema_valid: the schema refers to {error.ref!r}, and holds no such thing."
            ) from None


def _levels(value: Any) -> int:
    """How many objects and lists stand within one another, found level by level."""
    levels = 0
    level = [value]
    while level:
        inner: list[Any] = []
        for item in level:
            if type(item) is dict:
                inner.extend(item.values())
            elif type(item) is list:
                inner.extend(item)
        levels += any(type(item) is dict or type(item) is list for item in level)
        level = inner
    return levels


def _repeats_a_key(text: str) -> bool:
    """Parse JSON again with a parser that tells of every key."""
    try:
        _WATCHING.decode(text)
    except _RepeatedKeyError:
        return True
    return False


def _watch(pairs: list[tuple[str, Any]]) -> None:
    if len(pairs) > 1 and len(dict(pairs)) < len(pairs):
        raise _RepeatedKeyError


# Numbers stay texts: the other parser has read them.
_WATCHING = json.JSONDecoder(object_pairs_hook=_watch, parse_int=str, parse_float=str)


class _Depth(local):
    """How many references are being followed, in each thread."""

    value = 0


def _validator(schema: dict[str, Any]) -> Validator:
    """Check a schema and make what validates by it.

    Raises:
        ConfigurationError: Everything that is wrong with it.
    """
    dialect = schema.get("$schema", _DIALECT)
    try:
        specification = specification_with(str(dialect))
    except UnknownDialect:
        known = f"such as {_DIALECT!r}, or leave it out"
        raise ConfigurationError(
            f"the schema's $schema {dialect!r} is no known draft; name one, {known}."
        ) from None
    if _levels(schema) > MOST_SCHEMA_LEVELS:
        raise ConfigurationError(f"the schema is nested deeper than {MOST_SCHEMA_LEVELS} levels.")
    kind = validator_for(schema, Draft202012Validator)
    # With a $schema left in, a reference to it would bring back the kind without limits.
    bare = {key: value for key, value in schema.items() if key != "$schema"}
    root = specification.create_resource(bare)
    problems = list(_contradictions(schema, kind)) or list(_drafts_within(root))
    if not problems:
        validator = _limited(kind)(bare, registry=Registry())
        problems = list(_dead_ends(validator, root, Registry().resolver_with_root(root)))
    if problems:
        raise ConfigurationError(list(dict.fromkeys(problems)))
    return validator


def _limited(kind: type[Validator]) -> type[Validator]:
    """A kind of validator that follows `MOST_REFERENCES` within one another and no more.

    Only references lead further than a schema is deep. The interpreter's own limit will not do: hit
    within the compiled library that keeps the references, it is a panic that is no `Exception`.
    """
    depth = _Depth()

    def follow(keyword: Any) -> Any:
        def followed(validator: Validator, value: Any, instance: Any, schema: Any) -> list[Any]:
            if depth.value == MOST_REFERENCES:
                raise _ReferenceDepthError
            depth.value += 1
            try:
                return list(keyword(validator, value, instance, schema) or ())
            finally:
                depth.value -= 1

        return followed

    keywords = {
        name: follow(kind.VALIDATORS[name]) for name in _REFERENCES if name in kind.VALIDATORS
    }
    limited: type[Validator] = extend(kind, keywords)  # type: ignore[no-untyped-call]  # no types
    return limited


def _contradictions(schema: dict[str, Any], kind: type[Validator]) -> Iterator[str]:
    """What its draft forbids in a schema."""
    checked = kind(kind.META_SCHEMA, format_checker=kind.FORMAT_CHECKER)
    for error in checked.iter_errors(schema):
        deepest = best_match([error]) or error
        yield f"the schema is invalid at {deepest.json_path}: {deepest.message}."


def _drafts_within(resource: Resource[Any]) -> Iterator[str]:
    """Schemas within one that choose a draft of their own."""
    for inner in resource.subresources():
        if isinstance(inner.contents, dict) and "$schema" in inner.contents:
            shown = reprlib.repr(inner.contents)
            yield f"the schema holds a $schema in {shown}; only the top may choose the draft."
        yield from _drafts_within(inner)


def _dead_ends(validator: Any, resource: Resource[Any], resolver: Any) -> Iterator[str]:
    """References that lead nowhere or back to themselves, in a schema and all those within it."""
    shown = reprlib.repr(resource.contents)
    try:
        for probe in _PROBES:
            for _ in validator.descend(probe, resource.contents, resolver=resolver):
                continue
    except Unresolvable as error:
        yield f"the schema refers to {error.ref!r} in {shown}, and holds no such thing."
    except _ReferenceDepthError:
        yield f"the schema refers to itself without end in {shown}."
    for inner in resource.subresources():
        yield from _dead_ends(validator, inner, resolver.in_subresource(inner))
