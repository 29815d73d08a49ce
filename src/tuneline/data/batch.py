"""A batch of examples as the rules see it: row by row, and every text in one Arrow column.

Rules screen the column in compiled code and judge only what the screen lets through, so that a
clean row costs next to nothing.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tuneline.data.schema import Example, File, Part
    from tuneline.data.shapes.detection import Shape

    Lengths = np.ndarray[tuple[int], np.dtype[np.uint32]]

SYSTEM = -1
"""Turn number of the system instruction."""


class Text(NamedTuple):
    """One text and where it stands; ``turn`` is `SYSTEM` for the system instruction."""

    turn: int
    part: int
    text: str


class Texts(NamedTuple):
    """All texts of a batch, in order: ``values[i]`` belongs to example ``owners[i]``."""

    values: pa.Array
    owners: np.ndarray[tuple[int], np.dtype[np.int32]]


class _Layout(NamedTuple):
    """Texts of all examples, where each one's texts end, and where those of its answer begin."""

    texts: list[str]
    ends: np.ndarray[tuple[int], np.dtype[np.int64]]
    answers: np.ndarray[tuple[int], np.dtype[np.int64]]
    beyond_text: list[int]


def texts_of(example: Example) -> Iterator[Text]:
    """The system instruction, then every text, function argument and response, turn by turn."""
    if example.system is not None:
        yield Text(SYSTEM, 0, example.system)
    for place, turn in enumerate(example.turns):
        for number, part in enumerate(turn.parts):
            text = data_of(part) if part.text is None else part.text
            if text is not None:
                yield Text(place, number, text)


def files_of(example: Example) -> Iterator[tuple[int, int, File]]:
    """The files of an example, each with the numbers of its turn and part."""
    for place, turn in enumerate(example.turns):
        for number, part in enumerate(turn.parts):
            if part.file is not None:
                yield place, number, part.file


def data_of(part: Part) -> str | None:
    """The arguments of a function call, or a function's response; None for other parts."""
    if part.function_call is not None:
        return part.function_call.args
    return None if part.function_response is None else part.function_response.response


class Batch:
    """Examples of one source that were read one after another.

    Args:
        examples: The examples; each kept the structural rules.
        shape: The shape that they came in, which names their fields.
    """

    def __init__(self, examples: list[Example], shape: Shape) -> None:
        self.examples = examples
        self.shape = shape

    @cached_property
    def texts(self) -> Texts:
        """Every text of the batch, in the order of `texts_of`."""
        owners = np.repeat(
            np.arange(len(self.examples), dtype=np.int32), np.diff(self._layout.ends, prepend=0)
        )
        return Texts(pa.array(self._layout.texts, pa.string()), owners)

    @cached_property
    def _layout(self) -> _Layout:
        # Written out, not by `texts_of`: every text of every example comes through here.
        texts: list[str] = []
        ends: list[int] = []
        answers: list[int] = []
        beyond: set[int] = set()
        add = texts.append
        for index, example in enumerate(self.examples):
            if example.system is not None:
                add(example.system)
            if example.tools is not None:
                beyond.add(index)
            before = 0
            for turn in example.turns:
                before = len(texts)
                for part in turn.parts:
                    if part.text is not None:
                        add(part.text)
                        continue
                    beyond.add(index)
                    if (data := data_of(part)) is not None:
                        add(data)
            answers.append(before)
            ends.append(len(texts))
        return _Layout(texts, np.array(ends, np.int64), np.array(answers, np.int64), sorted(beyond))

    @property
    def beyond_text(self) -> list[int]:
        """Indices of the examples with a file, a function call or response, or declared tools."""
        return self._layout.beyond_text

    @property
    def answers(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Index in `texts` of the first text of each example's answer, or of where it would be."""
        return self._layout.answers

    @cached_property
    def _ends_in_chars(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Characters of the texts before each text, and at the end of all."""
        lengths = pc.utf8_length(self.texts.values).to_numpy(zero_copy_only=False)
        return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])

    @cached_property
    def prompt_chars(self) -> Lengths:
        """Characters of everything before the answer, the system instruction included."""
        before = self._ends_in_chars
        starts = np.concatenate([[0], self._layout.ends[:-1]])
        chars: Lengths = (before[self._layout.answers] - before[starts]).astype(np.uint32)
        return chars

    @cached_property
    def answer_chars(self) -> Lengths:
        """Characters of the answer, function calls included."""
        before = self._ends_in_chars
        ends = before[self._layout.ends]
        chars: Lengths = (ends - before[self._layout.answers]).astype(np.uint32)
        return chars
