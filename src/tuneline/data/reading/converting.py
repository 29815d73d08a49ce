"""From rows to examples: the shape's converter, and the columns that the settings name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from tuneline.data.checks.rule import Hit, RowError
from tuneline.data.schema import Example
from tuneline.data.shapes.template import cell_text
from tuneline.data.split.times import parse_time

if TYPE_CHECKING:
    from tuneline.data.rows.row import Rows
    from tuneline.data.settings import PrepareSettings
    from tuneline.data.shapes.detection import Shape
    from tuneline.data.sources.source import Purpose


@dataclass(slots=True)
class Converted:
    """Rows that became examples, and those that could not.

    ``places[i]``, and ``times[i]`` where there is a time column, belong to ``examples[i]``:
    its place in the batch of rows. ``hits`` are what is odd about an example and no obstacle.
    """

    examples: list[Example] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    hits: list[Hit] = field(default_factory=list)
    refused: list[tuple[int, RowError]] = field(default_factory=list)


class Converter:
    """Turns the rows of one source into examples.

    Args:
        settings: The columns that hold label, group and time.
        shape: The rows' shape.
        source: Name of the file, for the examples.
    """

    def __init__(self, settings: PrepareSettings, shape: Shape, source: str) -> None:
        self._label_column = settings.label_column
        self._group_column = settings.group_column
        self._time_column = settings.time_column
        self._convert = shape.convert
        self._source = source

    def convert(self, rows: Rows) -> Converted:
        """Convert the readable rows; none is lost. Row numbers of examples begin at 1."""
        converted = Converted()
        for place, value in enumerate(rows.values):
            try:
                example = self._example(value, rows.numbers[place] + 1, converted)
            except RowError as error:
                # Its traceback holds this frame, which holds it: a cycle with all rows in it.
                converted.refused.append((place, error.with_traceback(None)))
                continue
            converted.places.append(place)
            converted.examples.append(example)
        if rows.hits:
            index = {place: number for number, place in enumerate(converted.places)}
            converted.hits += [
                msgspec.structs.replace(hit, index=index[hit.index])
                for hit in rows.hits
                if hit.index in index
            ]
        return converted

    def _example(self, value: dict[str, Any], row: int, converted: Converted) -> Example:
        content = self._convert(value)
        label = group = None
        if self._label_column:
            label = _filled_cell(value, self._label_column, "empty_label")
        if self._group_column:
            group = _filled_cell(value, self._group_column, "empty_group")
        if self._time_column:
            cell = _filled_cell(value, self._time_column, "empty_time")
            converted.times.append(parse_time(cell, self._time_column))
        if content.notes:
            here = len(converted.examples)
            converted.hits.extend(Hit(here, *note) for note in content.notes)
        return Example(
            content.turns,
            content.system,
            content.tools,
            content.media_resolution,
            label,
            group,
            self._source,
            row,
        )


def settings_for(purpose: Purpose, settings: PrepareSettings) -> PrepareSettings:
    """The settings that hold for a source: a held-out file is not split, so it needs no time."""
    if purpose == "data" or not settings.time_column:
        return settings
    return settings.model_copy(update={"time_column": ""})


def _filled_cell(value: dict[str, Any], column: str, empty: str) -> str:
    text = cell_text(value, column).strip()
    if not text:
        raise RowError(empty, column, "is empty; fill it in or take the row out.")
    return text
