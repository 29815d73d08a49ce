"""Words of texts in any script: as ROUGE takes them apart, and as SQuAD normalises them.

rouge-score knows the characters ``a-z0-9`` alone: ``café`` becomes ``caf``, and a Russian or
Chinese text has no word at all and scores 0 against itself. Here a word is a run of letters and
digits of any script. On texts whose letters and digits are all ASCII both give the same words, so
the same scores. Scripts that put no space between words (Han, Kana, Thai, Lao, Myanmar, Khmer) are
taken apart into single characters, as the scorers of multilingual question answering do.
"""

from __future__ import annotations

import re
import string
import sys
import unicodedata
from functools import cache, lru_cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ARTICLES = frozenset(("a", "an", "the"))
STEMMED_LENGTH = 4  # ROUGE leaves shorter words as they are
KNOWN_STEMS = 1 << 16

_ASCII_WORD = re.compile("[a-z0-9]+")
_UNSPACED = (
    "\u0e01-\u0edf"  # Thai, Lao
    "\u1000-\u109f"  # Myanmar
    "\u1780-\u17ff"  # Khmer
    "\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # Kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)


def plain(text: str) -> str:
    """The text in Unicode's composed form (NFC) without outer white space."""
    return unicodedata.normalize("NFC", text).strip()


def rouge_words(text: str) -> list[str]:
    """Lower-case runs of letters and digits, with their marks; nothing else."""
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    found: list[str] = _any_word().findall(unicodedata.normalize("NFC", text.lower()))
    return found


def stemmed(words: list[str]) -> list[str]:
    """English words by Porter's stemmer where they have over 3 characters, as rouge-score does."""
    return [_stem(word) if len(word) >= STEMMED_LENGTH else word for word in words]


def squad_words(text: str) -> list[str]:
    """Words by the rules of SQuAD's scorer, extended to any script.

    Case is folded; ASCII punctuation and every character of Unicode's punctuation categories are
    dropped; then the English articles. Where nothing is left, the last step that left something
    counts: the answer ``A`` stays ``a``, the answer ``?`` stays ``?``. SQuAD makes both empty, so
    that ``A`` would equal ``The`` and no answer at all.
    """
    folded = plain(plain(text).casefold())
    bare = folded.translate(_PUNCTUATION)
    words = bare.split() if bare.isascii() else _any_run().findall(bare)
    return [word for word in words if word not in ARTICLES] or words or folded.split()


class _Punctuation(dict[int, int | None]):
    """What ``str.translate`` makes of each character; those met are remembered."""

    def __missing__(self, code: int) -> int | None:
        character = chr(code)
        drop = character in string.punctuation or unicodedata.category(character)[0] == "P"
        self[code] = None if drop else code
        return self[code]


_PUNCTUATION = _Punctuation()


@cache
def _marks() -> str:
    r"""Combining marks as ranges of a regular expression.

    Python's ``\w`` leaves them out, which would cut Hindi words at every vowel sign. Enclosing
    marks and variation selectors change the look alone (those of emoji) and are no part of a word.
    """
    found: list[list[int]] = []
    for code in range(sys.maxunicode + 1):
        selector = 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF
        if selector or unicodedata.category(chr(code)) not in {"Mn", "Mc"}:
            continue
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in found)


@cache
def _unspaced_character() -> re.Pattern[str]:
    return re.compile(rf"(?=\w)[{_UNSPACED}][{_marks()}]*")


@cache
def _any_word() -> re.Pattern[str]:
    letter = rf"[^\W_{_UNSPACED}]"
    return re.compile(rf"{_unspaced_character().pattern}|{letter}(?:{letter}|[{_marks()}])*")


@cache
def _any_run() -> re.Pattern[str]:
    """What stands between white space; characters of unspaced scripts alone."""
    return re.compile(rf"{_unspaced_character().pattern}|[^\s{_UNSPACED}]+|[{_UNSPACED}]")


@lru_cache(maxsize=KNOWN_STEMS)
def _stem(word: str) -> str:
    return _porter()(word) if word.isascii() else word


@cache
def _porter() -> Callable[[str], str]:
    # Imported by name: nltk is no dependency of Tuneline, only of those who ask for stems.
    stem: Callable[[str], str] = import_module("nltk.stem.porter").PorterStemmer().stem
    return stem
