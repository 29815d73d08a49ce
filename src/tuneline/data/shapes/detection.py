"""Which shape a file has, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tuneline.data.shapes.columns import FromColumns, from_prompt_completion
from tuneline.data.shapes.content import Content
from tuneline.data.shapes.contents import from_contents
from tuneline.data.shapes.messages import from_messages
from tuneline.errors import DataError
from tuneline.settings import suggestion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.data.settings import PrepareSettings

ShapeName = Literal["prompt_completion", "messages", "contents", "columns"]
Converter = Callable[[dict[str, Any]], Content]

SAMPLE_ROWS = 1000
"""Rows at the start of a file that decide its shape."""

_MARKS: dict[ShapeName, tuple[frozenset[str], Converter]] = {
    "messages": (frozenset({"messages"}), from_messages),
    "contents": (frozenset({"contents"}), from_contents),
    "prompt_completion": (frozenset({"prompt", "completion"}), from_prompt_completion),
}


@dataclass(frozen=True, slots=True)
class Shape:
    """A file's shape; ``why`` is a sentence part for the manifest."""

    name: ShapeName
    why: str
    convert: Converter


def detect_shape(source: str, rows: Sequence[dict[str, Any]], settings: PrepareSettings) -> Shape:
    """Recognise a file's shape by the first rows of it.

    Templates win over what the rows look like. Else the shape that most rows have counts, and the
    others are rejected one by one when they are read.

    Args:
        source: Name of the file for messages.
        rows: The objects among its first `SAMPLE_ROWS` rows.
        settings: Templates, and the label and group columns.

    Raises:
        DataError: No shape fits, or a named column is in none of the rows.
    """
    seen = list(dict.fromkeys(key for row in rows for key in row))
    if settings.prompt_template:
        shape = Shape("columns", "templates were given", FromColumns.of(settings))
    else:
        shape = _recognise(source, rows, seen)
    named = shape.convert.columns if isinstance(shape.convert, FromColumns) else []
    named = [*named, *filter(None, (settings.label_column, settings.group_column))]
    missing = [
        f"{source}: no column '{column}'.{suggestion(column, seen)}"
        for column in dict.fromkeys(named)
        if column not in seen
    ]
    if missing:
        raise DataError("\n".join([*missing, f"The columns are {_listed(seen)}."]))
    return shape


def _recognise(source: str, rows: Sequence[dict[str, Any]], seen: list[str]) -> Shape:
    votes: Counter[ShapeName] = Counter()
    for row in rows:
        votes.update(name for name, (marks, _) in _MARKS.items() if marks <= row.keys())
    if not votes:
        raise DataError(
            f"{source}: the rows have {_listed(seen)}, which is none of the known shapes: prompt "
            "and completion, messages (OpenAI), contents (Gemini). Rename the columns, or name "
            f"those to use: prompt_template '{{{_nth(seen, 0)}}}' and completion_template "
            f"'{{{_nth(seen, 1)}}}'."
        )
    [(name, count)] = votes.most_common(1)
    marks, convert = _MARKS[name]
    keys = " and ".join(sorted(marks, reverse=True))
    return Shape(name, f"{count} of the first {len(rows)} rows have {keys}", convert)


def _nth(columns: list[str], place: int) -> str:
    return columns[min(place, len(columns) - 1)] if columns else "column"


def _listed(columns: list[str]) -> str:
    shown = ", ".join(columns[:20]) + (", ..." if len(columns) > 20 else "")
    return shown or "no columns"
