"""report.html: what a person looks at before paying for a tuning run."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from tuneline.data.lengths import histogram
from tuneline.data.schema import read_examples
from tuneline.data.split import SPLITS
from tuneline.report.page import render_page

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tuneline.data.collection import Collection
    from tuneline.data.manifest import Manifest
    from tuneline.data.schema import Example, Part

_SAMPLES = 5
_BINS = 12
_SHOWN_LABELS = 100
_SHOWN_CHARACTERS = 600


class Bar(NamedTuple):
    """One bar: its name, its number, and its length in per cent of the longest."""

    name: str
    number: int
    percent: float


class LabelRow(NamedTuple):
    """One label: its examples in each split, and in all as a bar."""

    bar: Bar
    per_split: list[int]


def make_report(manifest: Manifest, collection: Collection, train: Path) -> str:
    """Render the page.

    Args:
        manifest: Everything that was counted.
        collection: Examples of left-out rows, and the lengths.
        train: The training split, for samples.

    Returns:
        One HTML file that needs no network; all user text is escaped.
    """
    return render_page(
        "tuneline.data",
        "report.html",
        manifest=manifest,
        splits=SPLITS,
        labels=_label_rows(manifest)[:_SHOWN_LABELS],
        hidden_labels=max(0, len(manifest.labels) - _SHOWN_LABELS),
        prompt_bars=_length_bars(collection.kept.prompt_lengths),
        answer_bars=_length_bars(collection.kept.answer_lengths),
        left_out=sorted(collection.by_reason.items()),
        samples=[_sample(example) for example in islice(read_examples(train), _SAMPLES)],
    )


def _label_rows(manifest: Manifest) -> list[LabelRow]:
    totals = [(sum(counts.values()), label) for label, counts in manifest.labels.items()]
    bars = _bars(
        [(label, total) for total, label in sorted(totals, key=lambda it: (-it[0], it[1]))]
    )
    return [LabelRow(bar, [manifest.labels[bar.name][split] for split in SPLITS]) for bar in bars]


def _length_bars(lengths: Sequence[int]) -> list[Bar]:
    return _bars(
        [
            (f"{first:,} to {last:,}" if last > first else f"{first:,}", count)
            for first, last, count in histogram(lengths, _BINS)
        ]
    )


def _bars(counts: Sequence[tuple[str, int]]) -> list[Bar]:
    longest = max((count for _, count in counts), default=1) or 1
    return [Bar(name, count, round(100 * count / longest, 1)) for name, count in counts]


def _sample(example: Example) -> list[tuple[str, str]]:
    """Who says what, in order."""
    said = [("system", example.system)] if example.system else []
    said += [
        (turn.role, "\n".join(_part_text(part) for part in turn.parts)) for turn in example.turns
    ]
    return [(role, _cut(text)) for role, text in said]


def _part_text(part: Part) -> str:
    if part.text is not None:
        return part.text
    if part.file is not None:
        return f"[{part.file.mime_type}: {part.file.uri}]"
    if part.function_call is not None:
        return f"[call {part.function_call.name}({part.function_call.args})]"
    if part.function_response is not None:
        return f"[{part.function_response.name} gave {part.function_response.response}]"
    return ""


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + " …"
