"""Rows of any named columns, through templates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuneline.data.schema import Part, Turn
from tuneline.data.shapes.content import Content
from tuneline.data.shapes.required import require_text
from tuneline.data.shapes.template import Template

if TYPE_CHECKING:
    from tuneline.data.settings import PrepareSettings


@dataclass(frozen=True, slots=True)
class FromColumns:
    """Converter for rows of named columns."""

    prompt: Template
    completion: Template
    system: Template | None

    @classmethod
    def of(cls, settings: PrepareSettings) -> FromColumns:
        """The converter that the settings' templates describe."""
        system = settings.system_template if not settings.drop_system else ""
        return cls(
            Template.parse(settings.prompt_template),
            Template.parse(settings.completion_template),
            Template.parse(system) if system else None,
        )

    @property
    def columns(self) -> list[str]:
        """Every column that a template names, each once."""
        templates = [self.prompt, self.completion, *([self.system] if self.system else [])]
        return list(dict.fromkeys(name for template in templates for name in template.columns))

    def __call__(self, row: dict[str, Any]) -> Content:
        """Render the templates.

        Raises:
            RowError: A column is missing, no text or number, or the columns of the prompt or of
                the answer are all empty.
        """
        prompt, answer = self.prompt.render(row), self.completion.render(row)
        require_text(prompt, "+".join(self.prompt.columns))
        require_text(answer, "+".join(self.completion.columns), empty="empty_answer")
        turns = (Turn("user", (Part(prompt),)), Turn("model", (Part(answer),)))
        return Content(turns, (self.system.render(row) or None) if self.system else None)
