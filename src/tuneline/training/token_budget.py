"""How many tokens one forward pass holds: what the user says, or what the memory takes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tuneline.training.sequences.plan import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from tuneline.training.sequences.store import StoredSplit

logger = logging.getLogger("tuneline")

TOKENS_ON_CPU = 4096
"""More at once save nothing on a CPU."""

_LOGITS_ON_CPU = 2**27
"""Logits held at one time; 0.5 GiB in 32 bits."""

_SHARE = 0.9
"""Share of the device's memory that a pass may take."""

_LARGEST_LEAP = 8
_WORTH_A_LOOK = 1.2


def limits_on_cpu(tokens: int | None, vocabulary: int, split: StoredSplit) -> Limits:
    """What one pass holds on a CPU.

    Args:
        tokens: What the user says; None: nothing.
        vocabulary: Logits of each token.
        split: The training split.
    """
    trained = max(_LOGITS_ON_CPU // vocabulary, 1)
    return Limits(tokens or TOKENS_ON_CPU, trained).holding(split.lengths, split.trained_counts)


def largest_fitting(
    attempt: Callable[[int], int | None],
    memory: int,
    held: int,
    least: int,
    needed: int,
    most: int,
) -> int:
    """Find how many tokens a device's memory takes, in two or three attempts.

    What a pass takes beside the weights grows with its tokens, so each attempt tells where the
    memory ends; none goes there.

    Args:
        attempt: Makes a pass of so many tokens; gives its peak in bytes, or None where the memory
            did not suffice.
        memory: Bytes of the device.
        held: Bytes of it that are taken before a pass.
        least: Tokens of the first attempt.
        needed: Tokens of the longest sequence, which must fit.
        most: Tokens of the largest step: more are never needed.

    Returns:
        The tokens, or 0 where not even the first attempt fits.
    """
    tokens, peak = least, attempt(least)
    if peak is None:
        return 0
    while tokens < most:
        each = max(peak - held, 1) / tokens
        wanted = min(int((_SHARE * memory - held) / each), most, tokens * _LARGEST_LEAP)
        if wanted < tokens * _WORTH_A_LOOK and not tokens < needed <= wanted:
            break
        found = attempt(wanted)
        if found is None:
            break
        tokens, peak = wanted, found
    return tokens
