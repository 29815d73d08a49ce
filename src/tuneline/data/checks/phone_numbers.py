"""Telephone numbers in texts, told from other numbers by their form or by the word before them.

A bare run of ten digits is an order number as often as a telephone, so it counts only after a word
such as ``phone``. Without one, a number needs its plus sign, or the grouping of North America or
of the United Kingdom.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tuneline.data.checks.screen import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORD_BEFORE = re.compile(
    r"(?i)\b(?:tel|phone|telephone|mobile|mob|cell|cellphone|fax|whatsapp|sms|call(?: me)?|ring me"
    r"|text me|handy|telefon|t\u00e9l|t\u00e9l\u00e9phone|tel\u00e9fono|m\u00f3vil|telefono"
    r"|cellulare|celular|telefone)"
    r"(?:[\s:#=|\"'-]|\.|number|num\b|no\b|nr\b|is|at|on|me|us){0,8}$"
)
_RUN = re.compile(r"[+(]?\d[\d ().\-/]{6,}\d")
DIGIT_RUN = r"[0-9][0-9 ().\-/]{6}[0-9]"
"""RE2 expression that every text with a long number matches, however it is grouped."""

_AREA = r"[2-9](?!11)\d\d"
_END = r"(?![\w-])(?!\.\d)"
_FORM = re.compile(
    # With the plus sign: the country, then groups.
    # Not what a program assigns or adds.
    rf"(?<![\w+])(?<!\w [=+-] )(?P<plus>\+[1-9](?:[ .\-/()]{{0,2}}\d){{6,14}}){_END}"
    # North America: (202) 555-0143, 202-555-0143, 1-202-555-0143, 202.555.0143.
    rf"|(?<![\w.+-])(?P<america>(?:1[ .-])?(?:\({_AREA}\) ?{_AREA}[ .-]"
    rf"|{_AREA}(?P<same>[.-]){_AREA}(?P=same))\d{{4}}){_END}"
    # United Kingdom: 020 7946 0958, 0161 496 0123, 07700 900123.
    r"|(?<![\w.+-])(?P<kingdom>0(?:2\d \d{4} \d{4}|1\d{2,3} \d{3} ?\d{3,4}|7\d{3} ?\d{3} ?\d{3}))"
    rf"{_END}"
)
_DIALLED = re.compile(rf"\(?\d[\d ().\-/]{{6,20}}{_END}(?!,\d)")
PHONE_SCREEN = (
    r"\+[1-9][0-9 ().\-/]{6}"
    r"|[2-9][0-9]{2}(?:\) ?|[.-])[2-9][0-9]{2}[ .-][0-9]{4}"
    r"|0(?:2[0-9] [0-9]{4} |1[0-9]{2,3} [0-9]{3} ?[0-9]{3}|7[0-9]{3} ?[0-9]{3} ?[0-9]{3})"
    r"|(?i:tel|phone|mob|cell|fax|whatsapp|sms|call|ring me|text me|handy|t\x{e9}l|m\x{f3}vil)"
    r"[^0-9\n]{0,60}[0-9][0-9 ().\-/]{6}"
)
"""RE2 expression that every text with a telephone number matches."""

_DATE = re.compile(
    r"(?:19|20)\d\d[-./ ]\d{1,2}[-./ ]\d{1,2}|\d{1,2}[-./ ]\d{1,2}[-./ ](?:19|20)\d\d"
)


def phone_numbers(text: str) -> Iterator[Span]:
    """Where telephone numbers stand in a text.

    Args:
        text: Any text.
    """
    for run in _RUN.finditer(text):
        start, end = run.span()
        # Two characters more, so that the forms see how the run goes on.
        forms = [
            match
            for match in _FORM.finditer(text, start, end + 2)
            if _is_number(match.lastgroup or "", match[0])
        ]
        if forms:
            yield from (Span(*match.span()) for match in forms)
        elif _WORD_BEFORE.search(text[max(0, start - 60) : start]):
            dialled = _DIALLED.match(text, start)
            if dialled and _is_number("word", dialled[0]):
                yield Span(start, start + len(dialled[0].rstrip(" ().-/")))


def _is_number(kind: str, number: str) -> bool:
    digits = re.sub(r"\D", "", number)
    if kind == "plus":
        if digits.startswith("1"):
            return re.fullmatch(rf"1{_AREA}{_AREA}\d{{4}}", digits) is not None
        # Coordinates have one point, and round quantities end in zeros.
        decimal = re.fullmatch(r"\+\d+\.\d+", number) is not None
        return 8 <= len(digits) <= 15 and not decimal and not digits.endswith("000000")
    if kind == "word":
        decimal = re.fullmatch(r"\d+\.\d+", number) is not None
        return 7 <= len(digits) <= 15 and not decimal and not _DATE.search(number)
    return True
