"""Reading pieces in one process or in several; the results come in the order of the pieces."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

from tuneline.data.memory import no_garbage
from tuneline.data.reading.piece_reader import PieceReader
from tuneline.processes import in_processes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tuneline.data.reading.piece_reader import Job
    from tuneline.data.reading.result import PieceResult
    from tuneline.data.settings import PrepareSettings
    from tuneline.data.sources.source import Source
    from tuneline.data.spool import Spool

_WORTH_A_PROCESS = 64 * 1024 * 1024
"""Bytes to read from which starting a further process, about a second, pays."""

_reader: list[PieceReader] = []
"""The reader of this process, made when a worker starts."""


def worker_count(wanted: int, sources: Sequence[Source]) -> int:
    """How many processes read: the wanted number, or one for each core and enough to do.

    Args:
        wanted: The setting; 0: decide.
        sources: What is to be read.
    """
    size = sum(source.path.stat().st_size for source in sources)
    return wanted or max(1, min(len(os.sched_getaffinity(0)), size // _WORTH_A_PROCESS))


def read_pieces(
    jobs: Iterable[Job], settings: PrepareSettings, spool: Spool, workers: int
) -> Iterator[PieceResult]:
    """Yield what reading each piece gives, in order.

    Args:
        jobs: The pieces.
        settings: Everything that decides about a row.
        spool: Where examples go.
        workers: Number of processes; with 1, this one reads.

    Raises:
        ConfigurationError: The target or the tokenizer is not there.
        MachineError: A worker was killed, most often for want of memory.
    """
    # Made here in any case: what is wrong with the settings is said before a worker is started.
    reader = PieceReader(settings, spool)
    if workers == 1:
        with no_garbage():
            yield from map(reader.read, jobs)
        return
    yield from in_processes(_read, jobs, workers, _begin, (settings, spool))


def _begin(settings: PrepareSettings, spool: Spool) -> None:
    gc.disable()
    _reader[:] = [PieceReader(settings, spool)]


def _read(job: Job) -> PieceResult:
    return _reader[0].read(job)
