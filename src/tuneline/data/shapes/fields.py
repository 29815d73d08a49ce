"""Where a text of an example stands in the row that it came from.

Rows are named as each shape's inverse writes them. Where turns were merged or a system message was
dropped, the row cannot be told from the example any more, and the canonical place is named.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tuneline.data.schema import Example, Part
    from tuneline.data.shapes.content import Options
    from tuneline.data.shapes.marks import ShapeName

Place = Callable[["Example", int, int], str]
"""Names the field of an example's text by turn (-1: the system instruction) and part."""


def place_of(name: ShapeName, options: Options, seen: set[str]) -> Place:
    """The function that names fields of a shape.

    Args:
        name: The shape; `columns` has its own.
        options: What converters do beyond reading.
        seen: Keys of the first rows that hold something.
    """
    match name:
        case "messages" | "sharegpt" if options.merge_turns or options.drop_system:
            return canonical_place
        case _ if options.merge_turns and name in ("contents", "author_messages", "alpaca"):
            return canonical_place
        case "messages":
            return _messages
        case "sharegpt":
            return partial(_sharegpt, system_on_top="system" in seen)
        case "contents":
            return _contents
        case "author_messages":
            return _author_messages
        case "alpaca":
            question = "instruction+input" if "input" in seen else "instruction"
            return partial(_alpaca, question=question)
        case "input_output":
            return partial(pair_place, names=("", "input", "output"))
        case "input_text_output_text":
            return partial(pair_place, names=("", "input_text", "output_text"))
        case _:
            return partial(pair_place, names=("", "prompt", "completion"))


def canonical_place(example: Example, turn: int, part: int) -> str:
    """The place in the example itself, such as ``turns[2].parts[0]``."""
    if turn < 0:
        return "system"
    return (
        f"turns[{turn}].parts[{part}]" if len(example.turns[turn].parts) > 1 else f"turns[{turn}]"
    )


def pair_place(example: Example, turn: int, part: int, *, names: tuple[str, str, str]) -> str:  # noqa: ARG001
    """The system's, the question's or the answer's field.

    Args:
        example: The example.
        turn: Number of the turn.
        part: Number of the part, of which there is one.
        names: The three fields.
    """
    return names[turn + 1]


def _contents(example: Example, turn: int, part: int) -> str:
    if turn < 0:
        return "systemInstruction.parts[0].text"
    return f"contents[{turn}].parts[{part}].{_kind(example.turns[turn].parts[part])}"


def _kind(part: Part) -> str:
    if part.function_call is not None:
        return "functionCall.args"
    if part.function_response is not None:
        return "functionResponse.response"
    return "text" if part.text is not None else "fileData"


def _author_messages(example: Example, turn: int, part: int) -> str:  # noqa: ARG001
    return "context" if turn < 0 else f"messages[{turn}].content"


def _alpaca(example: Example, turn: int, part: int, *, question: str) -> str:  # noqa: ARG001
    last = len(example.turns) - 1
    if turn < 0:
        return "system"
    if turn == last:
        return "output"
    return question if turn == last - 1 else f"history[{turn // 2}][{turn % 2}]"


def _sharegpt(example: Example, turn: int, part: int, *, system_on_top: bool) -> str:
    if turn < 0:
        return "system" if system_on_top else "conversations[0].value"
    place = int(example.system is not None and not system_on_top)
    for earlier in example.turns[:turn]:
        place += sum(own.function_response is not None for own in earlier.parts) or 1
    if example.turns[turn].parts[part].function_response is not None:
        place += part
    return f"conversations[{place}].value"


def _messages(example: Example, turn: int, part: int) -> str:
    if turn < 0:
        return "messages[0].content"
    place = int(example.system is not None)
    for earlier in example.turns[:turn]:
        responses = sum(own.function_response is not None for own in earlier.parts)
        place += responses + (responses < len(earlier.parts))
    parts = example.turns[turn].parts
    if parts[part].function_response is not None:
        return f"messages[{place + part}].content"
    texts = [own for own in parts if own.function_call is None and own.function_response is None]
    if parts[part].function_call is not None:
        return f"messages[{place}].tool_calls[{part - len(texts)}].function.arguments"
    place += len(parts) - len(texts) if example.turns[turn].role == "user" else 0
    if len(texts) == 1 and texts[0].text is not None:
        return f"messages[{place}].content"
    number = part - (len(parts) - len(texts) if example.turns[turn].role == "user" else 0)
    return f"messages[{place}].content[{number}].text"
