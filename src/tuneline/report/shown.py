"""A user's text as a page shows it: cut to a length, and nothing in it unseen."""

from __future__ import annotations

import unicodedata

_KEPT = "\t\n"
# Marks that turn the direction of what follows, and ends of lines that no browser breaks at; the
# two plain direction marks are part of Arabic and Hebrew texts.
_UNSEEN = "\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
_CONTROLS = [chr(code) for code in range(0xA0) if unicodedata.category(chr(code)) == "Cc"]
_VISIBLE = str.maketrans(
    {
        character: f"⟨U+{ord(character):04X}⟩"
        for character in (*_CONTROLS, *_UNSEEN)
        if character not in _KEPT
    }
)


def shown(text: str, limit: int, whole: int = 0) -> str:
    """The first ``limit`` characters, control characters by their names, and how many more.

    Args:
        text: What a user wrote; the template escapes it.
        limit: How many of its characters are shown.
        whole: Characters of the whole text, where ``text`` is the beginning of a longer one.
    """
    visible = text[:limit].translate(_VISIBLE)
    more = max(whole, len(text)) - limit
    return visible if more <= 0 else f"{visible}… ({more:,} more characters)"
