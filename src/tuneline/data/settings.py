"""What the data stage is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tuneline.data.shapes.template import Template, TemplateError
from tuneline.errors import ConfigurationError

if TYPE_CHECKING:
    from tuneline.data.sources import Purpose


class PrepareSettings(BaseModel):
    """Which files to read, how their columns become examples, and how to split them.

    Attributes:
        data: Path or URI (anything that fsspec opens, such as gs://) of a JSONL, CSV or Parquet
            file.
        validation_data: The user's own validation file; empty: a share of ``data``.
        test_data: The user's own held-out test file; empty: a share of ``data``.
        prompt_template: Prompt made of named columns, such as ``"{title}: {text}"``; empty: the
            shape is detected.
        completion_template: Answer made of named columns.
        system_template: System instruction made of named columns; empty: none.
        label_column: Column that holds the class; empty: a classification's answer is its class.
        group_column: Column whose equal values stay in one split (a customer, a document).
        task: ``classification`` (a label set), ``generation``, or ``auto``: decided by the answers.
        validation_share: Share of ``data`` that becomes the validation split.
        test_share: Share of ``data`` that becomes the test split.
        seed: Another seed gives another split; the same seed always gives the same one.
        max_rejected_share: Share of the rows read that may be rejected before the run stops.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: str = Field(min_length=1)
    validation_data: str = ""
    test_data: str = ""
    prompt_template: str = ""
    completion_template: str = ""
    system_template: str = ""
    label_column: str = ""
    group_column: str = ""
    task: Literal["auto", "classification", "generation"] = "auto"
    validation_share: float = Field(default=0.1, ge=0, lt=1)
    test_share: float = Field(default=0.2, ge=0, lt=1)
    seed: int = 0
    max_rejected_share: float = Field(default=0.05, ge=0, le=1)

    @property
    def uris(self) -> dict[Purpose, str]:
        """The files to read by purpose; empty where there is none."""
        return {"data": self.data, "validation": self.validation_data, "test": self.test_data}

    @model_validator(mode="after")
    def _gather_problems(self) -> PrepareSettings:
        problems = [*self._template_problems(), *self._split_problems()]
        if problems:
            raise ConfigurationError(problems)
        return self

    def _template_problems(self) -> list[str]:
        problems = []
        for name in ("prompt_template", "completion_template", "system_template"):
            if text := getattr(self, name):
                try:
                    Template.parse(text)
                except TemplateError as error:
                    problems.append(f"{name}: {error}")
        if bool(self.prompt_template) != bool(self.completion_template):
            missing = "completion_template" if self.prompt_template else "prompt_template"
            problems.append(f"{missing}: is missing beside the other template; give both.")
        elif self.system_template and not self.prompt_template:
            problems.append(
                "system_template: needs prompt_template and completion_template beside it."
            )
        return problems

    def _split_problems(self) -> list[str]:
        problems = []
        shares = (0 if self.validation_data else self.validation_share) + (
            0 if self.test_data else self.test_share
        )
        if shares >= 1:
            problems.append(
                f"validation_share and test_share: {shares:g} together leave nothing to train on; "
                "keep their sum below 1."
            )
        given = [
            (name, getattr(self, name))
            for name in ("data", "validation_data", "test_data")
            if getattr(self, name)
        ]
        problems.extend(
            f"{name}: is the same file as {earlier}; held-out rows must not be trained on."
            for place, (name, path) in enumerate(given)
            for earlier, other in given[:place]
            if path == other
        )
        return problems
