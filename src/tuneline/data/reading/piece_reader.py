"""One piece of a file: its rows read, converted, checked, measured and spooled."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from tuneline.data.batch import Batch
from tuneline.data.checks.rule import RowError
from tuneline.data.duplicates.minhash import signatures
from tuneline.data.labels import LabelCollector
from tuneline.data.memory import give_back
from tuneline.data.problems import Kind, LeftOut
from tuneline.data.reading.concealing import concealed
from tuneline.data.reading.converting import Converter, settings_for
from tuneline.data.reading.result import COLUMNS, PieceResult
from tuneline.data.reading.stages import Stages
from tuneline.data.rows.pieces import read_piece
from tuneline.data.rows.row import Rows, raw_text
from tuneline.data.schema import digests_of, to_arrow
from tuneline.data.targets.kinds import kinds_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tuneline.data.checks.rule import Hit
    from tuneline.data.reading.compared import Compared
    from tuneline.data.reading.converting import Converted
    from tuneline.data.rows.pieces import Piece
    from tuneline.data.schema import Example
    from tuneline.data.settings import ExportName, PrepareSettings
    from tuneline.data.shapes.detection import Shape
    from tuneline.data.sources.source import Purpose
    from tuneline.data.spool import Spool, SpoolWriter

_LEFT_OUT_AT_ONCE = 4096
_BYTES_AT_ONCE = 2 * 1024 * 1024
_CHECKED_AT_ONCE = 4096
"""Rows of a batch: enough that compiling the screens' expressions for each costs little."""


@dataclass(frozen=True, slots=True)
class Job:
    """One piece to read, with what is known of its source.

    ``base`` is the folder that the user's file is in, where media by path are looked for; None for
    a source that was fetched.
    """

    number: int
    piece: Piece
    source: str
    purpose: Purpose
    base: Path | None
    shape: Shape
    compared: Compared


class PieceReader:
    """Reads pieces; every process has one.

    Args:
        settings: Everything that decides about a row.
        spool: Where examples go.
    """

    def __init__(self, settings: PrepareSettings, spool: Spool) -> None:
        self._stages = Stages(settings, writes=spool.keep_examples)
        self._spool = spool

    def read(self, job: Job) -> PieceResult:
        """Read one piece to its end."""
        result = PieceResult(LabelCollector.of(self._stages.settings))
        rows = read_piece(job.piece, self._stages.severities["duplicate_key"])
        numbers: dict[str, list[np.ndarray]] = {name: [] for name in COLUMNS}
        with self._spool.writer(job.number) as writer:
            reading = _Reading(job, self._stages, result, writer, numbers)
            for batch in _gathered(rows):
                reading.take(batch)
            reading.leave_out()
        give_back()
        result.lines = rows.lines
        result.columns = {
            name: np.concatenate(arrays) if arrays else np.empty(0, COLUMNS[name])
            for name, arrays in numbers.items()
        }
        return result


@dataclass(slots=True)
class _Reading:
    """The reading of one piece, batch by batch."""

    job: Job
    stages: Stages
    result: PieceResult
    writer: SpoolWriter
    numbers: dict[str, list[np.ndarray]]
    left_out: list[LeftOut] = field(default_factory=list)

    def take(self, rows: Rows) -> None:
        self.result.read += len(rows)
        converter = Converter(
            settings_for(self.job.purpose, self.stages.settings), self.job.shape, self.job.source
        )
        converted = converter.convert(rows)
        left_out = [
            self._left_out("rejected", number + 1, error, raw_text(raw))
            for number, error, raw in rows.rejected
        ]
        left_out += [self._refused(rows, place, error) for place, error in converted.refused]
        if converted.examples:
            left_out += self._check(converted, rows)
        self.left_out += left_out
        if len(self.left_out) >= _LEFT_OUT_AT_ONCE:
            self.leave_out()

    def leave_out(self) -> None:
        """Spool the rejected rows so far, without what should not be shown."""
        rows = concealed(sorted(self.left_out, key=lambda row: row.row))
        for row in rows:
            self.result.note_rejected(row)
        self.writer.leave_out(rows)
        self.left_out = []

    def _check(self, converted: Converted, rows: Rows) -> list[LeftOut]:
        """Check examples, keep those that pass, and return the others."""
        changed = self.stages.transform(converted.examples)
        self.result.masked.update(changed.masked)
        batch = Batch(changed.examples, self.job.shape)
        hits = chain(converted.hits, changed.hits, self.stages.check(batch, self.job.base))
        warned: list[Hit] = []
        rejected = self._judge(hits, converted.places, rows, warned)
        kept = [place for place in range(len(batch.examples)) if place not in rejected]
        examples = [batch.examples[place] for place in kept] if rejected else batch.examples
        # Only what will be kept is uploaded, and what is uploaded is exported.
        examples, failed = self.stages.upload(Batch(examples, self.job.shape), self.job.base)
        lines, not_exportable = self.stages.export(examples)
        places = [converted.places[place] for place in kept]
        refused = self._judge([*failed, *not_exportable], places, rows, [])
        if refused:
            left = [place for place in range(len(examples)) if place not in refused]
            kept, examples = [kept[place] for place in left], [examples[place] for place in left]
            lines = {name: [own[place] for place in left] for name, own in lines.items()}
        if examples:
            self._keep(examples, lines, self._measured(batch, converted.times, kept))
        self._warn(warned, set(kept), converted.places, rows)
        return [*rejected.values(), *refused.values()]

    def _judge(
        self, hits: Iterable[Hit], places: Sequence[int], rows: Rows, warned: list[Hit]
    ) -> dict[int, LeftOut]:
        """The rows that are rejected, each by its first hit; hits that only warn are added."""
        rejected: dict[int, LeftOut] = {}
        for hit in hits:
            severity = self.stages.severities[hit.code]
            if severity == "error" and hit.index not in rejected:
                error = RowError(hit.code, hit.field, hit.message)
                rejected[hit.index] = self._refused(rows, places[hit.index], error)
            elif severity == "warn":
                warned.append(hit)
        return rejected

    def _warn(self, hits: Iterable[Hit], kept: set[int], places: Sequence[int], rows: Rows) -> None:
        """Count the kept rows that break a rule, each row once for a rule."""
        first = {(hit.index, hit.code): hit for hit in reversed(list(hits)) if hit.index in kept}
        for index, code in sorted(first):
            hit = first[index, code]
            error = RowError(code, hit.field, hit.message)
            make = partial(self._refused, rows, places[index], error, kind="warned")
            self.result.note_warned(code, make)

    def _refused(self, rows: Rows, place: int, error: RowError, kind: Kind = "rejected") -> LeftOut:
        """A readable row that broke a rule."""
        text = raw_text(rows.raws[place], rows.values[place])
        return self._left_out(kind, rows.numbers[place] + 1, error, text)

    def _left_out(self, kind: Kind, row: int, error: RowError, text: str) -> LeftOut:
        return LeftOut(
            source=self.job.source,
            row=row,
            kind=kind,
            reason=error.reason,
            field=error.field,
            message=error.message,
            text=text,
        )

    def _measured(
        self, batch: Batch, times: Sequence[int], kept: Sequence[int]
    ) -> dict[str, np.ndarray]:
        """Numbers of the examples that are kept, out of those of a batch."""
        tokens = self.stages.counter.count(batch)
        columns: dict[str, np.ndarray] = {
            "rows": np.array([example.row for example in batch.examples], np.uint32),
            "times": self._times(times, len(batch.examples)),
            "prompt_chars": batch.prompt_chars,
            "answer_chars": batch.answer_chars,
            "prompt_tokens": tokens.prompt,
            "answer_tokens": tokens.answer,
            "turns": np.array([len(example.turns) for example in batch.examples], np.uint32),
            "kinds": kinds_of(batch),
        }
        if len(kept) == len(batch.examples):
            return columns
        return {name: column[kept] if len(column) else column for name, column in columns.items()}

    def _times(self, times: Sequence[int], examples: int) -> np.ndarray:
        """Times where there is a time column; those of held-out files decide nothing."""
        if not self.stages.settings.time_column:
            return np.empty(0, np.int64)
        return np.array(times, np.int64) if times else np.zeros(examples, np.int64)

    def _keep(
        self,
        examples: Sequence[Example],
        lines: Mapping[ExportName, Sequence[bytes]],
        measured: Mapping[str, np.ndarray],
    ) -> None:
        """Spool examples that passed, and note what is needed to decide about them."""
        digests = digests_of(examples)
        self.writer.add(to_arrow(examples, digests.contents), lines)
        labels = self.result.labels
        if labels.why_not:
            labels.skip(len(examples))
        else:
            labels.extend([_label(example) for example in examples])
        settings = self.stages.settings
        if settings.near_duplicates != "off":
            texts = [self.job.compared.text(example) for example in examples]
            self.writer.add_signatures(signatures(texts, settings.near_duplicate_threshold))
        columns = {
            **measured,
            "content_keys": _keys(digests.contents),
            "prompt_keys": _keys(digests.prompts),
            "group_keys": _group_keys(examples),
            "export_bytes": self.stages.target_bytes(lines),
        }
        for name, column in columns.items():
            self.numbers[name].append(column)


def _keys(digests: bytes) -> np.ndarray:
    """The first 8 of each 16 bytes."""
    return np.frombuffer(digests, "<u8")[::2].astype(np.uint64)


def _group_keys(examples: Sequence[Example]) -> np.ndarray:
    """A key for each example's group; empty without groups."""
    groups = [example.group for example in examples if example.group is not None]
    keys = {name: blake2b(name.encode(), digest_size=16).digest() for name in set(groups)}
    return _keys(b"".join([keys[name] for name in groups]))


def _label(example: Example) -> str:
    return example.answer.strip() if example.label is None else example.label


def _gathered(parts: Iterable[Rows]) -> Iterator[Rows]:
    """Small batches joined up to `_CHECKED_AT_ONCE` rows, or fewer where rows are long."""
    waiting = Rows()
    for part in parts:
        too_much = waiting.size + part.size > _BYTES_AT_ONCE
        if len(waiting) and (too_much or len(waiting) + len(part) > _CHECKED_AT_ONCE):
            yield waiting
            waiting = Rows()
        waiting.extend(part)
    if len(waiting):
        yield waiting
