"""Finds keys that an object names twice, at next to no cost where none does.

The fast parser keeps the last of two equal keys in silence. Proof that it dropped none: a key ends
with an unescaped quote, blanks, a colon. Counted in compiled code for a whole piece, the places in
a line that may be one are never fewer than its keys; where there are as many as the parsed object
has keys, no key was dropped. Other lines are parsed again, slowly and with certainty.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np

from tuneline.data.checks.rule import Hit, RowError, Severity
from tuneline.data.rows.json_errors import deep_nesting

_QUOTE, _COLON, _BACKSLASH, _LINE_END = b'":\\\n'
_BLANKS = np.zeros(256, np.bool_)
_BLANKS[list(b" \t\r")] = True
_COLON_OR_BLANK = _BLANKS.copy()
_COLON_OR_BLANK[_COLON] = True
_SHOWN_CHARACTERS = 40


def key_bounds(piece: bytes) -> list[int]:
    """For every line of ``piece``, a number that its keys do not exceed.

    Args:
        piece: Whole lines; the last may lack its line end.
    """
    codes = np.frombuffer(piece, np.uint8)
    # A key is followed by a colon, a value and a brace, so it never ends in the last two bytes.
    quotes = np.flatnonzero(codes[:-2] == _QUOTE)
    after = codes[quotes + 1]
    # Behind one blank another may follow, and then a colon: taken for a key unseen.
    ends = (after == _COLON) | (_BLANKS[after] & _COLON_OR_BLANK[codes[quotes + 2]])
    places = quotes[ends]
    # Behind a single backslash a quote belongs to a text; behind two, who knows.
    escaped = (codes[places - 1] == _BACKSLASH) & (codes[places - 2] != _BACKSLASH)
    line_ends = np.append(np.flatnonzero(codes == _LINE_END), len(codes))
    bounds: list[int] = np.diff(np.searchsorted(places[~escaped], line_ends), prepend=0).tolist()
    return bounds


def has_keys(value: dict[str, Any], bound: int) -> bool:
    """Whether the objects in ``value`` have ``bound`` keys together: none was dropped."""
    count = len(value)
    for item in value.values():
        if type(item) is list:
            for inner in item:
                if type(inner) is dict:
                    count += len(inner)
    # These are some of its keys; where they are as many as there can be, they are all.
    return count == bound or _count_keys(value) == bound


def _count_keys(value: Any) -> int:
    """Keys of all objects in a parsed value, however deep."""
    count = 0
    pending = [value]
    while pending:
        value = pending.pop()
        if type(value) is dict:
            count += len(value)
            value = value.values()
        pending.extend(item for item in value if type(item) is dict or type(item) is list)
    return count


def repeated_key(raw: bytes) -> RowError | None:
    """Parse a row again and name a key that one of its objects has twice, if there is one."""
    watch = KeyWatch()
    try:
        json.loads(raw, object_pairs_hook=watch, parse_int=str, parse_float=str)
    except RecursionError:
        return deep_nesting()
    return watch.error


class KeyWatch:
    """A hook of the standard library's JSON parser that remembers a key that came twice."""

    def __init__(self) -> None:
        self.error: RowError | None = None

    def __call__(self, pairs: list[tuple[str, Any]]) -> None:
        """Look at the members of one object; nothing is built from them."""
        names = {name for name, _ in pairs}
        if len(names) == len(pairs):
            return
        twice = next(
            name for name, count in Counter(name for name, _ in pairs).items() if count > 1
        )
        shown = ascii(twice[:_SHOWN_CHARACTERS])
        self.error = RowError("duplicate_key", "", f"names the key {shown} twice; keep one.")


def passes(problem: RowError, severity: Severity, index: int, hits: list[Hit]) -> bool:
    """Whether a row with that problem stays; a problem that only warns is noted.

    Args:
        problem: What the second look found.
        severity: That of ``duplicate_key``.
        index: Where the row will stand among the readable ones.
        hits: Takes the note.
    """
    if problem.reason != "duplicate_key" or severity == "error":
        return False
    if severity == "warn":
        hits.append(Hit(index, problem.reason, problem.field, problem.message))
    return True
