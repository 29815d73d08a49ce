"""The splits, in their order everywhere."""

from __future__ import annotations

from typing import Literal

SplitName = Literal["train", "validation", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")

TRAIN, VALIDATION, TEST = range(3)
"""Number of each split in arrays of one entry a row."""
