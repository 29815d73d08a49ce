"""Characters that nobody typed: a model that sees them learns to write them."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from tuneline.data.checks.rule import Rule
from tuneline.data.checks.screen import Detector, Matches, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONTROL = Rule(
    "control_char",
    "error",
    "A text holds a control character: NUL, or one of C0 and C1 other than tab and line breaks.",
    "Remove it at the source: it comes from a broken conversion (a terminal, a PDF, a binary "
    "file). Where it is meant, such as form feeds in extracted pages, set the rule to warn.",
)
_REPLACEMENT = Rule(
    "replacement_char",
    "warn",
    "A text holds U+FFFD, which stands where bytes could not be decoded: characters are lost.",
    "Read the original file again in its own encoding and export it as UTF-8.",
)
_MOJIBAKE = Rule(
    "mojibake",
    "warn",
    "A text holds UTF-8 that was read as Windows-1252, such as \u00c3\u00a9 for \u00e9.",
    "Export the source again as UTF-8, or repair its texts with a tool such as ftfy.",
)
_NONCHARACTER = Rule(
    "noncharacter",
    "warn",
    "A text holds a code point that Unicode reserves for programs' inner use, such as U+FFFF.",
    "Remove it at the source; it is no character of any language.",
)
_BIDI = Rule(
    "bidi_control",
    "warn",
    "A text holds characters that reverse the direction in which it is shown, which can hide "
    "what it says from the reader.",
    "Remove U+202A to U+202E and U+2066 to U+2069; right-to-left languages do without them.",
)
_INVISIBLE = Rule(
    "invisible_char",
    "warn",
    "A text holds characters that nobody sees (zero-width space, soft hyphen, Unicode tags), "
    "which split words for the tokenizer and can smuggle instructions.",
    "Remove them. The joiners of emoji and of Persian or Indian scripts do not count.",
)
_NOT_NFC = Rule(
    "not_nfc",
    "off",
    "A text is not in Unicode's composed form (NFC), so equal words may differ in their bytes.",
    'Let the stage compose it with normalize: ["nfc"].',
)

# Python's and RE2's spelling of a code point differ, so each class is written once for both.
_C0_AND_C1 = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\u009f]"
_BIDI_CLASS = r"[\u202a-\u202e\u2066-\u2069]"
_NONCHARACTERS = "[\ufdd0-\ufdef" + "".join(
    f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(17)
)
_INVISIBLE_CLASS = (
    r"[\u00ad\u115f\u1160\u180e\u200b\u2060-\u2064\u3164\ufeff\uffa0\U000e0000-\U000e007f]"
)
_DECODED_WRONGLY = re.compile(
    # A lead byte of UTF-8 and its continuation bytes, each as Windows-1252 shows it.
    "[\u00c2\u00c3][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc"
    "\u2013-\u203a\u20ac\u2122]"
    "|\u00e2\u20ac[\u0080-\u00bf\u0152\u0153\u2013-\u203a\u20ac\u2122\u02dc]"
)
_FLAG_TAGS = re.compile("\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f")


def _re2(pattern: str) -> str:
    """The same class of characters as RE2 writes it."""
    return re.sub(
        r"\\u([0-9a-f]{4})|\\U([0-9a-f]{8})",
        lambda match: rf"\x{{{match[1] or match[2]}}}",
        pattern,
    )


def _decoded_wrongly(text: str) -> Iterator[Span]:
    """Pairs that decode as UTF-8, save a capital letter before punctuation, as people write it."""
    for match in _DECODED_WRONGLY.finditer(text):
        pair = match[0]
        if len(pair) == 2 and pair[1] in "\u2013\u2014\u2018\u2019\u201c\u201d\u2026":
            continue
        if pair[0] == "\u00c3" and pair[1] in "\u00a0\u00ab\u00bb":
            continue
        yield Span(*match.span())


def _invisible(text: str) -> Iterator[Span]:
    """Invisible characters, but not the tags of flags such as Scotland's."""
    flags = [match.span() for match in _FLAG_TAGS.finditer(text)]
    for match in re.finditer(_INVISIBLE_CLASS, text):
        if not any(start <= match.start() < end for start, end in flags):
            yield Span(*match.span())


def _not_composed(text: str) -> Iterator[Span]:
    if not unicodedata.is_normalized("NFC", text):
        yield Span(0, len(text))


DETECTORS = (
    Detector(_CONTROL, "a control character", _re2(_C0_AND_C1), Matches(re.compile(_C0_AND_C1))),
    Detector(_REPLACEMENT, "U+FFFD", "\ufffd", Matches(re.compile("\ufffd+"))),
    Detector(_MOJIBAKE, "wrongly decoded UTF-8", "[\u00c2\u00c3]|\u00e2\u20ac", _decoded_wrongly),
    Detector(
        _NONCHARACTER,
        "a code point that is no character",
        _NONCHARACTERS + "]",
        Matches(re.compile(_NONCHARACTERS + "]")),
    ),
    Detector(_BIDI, "a direction override", _re2(_BIDI_CLASS), Matches(re.compile(_BIDI_CLASS))),
    Detector(_INVISIBLE, "an invisible character", _re2(_INVISIBLE_CLASS), _invisible),
    # Everything before U+0300 is composed already.
    Detector(_NOT_NFC, "text that is not composed (NFC)", r"[^\x00-\x{2ff}]", _not_composed),
)
RULES = tuple(detector.rule for detector in DETECTORS)
