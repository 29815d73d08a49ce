"""Exact duplicates, and what a training row may not share with a held-out file."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tuneline.data.collection import Kept, SourceTally
    from tuneline.data.problems import Reason
    from tuneline.data.schema import Example

_ALSO: dict[str, Reason] = {"test": "also_in_test", "validation": "also_in_validation"}
_PROMPT: dict[str, Reason] = {"test": "prompt_in_test", "validation": "prompt_in_validation"}
_GROUP: dict[str, Reason] = {"test": "group_in_test", "validation": "group_in_validation"}


class DuplicateFinder:
    """Knows every example, prompt and group that was kept, and from which source.

    Args:
        kept: The kept examples; `remember` fills in their prompts and groups.
        tallies: The sources, read so far in this order.
    """

    def __init__(self, kept: Kept, tallies: list[SourceTally]) -> None:
        self._kept = kept
        self._tallies = tallies
        self._ordinals: dict[bytes, int] = {}
        self._prompt_sources = array("B")
        self._group_sources = array("B")

    def find(self, example: Example, example_id: str, prompt_id: str) -> tuple[Reason, str] | None:
        """Why the example cannot be kept beside what is kept already; ``None``: it can."""
        here = len(self._tallies) - 1
        ordinal = self._ordinals.get(bytes.fromhex(example_id))
        if ordinal is not None:
            other = self._kept.sources[ordinal]
            place = f"{self._tallies[other].source.name}:{self._kept.rows[ordinal]}"
            message = f"is the same example as {place}, which is kept."
            return ("duplicate" if other == here else self._reason(_ALSO, other)), message
        prompt = self._kept.prompt_ids.get(prompt_id)
        if prompt is not None and (other := self._prompt_sources[prompt]) != here:
            name = self._tallies[other].source.name
            return self._reason(_PROMPT, other), f"has a prompt that is also in {name}."
        group = self._kept.group_names.get(example.group or "")
        if group is not None and (other := self._group_sources[group]) != here:
            name = self._tallies[other].source.name
            return self._reason(_GROUP, other), f"is of group {example.group!r}, as rows of {name}."
        return None

    def remember(self, example: Example, example_id: str, prompt_id: str) -> None:
        """Take note of an example that is kept."""
        kept, here = self._kept, len(self._tallies) - 1
        self._ordinals[bytes.fromhex(example_id)] = len(self._ordinals)
        prompt = kept.prompt_ids.setdefault(prompt_id, len(kept.prompt_ids))
        if prompt == len(self._prompt_sources):
            self._prompt_sources.append(here)
        kept.prompts.append(prompt)
        if example.group is not None:
            group = kept.group_names.setdefault(example.group, len(kept.group_names))
            if group == len(self._group_sources):
                self._group_sources.append(here)
            kept.groups.append(group)

    def _reason(self, reasons: dict[str, Reason], source: int) -> Reason:
        return reasons[self._tallies[source].source.purpose]
