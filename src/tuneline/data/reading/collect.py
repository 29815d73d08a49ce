"""Every source read, the held-out files first, so that theirs are the rows that stay."""

from __future__ import annotations

import logging
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from tuneline.data.checks.boilerplate import Boilerplate
from tuneline.data.collection import Collection, SourceTally
from tuneline.data.columns import Columns
from tuneline.data.labels import LabelTable
from tuneline.data.reading.compared import Compared
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
from tuneline.progress import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.data.rows.formats import Format
    from tuneline.data.rows.pieces import Piece
    from tuneline.data.schema import Example
    from tuneline.data.settings import PrepareSettings
    from tuneline.data.shapes.detection import Shape
    from tuneline.data.sources.source import Purpose, Source
    from tuneline.data.spool import Spool

_READING_ORDER: tuple[Purpose, ...] = ("test", "validation", "data")
_SHOWN_PROBLEMS = 5
_FEWEST_SAMPLED = 20

_log = logging.getLogger("tuneline")


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
    openings = _opened(ordered, settings)
    each = max(_FEWEST_SAMPLED, SAMPLE_ROWS // max(1, len(openings)))
    compared = Compared.of([it for opening in openings for it in opening.examples[:each]])
    jobs: list[Job] = []
    owners: list[int] = []
    for place, (source, form, shape, own, examples) in enumerate(openings):
        collection.tallies.append(SourceTally(source, form, shape, Boilerplate.of(examples)))
        owners += [place] * len(own)
        jobs += [
            Job(number, piece, source.name, source.purpose, source.base, shape, compared)
            for number, piece in enumerate(own, start=len(jobs))
        ]
    workers = min(worker_count(settings.workers, ordered), max(1, len(jobs)))
    results = read_pieces(
        counted(jobs, len(jobs), "data: reading", "pieces"), settings, spool, workers
    )
    lines = [0] * len(collection.tallies)
    for owner, result in zip(owners, results, strict=True):
        collection.add(result, owner, lines[owner])
        lines[owner] += result.lines


def new_collection(settings: PrepareSettings, spool: Spool) -> Collection:
    """An empty collection for these settings, whose columns are beside the spool."""
    return Collection(LabelTable.of(settings), Columns(spool.folder))


class _Opening(NamedTuple):
    """A source whose beginning was looked at."""

    source: Source
    form: Format
    shape: Shape
    pieces: list[Piece]
    examples: list[Example]


def _opened(sources: Sequence[Source], settings: PrepareSettings) -> list[_Opening]:
    """Look at the beginning of every source; one without rows beside others is left out."""
    together = Counter(source.mixture for source in sources)
    shapes: dict[str, Shape] = {}
    openings = []
    for source in sources:
        form = format_of(source.path, source.name)
        own = pieces(source.path, source.name, form)
        sample = _sample(own)
        if not len(sample) and together[source.mixture] > 1:
            _log.warning("data: %s: has no rows and was left out.", source.name)
            continue
        if not sample.values and source.mixture not in shapes:
            raise _nothing_readable(source.name, sample)
        own_settings = settings_for(source.purpose, settings)
        shape = (
            detect_shape(source.name, sample.values, own_settings)
            if sample.values
            else shapes[source.mixture]
        )
        shapes[source.mixture] = shape
        converted = Converter(own_settings, shape, source.name).convert(sample)
        openings.append(_Opening(source, form, shape, own, converted.examples))
    return openings


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
