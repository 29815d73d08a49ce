"""The pre-training corpus: chats drawn from every kind of instruction by one seed.

It starts with repeating known words, always asked in the same way. From this the model learns
within some hundred steps to look back in its context; with all kinds mixed from the start, whole
runs of this length ended without it. Words that mean nothing come next, then everything.
"""

from __future__ import annotations

import hashlib
import json
from random import Random
from typing import TYPE_CHECKING

from embedded.instructions import TASKS, Chat, copy_text, repeat_words
from embedded.lexicon import read_lexicon

if TYPE_CHECKING:
    from collections.abc import Iterable

REPEATS = 9_000
COPIES = 6_000
INSTRUCTIONS = 40_000
SEED = 20


def make_corpus(
    repeats: int = REPEATS,
    copies: int = COPIES,
    instructions: int = INSTRUCTIONS,
    seed: int = SEED,
) -> list[Chat]:
    """Draw the chats, in the order in which they are learned.

    Args:
        repeats: Chats that repeat known words.
        copies: Chats that repeat words, known or invented, or a part of them.
        instructions: Chats of every kind.
        seed: Decides every draw.
    """
    lexicon = read_lexicon()
    generator = Random(seed)
    tasks, weights = list(TASKS), list(TASKS.values())
    drawn = generator.choices(tasks, weights, k=instructions)
    course = [*[repeat_words] * repeats, *[copy_text] * copies, *drawn]
    return [task(lexicon, generator) for task in course]


def corpus_digest(corpus: Iterable[Chat]) -> str:
    """SHA-256 over the chats as JSON lines, in order."""
    digest = hashlib.sha256()
    for chat in corpus:
        digest.update((json.dumps(chat, ensure_ascii=False, sort_keys=True) + "\n").encode())
    return digest.hexdigest()
