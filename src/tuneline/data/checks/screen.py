"""Find things in many texts: one combined screen in compiled code, then an exact judgement.

A detector has three sieves. Its gate is a coarse RE2 expression; the gates of all detectors are
joined into one, which a clean row of 300 characters passes in about half a microsecond. What it
stops is narrowed down to single gates, and behind each of them by the detector's screen, an RE2
expression as fine as RE2 can be. What that stops is judged in Python, exactly: with context, check
digits, parsers. No text with a find may slip through a gate or a screen.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tuneline.data.batch import texts_of

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tuneline.data.batch import Batch
    from tuneline.data.checks.rule import Rule

# Below this, compiling a screen costs more than judging the texts.
_FEW = 4
# The gates that texts are most often stopped by, which stand first.
_LIKELY = 2


class Span(NamedTuple):
    """A find: ``text[start:end]``."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Detector:
    """How the texts that break one rule are found.

    Attributes:
        rule: The rule.
        noun: One find in words, with its article, such as ``an e-mail address``.
        screen: RE2 expression that matches every text in which ``spans`` finds something.
        spans: The exact judgement: where the finds are, in order and apart from each other.
        gate: RE2 expression that matches wherever ``screen`` does. Long counts and many words make
            the joint automaton large and slow, so a gate has none. Empty: the screen is its gate.
        mask: What stands in the place of a masked find; empty: this rule has no mask.
    """

    rule: Rule
    noun: str
    screen: str
    spans: Callable[[str], Iterable[Span]]
    gate: str = ""
    mask: str = ""

    @property
    def code(self) -> str:
        """The code of the rule."""
        return self.rule.code


@dataclass(frozen=True, slots=True)
class Matches:
    """The judgement of a detector whose regular expression is exact.

    Attributes:
        pattern: What to find.
        group: The group that is the find; 0: all of it.
    """

    pattern: re.Pattern[str]
    group: int = 0

    def __call__(self, text: str) -> Iterator[Span]:
        """Where the pattern matches."""
        for match in self.pattern.finditer(text):
            yield Span(*match.span(self.group))


class Found(NamedTuple):
    """What one detector finds in one text of a column."""

    position: int
    detector: Detector
    spans: tuple[Span, ...]

    @property
    def message(self) -> str:
        """What is wrong and where, never what stands there."""
        more = f", {len(self.spans)} in all" if len(self.spans) > 1 else ""
        return f"holds {self.detector.noun} (character {self.spans[0].start + 1}{more})."


def find(detectors: Sequence[Detector], values: pa.Array) -> list[Found]:
    """Everything that the detectors find in a column of texts, text by text.

    Args:
        detectors: What to look for, the likely finds first.
        values: Arrow array of texts without nulls.
    """
    if not detectors or not len(values):
        return []
    by_gate: dict[str, list[Detector]] = {}
    for detector in detectors:
        by_gate.setdefault(detector.gate or detector.screen, []).append(detector)
    gates = list(by_gate)
    stopped = _Texts(values, np.arange(len(values))).stopped(gates)
    # What stopped a text is mostly one of the first gates, so the others see few texts.
    others = stopped.stopped(gates[_LIKELY:])
    found: list[Found] = []
    for place, gate in enumerate(gates):
        texts = stopped if place < _LIKELY else others
        found += _judged(by_gate[gate], texts.stopped([gate]))
    return sorted(found, key=lambda one: one.position)


class _Texts(NamedTuple):
    """Texts that are still in question, and their positions in the column."""

    values: pa.Array
    positions: np.ndarray[tuple[int], np.dtype[np.int64]]

    def stopped(self, expressions: Iterable[str]) -> _Texts:
        """Those that match one of the expressions."""
        if not len(self.values):
            return self
        mask = pc.match_substring_regex(self.values, any_of(expressions))
        kept = np.flatnonzero(mask)
        return _Texts(self.values.take(pa.array(kept)), self.positions[kept])


def _judged(detectors: Sequence[Detector], texts: _Texts) -> Iterator[Found]:
    """Judge the texts of one gate, behind each detector's own screen where there are many."""
    for detector in detectors:
        many = len(texts.values) > _FEW and detector.gate
        left = texts.stopped([detector.screen]) if many else texts
        for position, text in zip(left.positions.tolist(), left.values.to_pylist(), strict=True):
            if spans := tuple(detector.spans(text)):
                yield Found(position, detector, spans)


def any_of(expressions: Iterable[str]) -> str:
    """One RE2 expression that matches where any of several does."""
    return "|".join(f"(?:{expression})" for expression in expressions)


class Place(NamedTuple):
    """Where a text of a batch stands: its example and the field of its row."""

    owner: int
    field: str


def places(batch: Batch, positions: Sequence[int]) -> Iterator[Place]:
    """Where texts of a batch stand, for many at once.

    Args:
        batch: The batch.
        positions: Indices in ``batch.texts``.
    """
    owners = batch.texts.owners[positions]
    firsts = np.searchsorted(batch.texts.owners, owners)
    for position, owner, first in zip(positions, owners.tolist(), firsts.tolist(), strict=True):
        example = batch.examples[owner]
        text = next(islice(texts_of(example), position - first, None))
        yield Place(owner, batch.shape.field(example, text.turn, text.part))
