"""Deterministic splits: by hash of the content or by time, never by position or chance.

A unit is what may not part: the rows of one prompt, of one group, of one cluster of prompts that
are alike, and whatever these tie together.
"""

from tuneline.data.split.names import SPLITS, SplitName

__all__ = ["SPLITS", "SplitName"]
