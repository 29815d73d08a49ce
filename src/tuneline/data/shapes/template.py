"""Templates that make text of named columns: ``"{title}: {text}"``."""

from __future__ import annotations

from dataclasses import dataclass
from string import Formatter
from typing import Any

from tuneline.data.checks.rule import RowError


class TemplateError(ValueError):
    """A template that cannot be read."""


@dataclass(frozen=True, slots=True)
class Template:
    """Literal text and columns in turn; ``{{`` and ``}}`` stand for braces."""

    pieces: tuple[tuple[str, str | None], ...]

    @classmethod
    def parse(cls, text: str) -> Template:
        """Read a template.

        Raises:
            TemplateError: Unbalanced braces, no column at all, or more than a plain column name.
        """
        try:
            parsed = list(Formatter().parse(text))
        except ValueError as error:
            raise TemplateError(
                f"{text!r} has unbalanced braces ({error}); write {{{{ and }}}} for literal ones."
            ) from error
        for _, column, specification, conversion in parsed:
            if column is not None and (not column or specification or conversion):
                raise TemplateError(
                    f"{text!r}: between braces stands the name of a column and nothing else."
                )
        template = cls(tuple((literal, column) for literal, column, _, _ in parsed))
        if not template.columns:
            raise TemplateError(f"{text!r} names no column; write one between braces: '{{text}}'.")
        return template

    @property
    def columns(self) -> list[str]:
        """The columns that the template names, in their order."""
        return [column for _, column in self.pieces if column is not None]

    def render(self, row: dict[str, Any]) -> str:
        """Fill the template from a row; empty where every column that it names is empty.

        Raises:
            RowError: A column is missing or is not a text, a number or a truth value.
        """
        filled = []
        something = False
        for literal, column in self.pieces:
            filled.append(literal)
            if column is not None:
                value = cell_text(row, column)
                something = something or bool(value.strip())
                filled.append(value)
        return "".join(filled) if something else ""


def cell_text(row: dict[str, Any], column: str) -> str:
    """A column's value as text; null is empty.

    Raises:
        RowError: The column is missing, or is not a text, a number or a truth value.
    """
    try:
        value = row[column]
    except KeyError:
        raise RowError("missing_field", column, "is missing.") from None
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return str(value)
    raise RowError("wrong_type", column, f"must be a text or a number, not {type(value).__name__}.")
