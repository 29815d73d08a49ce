"""Which labels the service takes."""

from __future__ import annotations

_LONGEST = 64


def label_problem(labels: dict[str, str]) -> str:
    """What is wrong with labels; empty where nothing is."""
    if len(labels) > _LONGEST:
        return f"A resource can have at most {_LONGEST} labels."
    for key, value in labels.items():
        if not key or not key[0].isalpha() or not _allowed(key):
            return f"Label key '{key}' is invalid: lowercase letters, numbers, dashes, underscores."
        if not _allowed(value):
            return f"Label value '{value}' is invalid: lowercase letters, numbers, dashes."
    return ""


def _allowed(text: str) -> bool:
    return len(text) <= _LONGEST and all(
        char in "_-" or char.isdigit() or (char.isalpha() and char == char.lower()) for char in text
    )
