"""The text that nearly every prompt begins or ends with: a template, rolled out in the data."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuneline.data.checks.finding import Finding
from tuneline.data.checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tuneline.data.schema import Example

_RULE = Rule(
    "boilerplate_share",
    "warn",
    "More than half of the prompts' characters are the same in every row.",
    "Every row pays for them at training and at serving: move what is the same to the system "
    "instruction, or drop it, since tuning teaches the task.",
)
RULES = (_RULE,)

_SAMPLE = 1_000
_FEWEST_ROWS = 20
_SHARED_BY = 0.95
_TOO_MUCH = 0.5


@dataclass(frozen=True, slots=True)
class Boilerplate:
    """What the first user turns of a data set have in common.

    Attributes:
        prefix: Text that at least 95 % of them begin with; ends at the end of a word.
        suffix: Text that at least 95 % of them end with; begins at the beginning of a word.
        share: Share of their characters that stands in the two, from 0 to 1.
    """

    prefix: str = ""
    suffix: str = ""
    share: float = 0.0

    @classmethod
    def of(cls, examples: Iterable[Example]) -> Boilerplate:
        """Find it in a sample.

        Args:
            examples: The first rows; at most 1,000 are looked at, and fewer than 20 have none.
        """
        texts = [text for example in examples if (text := example.turns[0].text)][:_SAMPLE]
        if len(texts) < _FEWEST_ROWS:
            return cls()
        prefix = _whole_words(_shared_prefix(texts))
        rests = [text[len(prefix) :] if text.startswith(prefix) else text for text in texts]
        backwards = _shared_prefix([rest[::-1] for rest in rests])
        suffix = _whole_words(backwards)[::-1]
        found = cls(prefix, suffix)
        length = sum(map(len, texts))
        same = sum(len(text) - len(found._without(text)) for text in texts)
        return cls(prefix, suffix, same / length)

    def strip(self, text: str) -> str:
        """The text without the boilerplate; the text itself where nothing would be left.

        Args:
            text: The text of a first user turn.
        """
        rest = self._without(text)
        return rest if rest and not rest.isspace() else text

    def _without(self, text: str) -> str:
        start = len(self.prefix) if text.startswith(self.prefix) else 0
        end = len(text)
        if self.suffix and text.endswith(self.suffix, start):
            end -= len(self.suffix)
        return text[start:end]

    def finding(self) -> Finding | None:
        """What to say of it, where it is more than half of the prompts."""
        if self.share <= _TOO_MUCH:
            return None
        sentence = (
            f"{self.share:.0%} of the prompts' characters are the same in every row. {_RULE.fix}"
        )
        return Finding(_RULE.code, "warn", sentence)


def _shared_prefix(texts: Sequence[str]) -> str:
    """The longest text that at least 95 % of some texts begin with.

    In sorted order the texts with one prefix stand together, so it is the longest one that the
    first and the last of some run of that many texts share.
    """
    ordered = sorted(texts)
    many = math.ceil(_SHARED_BY * len(ordered))
    runs = zip(ordered, ordered[many - 1 :], strict=False)
    return max((_common_prefix(first, last) for first, last in runs), key=len, default="")


def _common_prefix(one: str, other: str) -> str:
    pairs = enumerate(zip(one, other, strict=False))
    return one[: next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))]


def _whole_words(prefix: str) -> str:
    """The prefix up to the end of its last whole word."""
    return re.sub(r"\w+$", "", prefix)
