"""Alpaca rows: ``{"instruction": "...", "input": "...", "output": "..."}``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuneline.data.checks.rule import RowError
from tuneline.data.schema import Part, Turn
from tuneline.data.shapes.content import AS_GIVEN, Content, NotHeld, Options
from tuneline.data.shapes.order import in_order
from tuneline.data.shapes.pairs import require_only_texts
from tuneline.data.shapes.required import json_type, optional_text, require_key, require_text

if TYPE_CHECKING:
    from tuneline.data.schema import Example


def from_alpaca(row: dict[str, Any], options: Options = AS_GIVEN) -> Content:
    """Instruction and input, one below the other, are the question; ``history`` comes before it.

    ``system``, ``history`` (``[[question, answer], ...]``) and ``input`` may be missing or empty.

    Raises:
        RowError: A field is missing, no text, or empty.
    """
    question = require_text(require_key(row, "instruction", "alpaca"), "instruction")
    answer = require_key(row, "output", "alpaca")
    answer = require_text(answer, "output", empty="empty_answer")
    material = row.get("input")
    if material:
        given = optional_text(material, "input")
        question = f"{question}\n{given}" if given else question
    last = (Turn("user", (Part(question),)), Turn("model", (Part(answer),)))
    if not row.get("history") and not row.get("system"):
        return Content(last)
    turns, fields = _history(row.get("history"))
    system = optional_text(row.get("system"), "system")
    return Content(
        in_order([*turns, *last], [*fields, "instruction", "output"], options, who=""),
        None if options.drop_system else system,
    )


def to_alpaca(example: Example) -> dict[str, Any]:
    """The inverse of `from_alpaca`; the whole question is the instruction.

    Raises:
        NotHeld: There is more than texts, or a turn of several parts.
    """
    require_only_texts(example)
    texts = [turn.text for turn in example.turns]
    if any(len(turn.parts) > 1 for turn in example.turns):
        raise NotHeld("turns", "a turn has several parts; there is place for one text.")
    row: dict[str, Any] = {"instruction": texts[-2], "input": "", "output": texts[-1]}
    if example.system is not None:
        row["system"] = example.system
    if len(texts) > 2:
        row["history"] = [texts[place : place + 2] for place in range(0, len(texts) - 2, 2)]
    return row


def _history(history: Any) -> tuple[list[Turn], list[str]]:
    turns: list[Turn] = []
    fields: list[str] = []
    if history is not None and not isinstance(history, list):
        found = json_type(history)
        raise RowError("wrong_type", "history", f"must be a list of pairs, not {found}.")
    for place, pair in enumerate(history or []):
        if not isinstance(pair, list) or len(pair) != 2:
            message = "must be a pair of question and answer."
            raise RowError("wrong_type", f"history[{place}]", message)
        for number, text in enumerate(pair):
            field = f"history[{place}][{number}]"
            said = require_text(text, field)
            turns.append(Turn("model" if number else "user", (Part(said),)))
            fields.append(field)
    return turns, fields
