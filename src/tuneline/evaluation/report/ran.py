"""What was run: the prompts, and the settings by the names that a configuration gives them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tuneline.evaluation.report.room import fitting_length
from tuneline.report.shown import shown
from tuneline.report.words import name_of, sentence_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tuneline.evaluation.settings import EvaluationSettings


_LENGTHS = (20_000, 8_000, 4_000, 2_000, 1_000, 500)
_MOST_BYTES = 80_000
"""Of all prompts together, as they stand in the page."""


def prompts_view(prompts: Sequence[tuple[str, str]], order: Sequence[str]) -> list[tuple[str, str]]:
    """The names and prompts in the order of the names, all cut to the same length."""
    places = {name: place for place, name in enumerate(order)}
    ordered = sorted(prompts, key=lambda named: places.get(named[0], len(places)))
    length = fitting_length([prompt for _, prompt in prompts], _LENGTHS, _MOST_BYTES)
    return [(name_of(name), shown(prompt, length)) for name, prompt in ordered]


def settings_rows(settings: EvaluationSettings) -> list[tuple[str, str]]:
    """Every setting as ``gate.margin`` with its value as JSON."""
    return list(_flat(settings.model_dump(mode="json"), ""))


def _flat(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield sentence_of(prefix + name), sentence_of(json.dumps(value, ensure_ascii=False))
