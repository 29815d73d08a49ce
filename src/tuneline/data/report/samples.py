"""Examples of the training split as a person reads them, different ones rather than the first."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from tuneline.data.memory import give_back
from tuneline.data.reading.concealing import concealed_texts
from tuneline.data.report.wording import SHOWN_TEXT
from tuneline.data.schema import from_arrow
from tuneline.report.shown import shown
from tuneline.report.words import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tuneline.data.schema import Example, Part, Turn

SAMPLES = 6
_ROW_GROUPS = 4
_ROWS_A_GROUP = 16
_LOOKED_THROUGH = 20_000
"""Characters of a text that are looked through for what must not be shown."""

_TURNS = 12
_PARTS = 8


class Said(NamedTuple):
    """One thing in an example: who says it or what it is, and its text."""

    who: str
    text: str


class Sample(NamedTuple):
    """One example."""

    place: str
    label: str | None
    said: list[Said]
    hidden_turns: int


def training_samples(path: Path) -> list[Sample]:
    """Examples from all over a file, with different sources, labels and kinds of parts.

    Args:
        path: Canonical Parquet; may have no row.

    Returns:
        At most `SAMPLES`, without personal data and secrets.
    """
    candidates = list(_candidates(path))
    looks = [_look(example) for example in candidates]
    is_new = [look not in looks[:place] for place, look in enumerate(looks)]
    # Sorting is stable: those of a new look first, then the others, both in their order.
    order = sorted(range(len(candidates)), key=lambda place: not is_new[place])
    return _concealed([_sample(candidates[place]) for place in order[:SAMPLES]])


def _candidates(path: Path) -> Iterator[Example]:
    """Rows spread evenly over a few row groups, by turns."""
    with pq.ParquetFile(path) as file:
        count = min(file.num_row_groups, _ROW_GROUPS)
        groups = []
        for place in range(count):
            groups.append(_spread(file, place * file.num_row_groups // count))
            give_back()  # a row group takes much more than the few rows that stay
    for by_turns in zip_longest(*groups):
        yield from (example for example in by_turns if example is not None)


def _spread(file: pq.ParquetFile, group: int) -> list[Example]:
    rows = file.read_row_group(group)
    count = min(len(rows), _ROWS_A_GROUP)
    some = rows.take([place * len(rows) // count for place in range(count)])
    return [example for batch in some.to_batches() for example in from_arrow(batch)]


def _look(example: Example) -> tuple[str, str | None, bool, set[str]]:
    """What tells kinds of examples apart."""
    kinds = {kind for turn in example.turns for part in turn.parts for kind in _kinds(part)}
    return example.source, example.label, bool(example.system), kinds


def _kinds(part: Part) -> Iterator[str]:
    if part.file is not None:
        yield part.file.mime_type
    if part.function_call is not None or part.function_response is not None:
        yield "function"


def _sample(example: Example) -> Sample:
    said = []
    if example.system:
        said.append(Said("system", example.system))
    if example.tools:
        said.append(Said("tools", example.tools))
    if example.media_resolution:
        said.append(Said("media resolution", example.media_resolution))
    turns = example.turns
    # Of a long conversation, how it begins and how it ends.
    hidden = max(0, len(turns) - _TURNS)
    half = _TURNS // 2
    for turn in (*turns[:half], *turns[half + hidden :]):
        said += _turn(turn)
    return Sample(name_of(f"{example.source}:{example.row}"), example.label, said, hidden)


def _turn(turn: Turn) -> Iterator[Said]:
    who = turn.role if turn.trained else f"{turn.role}, not trained on"
    for part in turn.parts[:_PARTS]:
        what, text = _part(part)
        yield Said(f"{who}: {what}" if what else who, text)
    if len(turn.parts) > _PARTS:
        yield Said(who, f"({len(turn.parts) - _PARTS} more parts)")


def _part(part: Part) -> tuple[str, str]:
    if part.file is not None:
        clip = f" {part.file.video_metadata}" if part.file.video_metadata else ""
        return f"file, {part.file.mime_type}", part.file.uri + clip
    if part.function_call is not None:
        return "calls a function", f"{part.function_call.name}({part.function_call.args})"
    if part.function_response is not None:
        response = part.function_response
        return "function response", f"{response.name}: {response.response}"
    return "", part.text or ""


def _concealed(samples: list[Sample]) -> list[Sample]:
    """The samples with labels such as ``[EMAIL]`` for what must not be shown, and cut."""
    texts = [
        text[:_LOOKED_THROUGH]
        for sample in samples
        for text in (sample.label or "", *(said.text for said in sample.said))
    ]
    found = iter(concealed_texts(pa.array(texts, pa.string())).to_pylist())
    result = []
    for sample in samples:
        label = next(found)
        said = [
            Said(name_of(one.who), shown(next(found), SHOWN_TEXT, len(one.text)))
            for one in sample.said
        ]
        result.append(sample._replace(label=name_of(label) or None, said=said))
    return result
