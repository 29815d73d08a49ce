"""Flat rows: prompt/completion, and any named columns through templates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuneline.data.shapes.content import Content, question_and_answer, require_key
from tuneline.data.shapes.template import Template

if TYPE_CHECKING:
    from tuneline.data.settings import PrepareSettings


def from_prompt_completion(row: dict[str, Any]) -> Content:
    """``{"prompt": "...", "completion": "..."}``.

    Raises:
        RowError: A field is missing, no text, or empty.
    """
    return question_and_answer(
        require_key(row, "prompt"),
        require_key(row, "completion"),
        system=None,
        prompt_field="prompt",
        answer_field="completion",
    )


@dataclass(frozen=True, slots=True)
class FromColumns:
    """Converter for rows of named columns."""

    prompt: Template
    completion: Template
    system: Template | None

    @classmethod
    def of(cls, settings: PrepareSettings) -> FromColumns:
        """The converter that the settings' templates describe."""
        return cls(
            Template.parse(settings.prompt_template),
            Template.parse(settings.completion_template),
            Template.parse(settings.system_template) if settings.system_template else None,
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
        return question_and_answer(
            self.prompt.render(row),
            self.completion.render(row),
            system=(self.system.render(row) or None) if self.system else None,
            prompt_field="+".join(self.prompt.columns),
            answer_field="+".join(self.completion.columns),
        )
