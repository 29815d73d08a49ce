"""What kind of task the held-out rows are, told from the rows where nobody says it."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from tuneline.errors import ConfigurationError
from tuneline.evaluation.metrics.entities import entities_of, is_entity_answer
from tuneline.evaluation.metrics.queries import looks_like_query
from tuneline.evaluation.metrics.tool_calls import calls_of, canonical_calls

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tuneline.data.schema import Task
    from tuneline.evaluation.settings import EvaluationSettings, TaskKind

ROWS_LOOKED_AT = 200

_SUMMARY_WORDS = 8
_SUMMARY_SHORTER_BY = 2.5
_SHORT_ANSWER_WORDS = 5


@dataclass(frozen=True, slots=True)
class TaskChoice:
    """The kind of task, why it was chosen, and whether its answers are SQL."""

    kind: TaskKind
    reason: str
    sql: bool = False


def choose_task(
    settings: EvaluationSettings, data_task: Task, prompts: Sequence[str], references: Sequence[str]
) -> TaskChoice:
    """Choose the kind of task.

    Args:
        settings: A task that is set decides; a database or tests do next.
        data_task: What the data stage found.
        prompts: Of the first held-out rows.
        references: Of the same rows.

    Raises:
        ConfigurationError: The task that is set asks for answers that no reference is.
    """
    sql = bool(settings.database) or _all(looks_like_query, references)
    if settings.task != "auto":
        _require_any(settings.task, references)
        return TaskChoice(settings.task, "set in the settings", sql=sql)
    if settings.code_tests:
        return TaskChoice("code", "tests are given")
    if settings.database:
        return TaskChoice("query", "a database is given", sql=True)
    if data_task == "classification":
        return TaskChoice("classification", "the answers are a label set")
    if sql:
        return TaskChoice("query", "the answers are SQL", sql=True)
    if _all(_is_call, references):
        return TaskChoice("tool_calls", "the answers are calls of functions")
    if _all(is_entity_answer, references) and any(map(entities_of, references)):
        return TaskChoice("entity_extraction", "the answers are JSON that lists entities")
    return _by_length(prompts, references)


def _require_any(task: TaskKind, references: Sequence[str]) -> None:
    """Refuse a task whose metrics would find every answer right, since no row asks for anything."""
    wanted = {
        "tool_calls": (calls_of, "calls a function"),
        "entity_extraction": (entities_of, "lists an entity as JSON"),
    }
    if task in wanted and references:
        read, what = wanted[task]
        if not any(map(read, references)):
            raise ConfigurationError(
                f"task: {task}, but none of the first {len(references)} reference answers {what}."
            )


def _by_length(prompts: Sequence[str], references: Sequence[str]) -> TaskChoice:
    asked = median([len(prompt.split()) for prompt in prompts] or [0])
    answered = median([len(reference.split()) for reference in references] or [0])
    lengths = f"the median prompt has {asked:g} words and the median answer {answered:g}"
    if answered >= _SUMMARY_WORDS and asked >= _SUMMARY_SHORTER_BY * answered:
        return TaskChoice("summarization", lengths)
    if answered <= _SHORT_ANSWER_WORDS:
        return TaskChoice("query", f"short answers: {lengths}")
    return TaskChoice("open_ended", lengths)


def _is_call(text: str) -> bool:
    """Whether a text is calls as the prediction stage writes them; entities may look alike."""
    calls = calls_of(text)
    return calls is not None and bool(calls) and canonical_calls(calls) == text


def _all(test: Callable[[str], bool], texts: Sequence[str]) -> bool:
    return bool(texts) and all(test(text) for text in texts)
