"""Reads every source once: keeps examples, leaves rows out with a reason, counts everything."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING

from tuneline.data.collection import Collection, Kept, SourceTally
from tuneline.data.content_kind import format_of
from tuneline.data.duplicates import DuplicateFinder
from tuneline.data.labels import LabelCollector
from tuneline.data.problems import LeftOut, RowError
from tuneline.data.progress import counted
from tuneline.data.rows import raw_text, read_rows
from tuneline.data.schema import Example, encode
from tuneline.data.shapes.detection import SAMPLE_ROWS, detect_shape
from tuneline.data.shapes.template import cell_text
from tuneline.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tuneline.data.problems import Reason
    from tuneline.data.rows import Row
    from tuneline.data.settings import PrepareSettings
    from tuneline.data.sources import Purpose, Source

_READING_ORDER: tuple[Purpose, ...] = ("test", "validation", "data")
_SHOWN_PROBLEMS = 5


class Collector:
    """Reads sources row by row into `collection`.

    Args:
        settings: Templates, columns, task, and how many rows may be rejected.
        keep: Takes each kept example, encoded, without a label.
        leave_out: Takes each row that is not kept.
    """

    def __init__(
        self,
        settings: PrepareSettings,
        keep: Callable[[bytes], None],
        leave_out: Callable[[LeftOut], None],
    ) -> None:
        self.collection = Collection(Kept(LabelCollector.of(settings)))
        self._settings = settings
        self._keep = keep
        self._leave_out = leave_out
        self._finder = DuplicateFinder(self.collection.kept, self.collection.tallies)

    def collect(self, sources: list[Source]) -> None:
        """Read every source, the held-out files first, so that theirs are the rows that stay.

        Raises:
            DataError: A file as a whole cannot be used, or more rows were rejected than allowed.
        """
        for source in sorted(sources, key=lambda source: _READING_ORDER.index(source.purpose)):
            self._read(source)
        self._require_few_rejected()

    def _read(self, source: Source) -> None:
        form = format_of(source.path, source.name)
        rows = read_rows(source.path, source.name, form)
        sample = list(islice(rows, SAMPLE_ROWS))
        if not sample:
            raise DataError(f"{source.name}: has no rows. Give a file with one example in each.")
        objects = [row.value for row in sample if isinstance(row.value, dict)]
        if not objects:
            first = "".join(
                f"\n  {source.name}:{row.number}: {row.value}" for row in sample[:_SHOWN_PROBLEMS]
            )
            raise DataError(f"{source.name}: none of the first {len(sample)} rows is one:{first}")
        tally = SourceTally(source, form, detect_shape(source.name, objects, self._settings))
        self.collection.tallies.append(tally)
        for row in counted(chain(sample, rows), source.name):
            tally.read += 1
            self._take(row, tally)

    def _take(self, row: Row, tally: SourceTally) -> None:
        try:
            if isinstance(row.value, RowError):
                raise row.value
            example = self._example(row.number, row.value, tally)
            label = self._label(row.value, example)
        except RowError as error:
            self._leave(row, tally, error)
            return
        example_id, prompt_id = example.example_id, example.prompt_id
        if found := self._finder.find(example, example_id, prompt_id):
            reason, message = found
            self._leave(row, tally, RowError(reason, "", message), duplicate=True)
            return
        self._finder.remember(example, example_id, prompt_id)
        self._measure(example, len(self.collection.tallies) - 1)
        self.collection.kept.labels.add(label)
        tally.kept += 1
        self._keep(encode(example, example_id))

    def _example(self, number: int, value: dict[str, Any], tally: SourceTally) -> Example:
        turns, system, tools, media_resolution = tally.shape.convert(value)
        column = self._settings.group_column
        return Example(
            turns,
            system,
            tools,
            media_resolution,
            group=_filled_cell(value, column, "empty_group") if column else None,
            source=tally.source.name,
            row=number,
        )

    def _label(self, value: dict[str, Any], example: Example) -> str:
        column = self._settings.label_column
        return _filled_cell(value, column, "empty_label") if column else example.answer.strip()

    def _measure(self, example: Example, source: int) -> None:
        kept = self.collection.kept
        answer = len(example.answer)
        prompt = sum(len(turn.text) for turn in example.turns) - answer + len(example.system or "")
        kept.sources.append(source)
        kept.rows.append(example.row)
        kept.prompt_lengths.append(prompt)
        kept.answer_lengths.append(answer)

    def _leave(
        self, row: Row, tally: SourceTally, error: RowError, *, duplicate: bool = False
    ) -> None:
        left_out = LeftOut(
            source=tally.source.name,
            row=row.number,
            kind="duplicate" if duplicate else "rejected",
            reason=error.reason,
            field=error.field,
            message=error.message,
            text=raw_text(row),
        )
        self.collection.note(left_out, tally)
        self._leave_out(left_out)

    def _require_few_rejected(self) -> None:
        read, rejected = self.collection.total("read"), self.collection.total("rejected")
        allowed = self._settings.max_rejected_share
        if rejected <= allowed * read:
            return
        problems = self.collection.first_problems
        raise DataError(
            f"{problems[0].source}: {rejected} of {read} rows were rejected "
            f"({rejected / read:.1%}), and max_rejected_share allows {allowed:.1%}: "
            + ", ".join(f"{reason} {count}" for reason, count in self.collection.rejections())
            + ". The first:"
            + "".join(f"\n  {problem}" for problem in problems[:_SHOWN_PROBLEMS])
            + "\nMend these rows, or allow more with max_rejected_share."
        )


def _filled_cell(value: dict[str, Any], column: str, empty: Reason) -> str:
    text = cell_text(value, column).strip()
    if not text:
        raise RowError(empty, column, "is empty; fill it in or take the row out.")
    return text
