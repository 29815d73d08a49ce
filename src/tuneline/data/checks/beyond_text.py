"""Which examples have what most have not, found without a step of Python a row."""

from __future__ import annotations

from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tuneline.data.schema import Example, Turn

_turns, _trained, _system = attrgetter("turns"), attrgetter("trained"), attrgetter("system")
_media_resolution = attrgetter("media_resolution")


def with_untrained_turns(examples: Sequence[Example]) -> list[int]:
    """Indices of the examples with a turn that the loss leaves out."""
    if False not in map(_trained, _all_turns(examples)):
        return []
    return [i for i, example in enumerate(examples) if False in map(_trained, example.turns)]


def with_system(examples: Sequence[Example]) -> list[int]:
    """Indices of the examples with a system instruction."""
    return [i for i, system in enumerate(map(_system, examples)) if system is not None]


def with_media_resolution(examples: Sequence[Example]) -> list[int]:
    """Indices of the examples that name a media resolution."""
    return [i for i, value in enumerate(map(_media_resolution, examples)) if value is not None]


def _all_turns(examples: Iterable[Example]) -> Iterable[Turn]:
    return chain.from_iterable(map(_turns, examples))
