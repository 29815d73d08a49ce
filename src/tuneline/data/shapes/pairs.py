"""Rows of one question and one answer under fixed names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuneline.data.schema import Part, Turn
from tuneline.data.shapes.content import AS_GIVEN, Content, NotHeld, Options
from tuneline.data.shapes.required import require_key, require_shape, require_text

if TYPE_CHECKING:
    from tuneline.data.schema import Example
    from tuneline.data.shapes.marks import ShapeName


def from_prompt_completion(row: dict[str, Any], options: Options = AS_GIVEN) -> Content:  # noqa: ARG001  (every converter takes options)
    """``{"prompt": "...", "completion": "..."}``.

    Raises:
        RowError: A field is missing, no text, or empty.
    """
    return _pair(row, "prompt", "completion", "prompt_completion")


def from_input_output(row: dict[str, Any], options: Options = AS_GIVEN) -> Content:  # noqa: ARG001
    """``{"input": "...", "output": "..."}``.

    Raises:
        RowError: A field is missing, no text, or empty.
    """
    if "instruction" in row:
        require_shape(row, "instruction", "input_output")
    return _pair(row, "input", "output", "input_output")


def from_input_text_output_text(row: dict[str, Any], options: Options = AS_GIVEN) -> Content:  # noqa: ARG001
    """``{"input_text": "...", "output_text": "..."}``, Vertex's older form.

    Raises:
        RowError: A field is missing, no text, or empty.
    """
    return _pair(row, "input_text", "output_text", "input_text_output_text")


def to_prompt_completion(example: Example) -> dict[str, str]:
    """The inverse of `from_prompt_completion`.

    Raises:
        NotHeld: The example is more than one question and one answer.
    """
    prompt, answer = question_and_answer(example)
    return {"prompt": prompt, "completion": answer}


def to_input_output(example: Example) -> dict[str, str]:
    """The inverse of `from_input_output`.

    Raises:
        NotHeld: The example is more than one question and one answer.
    """
    prompt, answer = question_and_answer(example)
    return {"input": prompt, "output": answer}


def to_input_text_output_text(example: Example) -> dict[str, str]:
    """The inverse of `from_input_text_output_text`.

    Raises:
        NotHeld: The example is more than one question and one answer.
    """
    prompt, answer = question_and_answer(example)
    return {"input_text": prompt, "output_text": answer}


def question_and_answer(example: Example) -> tuple[str, str]:
    """The two texts of an example that has no more than those.

    Texts of one turn are joined, as a model reads them.

    Raises:
        NotHeld: There is a system instruction, a tool, a file, a call or another turn.
    """
    if example.system is not None:
        raise NotHeld("system", "has no place; set drop_system, or choose a form with messages.")
    if len(example.turns) > 2:
        raise NotHeld(
            "turns", f"{len(example.turns)} turns; there is place for one and its answer."
        )
    require_only_texts(example)
    return example.turns[0].text, example.turns[1].text


def require_only_texts(example: Example, *, tools: bool = False) -> None:
    """Check that an example is nothing but texts that are all trained.

    Args:
        example: The example.
        tools: Whether tools may be declared all the same.

    Raises:
        NotHeld: It has a tool, a media resolution, a file, a call, or a turn with weight 0.
    """
    if example.tools is not None and not tools:
        raise NotHeld("tools", "have no place here.")
    if example.media_resolution is not None:
        raise NotHeld("media_resolution", "has no place here.")
    for place, turn in enumerate(example.turns):
        if not turn.trained:
            raise NotHeld(
                f"turns[{place}]", "has weight 0, which would be trained on all the same."
            )
        for number, part in enumerate(turn.parts):
            if part.text is None:
                kind = "a file" if part.file else "a function call or its response"
                raise NotHeld(f"turns[{place}].parts[{number}]", f"{kind} has no place here.")


def _pair(row: dict[str, Any], prompt_key: str, answer_key: str, shape: ShapeName) -> Content:
    prompt = row.get(prompt_key)
    answer = row.get(answer_key)
    if (
        type(prompt) is str
        and type(answer) is str
        and prompt
        and answer
        and not prompt.isspace()
        and not answer.isspace()
        and "system" not in row
    ):
        return Content((Turn("user", (Part(prompt),)), Turn("model", (Part(answer),))))
    prompt = require_key(row, prompt_key, shape)
    answer = require_key(row, answer_key, shape)
    prompt = require_text(prompt, prompt_key)
    answer = require_text(answer, answer_key, empty="empty_answer")
    turns = (Turn("user", (Part(prompt),)), Turn("model", (Part(answer),)))
    if not row.get("system"):
        return Content(turns)
    message = "is not read in this shape; give templates, with a system_template."
    return Content(turns, notes=(("unknown_key", "system", message),))
