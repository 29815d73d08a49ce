"""Reading pieces in one process or in several; the results come in the order of the pieces."""

from __future__ import annotations

import gc
import os
import re
import time
from collections import deque
from itertools import islice
from threading import Thread
from typing import TYPE_CHECKING

from tuneline.data.memory import no_garbage
from tuneline.data.reading.piece_reader import PieceReader
from tuneline.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from concurrent.futures import Executor, Future

    from tuneline.data.reading.piece_reader import Job
    from tuneline.data.reading.result import PieceResult
    from tuneline.data.settings import PrepareSettings
    from tuneline.data.sources.source import Source
    from tuneline.data.spool import Spool

_WORTH_A_PROCESS = 64 * 1024 * 1024
"""Bytes to read from which starting a further process, about a second, pays."""

_WAITING_A_WORKER = 2
"""Jobs given out ahead for each process, so that none waits and few results are held."""

_SECONDS_A_LOOK = 1.0

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
    # loky's workers do not import the program's main module, so a script that calls `prepare`
    # needs no `if __name__ == "__main__"`.
    from loky.process_executor import ProcessPoolExecutor, TerminatedWorkerError

    with ProcessPoolExecutor(
        workers, initializer=_begin, initargs=(settings, spool, os.getpid())
    ) as pool:
        try:
            yield from _in_order(pool, jobs, workers * _WAITING_A_WORKER)
        except TerminatedWorkerError as error:
            codes = "".join(re.findall(r"exit codes of the workers are (.*)", str(error)))
            raise MachineError(
                "A process that reads data ended or was killed, most often for want of memory "
                f"({codes}). Set workers to a smaller number, or give the machine more memory."
            ) from error
        finally:
            pool.shutdown(wait=True, kill_workers=True)


def _in_order(pool: Executor, jobs: Iterable[Job], ahead: int) -> Iterator[PieceResult]:
    """Give jobs out, so many ahead, and yield their results in the order of the jobs."""
    remaining = iter(jobs)
    running: deque[Future[PieceResult]] = deque()
    while True:
        free = ahead - len(running)
        running.extend(pool.submit(_read, job) for job in islice(remaining, free))
        if not running:
            return
        yield running.popleft().result()


def _begin(settings: PrepareSettings, spool: Spool, parent: int) -> None:
    gc.disable()
    Thread(target=_end_with, args=(parent,), daemon=True).start()
    _reader[:] = [PieceReader(settings, spool)]


def _end_with(parent: int) -> None:
    """End this worker when its parent was killed: nobody else would."""
    while os.getppid() == parent:
        time.sleep(_SECONDS_A_LOOK)
    os._exit(1)


def _read(job: Job) -> PieceResult:
    return _reader[0].read(job)
