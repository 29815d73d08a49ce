"""How the answer stands to its prompt: whether it is there already, and in which script."""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from tuneline.data.checks.finding import Finding
from tuneline.data.checks.rule import Hit, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tuneline.data.batch import Batch
    from tuneline.data.schema import Example

_LEAK = Rule(
    "completion_in_prompt",
    "warn",
    "The whole answer, 30 characters or longer, stands word for word in what the user says: the "
    "model learns to copy, and an evaluation on such rows measures nothing else.",
    "Look at some of these rows: cut the answer out of the prompt if a template or a join put it "
    "there. If the task is to quote or extract, it is as it should be; switch the rule off.",
)
_SWITCH = Rule(
    "script_switch",
    # Off, since translation does just this.
    "off",
    "The answer is written in another script than the prompt (Latin, Cyrillic, Han ...). This is "
    "no language identification: English and French share a script.",
    "If the model should answer in the user's language, remove or translate these rows.",
)
RULES = (_LEAK, _SWITCH)

SHORTEST_LEAK = 30
"""Characters: labels and short facts stand in instructions and passages by rights."""

_COPYING_TASK = 0.5
_FEWEST_LETTERS = 12
_LOOKED_AT = 400
_CLEAR_SHARE = 0.6


def answers_in_prompts(batch: Batch) -> Iterator[Hit]:
    """Rows whose answer stands verbatim in a text of the user.

    Args:
        batch: Examples; an answer shorter than `SHORTEST_LEAK` is not looked for, nor is one in the
            system instruction or in an earlier answer, which are the same for many rows.
    """
    for index in np.flatnonzero(batch.answer_chars >= SHORTEST_LEAK).tolist():
        *before, last = batch.examples[index].turns
        answer = last.text.strip()
        prompts = [turn.text for turn in before if turn.role == "user"]
        if len(answer) >= SHORTEST_LEAK and any(answer in prompt for prompt in prompts):
            yield Hit(index, _LEAK.code, "", "has its whole answer in the prompt.")


def answer_finding(hits: int, rows: int) -> Finding | None:
    """What rows with their answer in the prompt mean for the data set as a whole.

    Args:
        hits: Rows with a `completion_in_prompt` hit.
        rows: Rows looked at.
    """
    if not hits:
        return None
    share = hits / rows
    if share >= _COPYING_TASK:
        meaning = (
            "With so many, the task is either to quote from the prompt, and then this is as it "
            "should be, or a template puts the answer into every prompt, and then the model learns "
            "nothing but to copy. Read three rows to know which."
        )
    else:
        meaning = (
            "They are few enough to be a mistake: a join, a thread that quotes its own reply, or a "
            "reference answer left in the context. Look at them: cut the answer out or drop the "
            "row."
        )
    sentence = f"The whole answer stands in the prompt in {hits:,} of {rows:,} rows ({share:.1%})."
    return Finding(_LEAK.code, "warn", f"{sentence} {meaning}")


def script_switches(batch: Batch) -> Iterator[Hit]:
    """Rows whose answer is clearly in another script than what the user last wrote.

    Args:
        batch: Examples; texts with few letters have no clear script and are passed over.
    """
    # A row without a letter beyond Latin cannot switch.
    other = pc.match_substring_regex(batch.texts.values, r"[^\x00-\x{24f}\x{2000}-\x{2bff}]")
    owners = batch.texts.owners[np.flatnonzero(other)]
    for index in np.unique(owners).tolist():
        example = batch.examples[index]
        before, after = _script(_last_user_text(example)), _script(example.answer)
        if before and after and before != after:
            yield Hit(index, _SWITCH.code, "", f"has a {before} prompt and a {after} answer.")


def _last_user_text(example: Example) -> str:
    for turn in reversed(example.turns[:-1]):
        if turn.role == "user" and turn.text:
            return turn.text
    return ""


def _script(text: str) -> str:
    """The script of most letters, empty where there is no clear one."""
    counts = Counter(map(_letter_script, text[:_LOOKED_AT]))
    counts.pop("", None)
    if not counts:
        return ""
    script, most = counts.most_common(1)[0]
    # One Han character says as much as several letters.
    fewest = _FEWEST_LETTERS // 3 if script == "Han or Kana" else _FEWEST_LETTERS
    return script if most >= fewest and most >= _CLEAR_SHARE * counts.total() else ""


@lru_cache(maxsize=1 << 16)
def _letter_script(character: str) -> str:
    """The script of a letter by the first word of its name in Unicode; empty: no letter."""
    if not character.isalpha():
        return ""
    first = unicodedata.name(character, "").split(" ")[0].split("-")[0]
    return "Han or Kana" if first in {"CJK", "HIRAGANA", "KATAKANA"} else first.capitalize()
