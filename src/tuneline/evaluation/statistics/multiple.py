"""Correction for many comparisons."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Correct p-values for many comparisons, so that their family keeps its level (Holm 1979).

    Returns:
        The corrected p-values by name, from the smallest to the largest.
    """
    corrected: dict[str, float] = {}
    largest = 0.0
    for index, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        largest = max(largest, min(1.0, (len(p_values) - index) * p_values[name]))
        corrected[name] = largest
    return corrected
