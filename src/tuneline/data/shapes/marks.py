"""What the rows of each shape look like, by their keys."""

from __future__ import annotations

from typing import Any, Literal

ShapeName = Literal[
    "messages",
    "author_messages",
    "contents",
    "sharegpt",
    "prompt_completion",
    "input_text_output_text",
    "alpaca",
    "input_output",
    "columns",
]

MARKS: dict[ShapeName, tuple[str, ...]] = {
    "messages": ("messages",),
    "author_messages": ("messages",),
    "contents": ("contents",),
    "sharegpt": ("conversations",),
    "prompt_completion": ("prompt", "completion"),
    "input_text_output_text": ("input_text", "output_text"),
    "alpaca": ("instruction", "output"),
    "input_output": ("input", "output"),
}
"""Keys that every row of a shape has. The earlier shape wins where a row has those of two."""


def shapes_of(row: dict[str, Any]) -> list[ShapeName]:
    """The shapes that a row could be of; a key that holds null counts as missing."""
    found = [name for name, keys in MARKS.items() if all(row.get(key) is not None for key in keys)]
    if "messages" in found:
        first = row["messages"][0] if _is_filled_list(row["messages"]) else None
        keys = first.keys() if isinstance(first, dict) else ()
        if "author" in keys and "role" not in keys:
            found.remove("messages")
        elif "role" in keys:
            found.remove("author_messages")
    if "alpaca" in found and "input_output" in found:
        found.remove("input_output")
    return found


def _is_filled_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value)
