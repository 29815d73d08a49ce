"""Every source read, the held-out files first, so that theirs are the rows that stay."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import pyarrow as pa

from tuneline.data.checks.boilerplate import Boilerplate
from tuneline.data.collection import Collection, SourceTally
from tuneline.data.columns import Columns
from tuneline.data.labels import LabelTable
from tuneline.data.progress import counted
from tuneline.data.reading.concealing import concealed_texts
from tuneline.data.reading.converting import Converter, settings_for
from tuneline.data.reading.piece_reader import Job
from tuneline.data.reading.pool import read_pieces, worker_count
from tuneline.data.rejections import require_few_rejected
from tuneline.data.rows.formats import format_of
from tuneline.data.rows.pieces import pieces, read_piece
from tuneline.data.rows.row import Rows
from tuneline.data.shapes.detection import SAMPLE_ROWS, detect_shape
from tuneline.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tuneline.data.rows.pieces import Piece
    from tuneline.data.settings import PrepareSettings
    from tuneline.data.sources.source import Purpose, Source
    from tuneline.data.spool import Spool

_READING_ORDER: tuple[Purpose, ...] = ("test", "validation", "data")
_SHOWN_PROBLEMS = 5


def collect(
    settings: PrepareSettings, sources: Sequence[Source], spool: Spool, collection: Collection
) -> None:
    """Read every source into a collection, and examples into the spool.

    Args:
        settings: Everything that decides about a row.
        sources: The files.
        spool: Where examples go.
        collection: What is filled in; it holds what was read so far if an error is raised.

    Raises:
        DataError: A file as a whole cannot be used, or more rows were rejected than allowed.
        MachineError: A worker was killed.
    """
    try:
        _read_all(settings, sources, spool, collection)
    finally:
        # Whatever stopped it, what was read until then is described.
        collection.finish()
    require_few_rejected(collection, settings.max_rejected_share)


def _read_all(
    settings: PrepareSettings, sources: Sequence[Source], spool: Spool, collection: Collection
) -> None:
    ordered = sorted(sources, key=lambda source: _READING_ORDER.index(source.purpose))
    jobs: list[Job] = []
    owners: list[int] = []
    for source in ordered:
        own = list(_jobs(source, settings, collection, len(jobs)))
        owners += [len(collection.tallies) - 1] * len(own)
        jobs += own
    workers = worker_count(settings.workers, ordered)
    results = read_pieces(counted(jobs, "reading", "pieces"), settings, spool, workers)
    lines = [0] * len(collection.tallies)
    for owner, result in zip(owners, results, strict=True):
        collection.add(result, owner, lines[owner])
        lines[owner] += result.lines


def new_collection(settings: PrepareSettings, spool: Spool) -> Collection:
    """An empty collection for these settings, whose columns are beside the spool."""
    return Collection(LabelTable.of(settings), Columns(spool.folder))


def _jobs(
    source: Source, settings: PrepareSettings, collection: Collection, first: int
) -> Iterator[Job]:
    form = format_of(source.path, source.name)
    own = pieces(source.path, source.name, form)
    sample = _sample(own)
    if not sample.values:
        raise _nothing_readable(source.name, sample)
    own_settings = settings_for(source.purpose, settings)
    shape = detect_shape(source.name, sample.values, own_settings)
    converted = Converter(own_settings, shape, source.name).convert(sample)
    boilerplate = Boilerplate.of(converted.examples)
    collection.tallies.append(SourceTally(source, form, shape, boilerplate))
    for number, piece in enumerate(own, start=first):
        yield Job(number, piece, source.name, source.purpose, source.base, shape, boilerplate)


def _sample(own: Sequence[Piece]) -> Rows:
    """The first `SAMPLE_ROWS` rows of a file, or a few more: whole batches are read."""
    sample = Rows()
    for rows in chain.from_iterable(map(read_piece, own)):
        sample.numbers += rows.numbers
        sample.values += rows.values
        sample.raws += rows.raws
        sample.rejected += rows.rejected
        if len(sample) >= SAMPLE_ROWS:
            break
    for part in (sample.numbers, sample.values, sample.raws):
        del part[SAMPLE_ROWS:]
    return sample


def _nothing_readable(name: str, sample: Rows) -> DataError:
    if not len(sample):
        return DataError(f"{name}: has no rows. Give a file with one example in each.")
    shown = sample.rejected[:_SHOWN_PROBLEMS]
    errors = concealed_texts(pa.array([str(error) for _, error, _ in shown], pa.string()))
    first = "".join(
        f"\n  {name}:{row.number + 1}: {error}"
        for row, error in zip(shown, errors.to_pylist(), strict=True)
    )
    return DataError(f"{name}: none of the first {len(sample)} rows is one:{first}")
