"""Tables of figures, for a terminal and for RESULTS.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Table:
    """A heading, the columns' names and the rows, as text."""

    heading: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]

    def markdown(self) -> str:
        """The table as Markdown."""
        lines = [f"**{self.heading}**", "", *(_piped(row) for row in (self.columns, _rule(self)))]
        return "\n".join([*lines, *map(_piped, self.rows)])

    def plain(self) -> str:
        """The table for a terminal."""
        widths = [max(map(len, cells)) for cells in zip(self.columns, *self.rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (self.columns, *self.rows)
        ]
        return "\n".join([self.heading, *lines])


def _piped(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


def _rule(table: Table) -> tuple[str, ...]:
    return tuple("---" for _ in table.columns)
