"""Which shape a file has, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tuneline.data.reading.concealing import concealed_texts
from tuneline.data.shapes.alpaca import from_alpaca
from tuneline.data.shapes.author_messages import from_author_messages
from tuneline.data.shapes.columns import FromColumns
from tuneline.data.shapes.content import AS_GIVEN, Content, Options
from tuneline.data.shapes.contents import from_contents
from tuneline.data.shapes.fields import Place, pair_place, place_of
from tuneline.data.shapes.marks import MARKS, ShapeName, shapes_of
from tuneline.data.shapes.messages import from_messages
from tuneline.data.shapes.pairs import (
    from_input_output,
    from_input_text_output_text,
    from_prompt_completion,
)
from tuneline.data.shapes.sharegpt import from_sharegpt
from tuneline.errors import DataError
from tuneline.settings import suggestion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.data.schema import Example
    from tuneline.data.settings import PrepareSettings

Converter = Callable[[dict[str, Any]], Content]

SAMPLE_ROWS = 1000
"""Rows at the start of a file that decide its shape."""

_SHOWN_COLUMNS = 20

CONVERTERS: dict[ShapeName, Callable[..., Content]] = {
    "messages": from_messages,
    "author_messages": from_author_messages,
    "contents": from_contents,
    "sharegpt": from_sharegpt,
    "prompt_completion": from_prompt_completion,
    "input_text_output_text": from_input_text_output_text,
    "alpaca": from_alpaca,
    "input_output": from_input_output,
}
"""The converter of every shape that is recognised by its keys."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A file's shape; ``why`` is a sentence part for the manifest.

    It can be sent to another process.
    """

    name: ShapeName
    why: str
    convert: Converter
    place: Place

    def field(self, example: Example, turn: int, part: int) -> str:
        """Where a text of an example stands in its row, such as ``messages[2].content``.

        Args:
            example: An example of this shape.
            turn: Number of the turn; -1 is the system instruction.
            part: Number of the part in its turn.
        """
        return self.place(example, turn, part)


def detect_shape(source: str, rows: Sequence[dict[str, Any]], settings: PrepareSettings) -> Shape:
    """Recognise a file's shape by the first rows of it.

    Templates win over what the rows look like, and so does a shape that the settings name. Else the
    shape that most rows have counts, and the others are rejected one by one when they are read.

    Args:
        source: Name of the file for messages.
        rows: The objects among its first `SAMPLE_ROWS` rows.
        settings: Shape, templates, and the label, group and time columns.

    Raises:
        DataError: No shape fits, no row is of the named shape, or a named column is in no row.
    """
    seen = list(dict.fromkeys(key for row in rows for key in row))
    named: list[str] = []
    if settings.prompt_template:
        convert = FromColumns.of(settings)
        named = convert.columns
        shape = Shape("columns", "templates were given", convert, _place_of_columns(convert))
    elif settings.shape not in ("auto", "columns"):
        shape = _named(source, rows, seen, settings)
    else:
        shape = _recognise(source, rows, seen, settings)
    columns = (settings.label_column, settings.group_column, settings.time_column)
    missing = [
        f"{source}: no column '{column}'.{suggestion(column, _shown(seen))}"
        for column in dict.fromkeys([*named, *filter(None, columns)])
        if column not in seen
    ]
    if missing:
        raise DataError("\n".join([*missing, f"The columns are {_listed(seen)}."]))
    return shape


def _recognise(
    source: str, rows: Sequence[dict[str, Any]], seen: list[str], settings: PrepareSettings
) -> Shape:
    votes = Counter(name for row in rows for name in shapes_of(row))
    if not votes:
        # Rows of which a field is null still show what they should be.
        votes = Counter(
            name for row in rows for name, keys in MARKS.items() if row.keys() >= set(keys)
        )
    if not votes:
        raise DataError(
            f"{source}: the rows have {_listed(seen)}, which is none of the known shapes: "
            f"{_known()}. Rename the columns, or name those to use: prompt_template "
            f"'{{{_nth(seen, 0)}}}' and completion_template '{{{_nth(seen, 1)}}}'."
        )
    order = list(MARKS)
    name = max(votes, key=lambda name: (votes[name], -order.index(name)))
    keys = " and ".join(MARKS[name])
    why = f"{votes[name]} of the first {len(rows)} rows have {keys}"
    return _shape(name, why, rows, settings)


def _named(
    source: str, rows: Sequence[dict[str, Any]], seen: list[str], settings: PrepareSettings
) -> Shape:
    name = next(name for name in MARKS if name == settings.shape)
    if rows and not any(row.keys() >= set(MARKS[name]) for row in rows):
        raise DataError(
            f"{source}: shape {name} was asked for, but none of the first {len(rows)} rows has "
            f"{' and '.join(MARKS[name])}; they have {_listed(seen)}. Set shape to auto, or give "
            "templates."
        )
    return _shape(name, "it was asked for", rows, settings)


def _shape(
    name: ShapeName, why: str, rows: Sequence[dict[str, Any]], settings: PrepareSettings
) -> Shape:
    options = Options(settings.merge_turns, settings.drop_system)
    convert = CONVERTERS[name]
    filled = {key for row in rows for key, value in row.items() if value}
    place = place_of(name, options, filled)
    # Every converter has the options as given for its default; a plain function is faster.
    chosen = partial(convert, options=options) if options != AS_GIVEN else convert
    return Shape(name, why, chosen, place)


def _place_of_columns(convert: FromColumns) -> Place:
    templates = (convert.system, convert.prompt, convert.completion)
    system, prompt, answer = (
        "+".join(template.columns) if template else "" for template in templates
    )
    return partial(pair_place, names=(system, prompt, answer))


def _known() -> str:
    shapes = {" and ".join(keys): name for name, keys in reversed(MARKS.items())}
    return ", ".join(f"{keys} ({name})" for keys, name in reversed(shapes.items()))


def _shown(columns: list[str]) -> list[str]:
    """The first names for a message; without a header, a file's first row would give them."""
    names: list[str] = concealed_texts(pa.array(columns[:_SHOWN_COLUMNS], pa.string())).to_pylist()
    return names


def _nth(columns: list[str], place: int) -> str:
    shown = _shown(columns)
    return shown[min(place, len(shown) - 1)] if shown else "column"


def _listed(columns: list[str]) -> str:
    shown = ", ".join(_shown(columns)) + (", ..." if len(columns) > _SHOWN_COLUMNS else "")
    return shown or "no columns"
