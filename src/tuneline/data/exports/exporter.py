"""What an export is, and the table of all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuneline.data.checks.rule import Hit
from tuneline.data.exports.gemini import gemini_line
from tuneline.data.exports.messages_parquet import require_chat
from tuneline.data.exports.open_models import messages_line, prompt_completion_line
from tuneline.data.exports.rules import NOT_EXPORTABLE
from tuneline.data.shapes.content import NotHeld

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tuneline.data.schema import Example
    from tuneline.data.settings import ExportName


@dataclass(frozen=True, slots=True)
class Exporter:
    """One form that examples are written in, beside the canonical one.

    Attributes:
        name: Its name in the settings.
        line: Makes an example's JSON line without the line's end; raises `NotHeld` for an example
            that it cannot hold.
        is_text: Whether the lines are the file. Else a file of another kind is written from the
            canonical one, and ``line`` only says whether the example can be in it.
    """

    name: ExportName
    line: Callable[[Example], bytes]
    is_text: bool = True

    def export_lines(self, examples: Sequence[Example]) -> tuple[list[bytes], list[Hit]]:
        """One line for each example, and what cannot be exported.

        Args:
            examples: A batch.

        Returns:
            As many lines as examples, none where the file holds no lines; the line of an example
            that cannot be exported is empty, and a hit says why.
        """
        lines: list[bytes] = []
        hits: list[Hit] = []
        make = self.line
        for example in examples:
            try:
                lines.append(make(example))
            except NotHeld as refused:
                lines.append(b"")
                message = f"cannot be written to {self.name}: {refused.message}"
                hits.append(Hit(len(lines) - 1, NOT_EXPORTABLE, refused.field, message))
        return lines if self.is_text else [], hits


EXPORTERS: dict[ExportName, Exporter] = {
    exporter.name: exporter
    for exporter in (
        Exporter("gemini_jsonl", gemini_line),
        Exporter("prompt_completion_jsonl", prompt_completion_line),
        Exporter("messages_jsonl", messages_line),
        Exporter("messages_parquet", require_chat, is_text=False),
    )
}
"""Every export by its name."""


def export_all(
    examples: Sequence[Example], exports: Iterable[ExportName]
) -> tuple[dict[ExportName, list[bytes]], list[Hit]]:
    """The lines of every text export that was asked for, and what one of them cannot hold."""
    lines: dict[ExportName, list[bytes]] = {}
    hits: list[Hit] = []
    for name in exports:
        exporter = EXPORTERS[name]
        own, refused = exporter.export_lines(examples)
        hits += refused
        if exporter.is_text:
            lines[name] = own
    return lines, hits
