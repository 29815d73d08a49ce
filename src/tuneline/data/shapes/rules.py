"""Rules of structure: what a row must be to become an example."""

from __future__ import annotations

from tuneline.data.checks.rule import Rule


def _required(code: str, sentence: str, fix: str) -> Rule:
    return Rule(code, "error", sentence, fix, fixed=True)


RULES: tuple[Rule, ...] = (
    _required(
        "missing_field",
        "A field that every row of the shape has is missing.",
        "Add the field, or name another shape or templates in the settings.",
    ),
    _required(
        "mixed_format",
        "The row is of another shape than the file's rows.",
        "Put rows of each shape into files of their own.",
    ),
    _required(
        "wrong_type",
        "A value is of another type than the shape has there.",
        "Write the type that the message names.",
    ),
    _required(
        "unsupported",
        "The row holds something that an example cannot hold.",
        "Take it out, or write it as the message says.",
    ),
    _required("empty_text", "A text is missing or blank.", "Give it a text, or take the row out."),
    _required(
        "empty_answer",
        "The answer is missing or blank, so there is nothing to learn.",
        "Give it a text, or take the row out.",
    ),
    _required("empty_label", "The label's cell is empty.", "Fill it in, or take the row out."),
    _required("empty_group", "The group's cell is empty.", "Fill it in, or take the row out."),
    _required("empty_time", "The time's cell is empty.", "Fill it in, or take the row out."),
    _required(
        "unknown_role",
        "A turn is by nobody that the shape knows.",
        "Use one of the roles that the message names.",
    ),
    _required(
        "system_not_first",
        "A system message stands behind another message.",
        "Move it to the front, or make it part of a user's message.",
    ),
    _required(
        "first_not_user",
        "The conversation does not begin with the user.",
        "Take the turns before the user's first one out, or make them the system instruction.",
    ),
    _required(
        "last_not_model",
        "The conversation does not end with the model's answer.",
        "Take the turns behind the last answer out.",
    ),
    _required(
        "consecutive_turns",
        "One side has two turns in a row.",
        "Merge the turns, or set merge_turns.",
    ),
    _required(
        "weight_not_0_1",
        "A message's weight is neither 0 nor 1.",
        "Write 0 for an answer that is not learned, 1 or nothing for the others.",
    ),
    _required(
        "no_trained_turn",
        "Every answer has weight 0, so there is nothing to learn.",
        "Give an answer the weight 1, or take the row out.",
    ),
    _required(
        "bad_arguments",
        "The arguments of a function call are no JSON object.",
        "Write them as JSON text of an object, such as {}.",
    ),
    _required(
        "unknown_tool_call_id",
        "A tool's message answers a call that was not made before it.",
        "Give it the id of an earlier call of the conversation.",
    ),
    _required(
        "duplicate_tool_call_id",
        "Two calls of one message have the same id.",
        "Give every call an id of its own.",
    ),
    Rule(
        "unknown_key",
        "warn",
        "A message, a part or a tool has a key that is not known here; it was not read.",
        "Take the key out, or correct its spelling.",
    ),
)
