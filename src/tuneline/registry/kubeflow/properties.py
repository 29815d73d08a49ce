"""Custom properties: plain values in the registry's words, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mr_openapi import (
    MetadataBoolValue,
    MetadataDoubleValue,
    MetadataIntValue,
    MetadataStringValue,
    MetadataValue,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

Value = str | bool | int | float

_TOO_LONG = 10**9
"""The registry's description gives a whole number nine digits."""


def as_properties(values: Mapping[str, Value | None]) -> dict[str, Any]:
    """Values as the registry keeps them; those that are None or empty text are left out.

    A whole number of ten digits or more becomes a decimal one.
    """
    known = {name: value for name, value in values.items() if value is not None and value != ""}
    return {name: MetadataValue(_typed(value)) for name, value in known.items()}


def as_values(properties: Mapping[str, Any] | None) -> dict[str, Value]:
    """What the registry keeps, as plain values; structures are left out: Tuneline writes none."""
    values: dict[str, Value] = {}
    for name, kept in (properties or {}).items():
        typed = kept.actual_instance
        if isinstance(typed, MetadataIntValue):
            values[name] = int(typed.int_value)
        elif isinstance(typed, MetadataDoubleValue):
            values[name] = float(typed.double_value)
        elif isinstance(typed, MetadataStringValue):
            values[name] = str(typed.string_value)
        elif isinstance(typed, MetadataBoolValue):
            values[name] = bool(typed.bool_value)
    return values


def _typed(value: Value) -> Any:
    if isinstance(value, bool):
        return MetadataBoolValue(bool_value=value, metadataType="MetadataBoolValue")
    if isinstance(value, str):
        return MetadataStringValue(string_value=value, metadataType="MetadataStringValue")
    if isinstance(value, int) and abs(value) < _TOO_LONG:
        return MetadataIntValue(int_value=str(value), metadataType="MetadataIntValue")
    return MetadataDoubleValue(double_value=float(value), metadataType="MetadataDoubleValue")
