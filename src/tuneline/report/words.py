"""Names, sentences and counts as the pages of all stages write them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tuneline.report.shown import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

SHOWN_NAME = 120
"""Characters of a label or another name that are shown."""

SHOWN_SENTENCE = 1_500
"""Characters of a sentence that are shown; it may quote a user's text."""


def name_of(text: str) -> str:
    """A label, a file name or a candidate's name."""
    return shown(text, SHOWN_NAME)


def sentence_of(text: str) -> str:
    """A sentence that may quote the data."""
    return shown(text, SHOWN_SENTENCE)


def counted(count: int, noun: str) -> str:
    """``1 row``, ``2 rows``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def listed(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def capitalized(title: str) -> str:
    """A title where a line begins: ``Accuracy``, ``Macro-F1``, and ``chrF`` as it is."""
    return re.sub(r"^[a-z]+\b", lambda word: word.group().capitalize(), title)
