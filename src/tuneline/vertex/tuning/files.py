"""A split as the service reads it: lines of JSON, counted, judged and named by their content."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from tuneline.data.batch import Batch
from tuneline.data.checks.table import RULES
from tuneline.data.exports.exporter import EXPORTERS
from tuneline.data.schema import read_examples
from tuneline.data.shapes.detection import CONVERTERS, Shape
from tuneline.data.targets.kinds import kinds_of
from tuneline.data.targets.limits import TargetChecks
from tuneline.data.targets.summary import SplitNumbers
from tuneline.files import new_file, sha256_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import IO

    from tuneline.data.checks.rule import Hit
    from tuneline.data.exports.exporter import Exporter
    from tuneline.data.schema import Example
    from tuneline.data.settings import ExportName
    from tuneline.data.targets.catalogue import Engine, ModelEntry
    from tuneline.data.targets.tokens import TokenCounter

_ROWS_A_BATCH = 1024
_EXPORTS: dict[Engine, ExportName] = {"gemini": "gemini_jsonl", "vertex-open": "messages_jsonl"}


@dataclass(frozen=True, slots=True)
class SentSplit:
    """A split that is ready to be uploaded.

    Attributes:
        path: The JSONL file.
        digest: SHA-256 of the canonical Parquet file.
        file_digest: SHA-256 of the JSONL file.
        numbers: Its rows in numbers.
        problems: What the service would refuse or drop, by rule, with the first row of each.
    """

    path: Path
    digest: str
    file_digest: str
    numbers: SplitNumbers
    problems: list[str]

    @property
    def rows(self) -> int:
        """Rows of the split."""
        return len(self.numbers.kinds)


def export_split(
    examples: Path,
    out: Path,
    engine: Engine,
    entry: ModelEntry | None,
    counter: TokenCounter,
) -> SentSplit:
    """Write a split in the service's form and count what it holds.

    Args:
        examples: Canonical Parquet.
        out: JSONL file to write.
        engine: Which form.
        entry: What the model takes; None: nothing is known.
        counter: Who counts tokens.

    Raises:
        DataError: The file is no canonical Parquet.
        MachineError: The file cannot be written.
    """
    exporter = EXPORTERS[_EXPORTS[engine]]
    checks = TargetChecks(entry, counter) if entry else None
    found = _Found()
    with new_file(out) as path, path.open("wb") as file:
        for batch in _batches(examples):
            found.count(batch, counter, _written(batch, exporter, file))
            if checks is not None:
                found.note(batch, checks(batch))
    return SentSplit(
        path=out,
        digest=sha256_file(examples),
        file_digest=sha256_file(out),
        numbers=found.numbers(out.stat().st_size),
        problems=found.sentences(),
    )


class _Found:
    """What is gathered over all batches."""

    def __init__(self) -> None:
        self._prompt: list[np.ndarray] = []
        self._answer: list[np.ndarray] = []
        self._kinds: list[np.ndarray] = []
        self._first: dict[str, str] = {}
        self._rows: Counter[str] = Counter()

    def count(self, batch: Batch, counter: TokenCounter, hits: Iterable[Hit]) -> None:
        counts = counter.count(batch)
        self._prompt.append(counts.prompt)
        self._answer.append(counts.answer)
        self._kinds.append(kinds_of(batch))
        self.note(batch, hits)

    def note(self, batch: Batch, hits: Iterable[Hit]) -> None:
        for hit in hits:
            if RULES[hit.code].severity != "error":
                continue
            example = batch.examples[hit.index]
            where = f"{example.source}:{example.row}" if example.source else f"row {example.row}"
            self._first.setdefault(hit.code, f"{where} {hit.field} {hit.message}")
            self._rows[hit.code] += 1

    def numbers(self, file_bytes: int) -> SplitNumbers:
        return SplitNumbers(
            prompt_tokens=_joined(self._prompt, np.uint32),
            answer_tokens=_joined(self._answer, np.uint32),
            kinds=_joined(self._kinds, np.uint8),
            file_bytes=file_bytes,
        )

    def sentences(self) -> list[str]:
        return [
            f"data: {code} in {count:,} rows, the first: {' '.join(self._first[code].split())}"
            for code, count in self._rows.items()
        ]


def _written(batch: Batch, exporter: Exporter, file: IO[bytes]) -> list[Hit]:
    lines, hits = exporter.export_lines(batch.examples)
    file.writelines(b"%b\n" % line for line in lines if line)
    return hits


def _joined(parts: list[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0, kind)


def _batches(path: Path) -> Iterator[Batch]:
    examples = read_examples(path)
    while rows := list(islice(examples, _ROWS_A_BATCH)):
        yield Batch(rows, _CANONICAL)


def _place(_: Example, turn: int, part: int) -> str:
    return "systemInstruction" if turn < 0 else f"contents[{turn}].parts[{part}]"


_CANONICAL = Shape("contents", "canonical examples", CONVERTERS["contents"], _place)


def content_name(digest: str) -> str:
    """Name of an object that holds what has this SHA-256."""
    return f"{digest[:2]}/{digest}.jsonl"
