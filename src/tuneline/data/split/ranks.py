"""A fixed, evenly spread place for every key: what chance would do, the same on every run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tuneline.data.duplicates.keys import Keys

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_SIZE = 2**64


def ranks(keys: Keys, seed: int) -> Keys:
    """The place of each key between 0 and 2⁶⁴; different keys never share one.

    Args:
        keys: What is ranked, such as hashes of prompts.
        seed: Another seed is another order.
    """
    # Mixed before it is added, so that neighbouring seeds do not shift keys onto each other's.
    salt = mixed(np.array([(seed + 1) % _SIZE], np.uint64) * _STEP)
    return mixed(keys + salt)


def mixed(values: np.ndarray) -> Keys:
    """The finaliser of splitmix64 (Steele, Lea and Flood, 2014), which is a bijection."""
    values = (values ^ (values >> np.uint64(30))) * _FIRST
    values = (values ^ (values >> np.uint64(27))) * _SECOND
    spread: Keys = values ^ (values >> np.uint64(31))
    return spread
