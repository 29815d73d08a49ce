"""What near duplicates are told by: a prompt without what nearly all prompts have in common."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuneline.data.batch import data_of, files_of
from tuneline.data.checks.boilerplate import Boilerplate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tuneline.data.schema import Example

_SHARED_BY = 0.95


@dataclass(frozen=True, slots=True)
class Compared:
    """One for all sources of a run, so that a prompt is compared alike wherever it stands.

    Attributes:
        boilerplate: What the first user turns have in common.
        system: The system instruction that at least 95 % of the examples have, if there is one.
    """

    boilerplate: Boilerplate
    system: str | None

    @classmethod
    def of(cls, examples: Sequence[Example]) -> Compared:
        """Find out from a sample of all sources."""
        systems = Counter(example.system for example in examples)
        system, count = systems.most_common(1)[0] if systems else (None, 0)
        shared = system if count >= _SHARED_BY * len(examples) else None
        return cls(Boilerplate.of(examples), shared)

    def text(self, example: Example) -> str:
        """The text to compare; empty for a prompt with files, which text does not tell apart."""
        if next(files_of(example), None) is not None:
            return ""
        return "\n".join(self._texts(example))

    def _texts(self, example: Example) -> Iterator[str]:
        if example.system is not None and example.system != self.system:
            yield example.system
        first, *others = example.turns[:-1]
        yield self.boilerplate.strip(first.text)
        for turn in others:
            yield turn.text
        for turn in example.turns[:-1]:
            yield from filter(None, map(data_of, turn.parts))
