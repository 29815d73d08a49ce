"""Work given to several processes, its results in the order of the work."""

from __future__ import annotations

import os
import re
import time
from collections import deque
from itertools import islice
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

from tuneline.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Executor, Future

_WAITING_A_WORKER = 2
"""Jobs given out ahead for each process, so that none waits and few results are held."""

_SECONDS_A_LOOK = 1.0

Job = TypeVar("Job")
Result = TypeVar("Result")


def in_processes(
    function: Callable[[Job], Result],
    jobs: Iterable[Job],
    workers: int,
    begin: Callable[..., None],
    given: tuple[Any, ...],
) -> Iterator[Result]:
    """Yield ``function(job)`` for each job, in their order.

    Args:
        function: A module's function; what it needs beside the job, ``begin`` has put in place.
        jobs: What to work on; they are taken as workers become free.
        workers: Number of processes.
        begin: Called once in each process.
        given: What it is called with.

    Raises:
        MachineError: A worker was killed, most often for want of memory.
    """
    # loky's workers do not import the program's main module, so a script that calls this needs
    # no `if __name__ == "__main__"`.
    from loky.process_executor import ProcessPoolExecutor, TerminatedWorkerError

    with ProcessPoolExecutor(
        workers, initializer=_begin, initargs=(os.getpid(), begin, given)
    ) as pool:
        try:
            yield from _in_order(pool, function, jobs, workers * _WAITING_A_WORKER)
        except TerminatedWorkerError as error:
            codes = "".join(re.findall(r"exit codes of the workers are (.*)", str(error)))
            raise MachineError(
                "A process that reads data ended or was killed, most often for want of memory "
                f"({codes}). Set workers to a smaller number, or give the machine more memory."
            ) from error
        finally:
            pool.shutdown(wait=True, kill_workers=True)


def _in_order(
    pool: Executor, function: Callable[[Job], Result], jobs: Iterable[Job], ahead: int
) -> Iterator[Result]:
    """Give jobs out, so many ahead, and yield their results in the order of the jobs."""
    remaining = iter(jobs)
    running: deque[Future[Result]] = deque()
    while True:
        free = ahead - len(running)
        running.extend(pool.submit(function, job) for job in islice(remaining, free))
        if not running:
            return
        yield running.popleft().result()


def _begin(parent: int, begin: Callable[..., None], given: tuple[Any, ...]) -> None:
    Thread(target=_end_with, args=(parent,), daemon=True).start()
    begin(*given)


def _end_with(parent: int) -> None:
    """End this worker when its parent was killed: nobody else would."""
    while os.getppid() == parent:
        time.sleep(_SECONDS_A_LOOK)
    os._exit(1)
