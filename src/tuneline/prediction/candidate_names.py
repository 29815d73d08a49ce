"""Names of candidates: what tells them apart in tables, files and reports."""

from __future__ import annotations

_LONGEST = 80


def name_problem(name: str) -> str:
    r"""Say what is wrong with a candidate's name; empty where nothing is.

    Example:
        >>> name_problem("pet 25 %")
        ''
        >>> name_problem("two\nlines")
        "'two\\nlines' is no candidate's name: give 1 to 80 printable characters in one line."
    """
    if name.strip() and len(name) <= _LONGEST and name.isprintable():
        return ""
    beginning = repr(name if len(name) <= _LONGEST else f"{name[:_LONGEST]}...")
    return (
        f"{beginning} is no candidate's name: give 1 to {_LONGEST} printable characters in one "
        "line."
    )
