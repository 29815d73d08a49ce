"""What a program costs: CPU seconds, wall time and peak memory, its children included."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.prepare_peers.job import Job, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

_SAMPLE_EVERY_S = 0.2
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run cost.

    ``cpu_s`` is user and system time; ``peak_bytes`` the largest memory held at one moment: the
    kernel's own high-water mark of one process, or, where several ran together, the largest sum of
    their proportional sets that was sampled if that is more.
    """

    cpu_s: float
    wall_s: float
    peak_bytes: int
    outcome: Outcome

    @property
    def peak_mib(self) -> float:
        """The peak in MiB."""
        return self.peak_bytes / _MIB


def run(module: str, job: Job) -> Cost:
    """Run a program of this package in a process of its own.

    The program inherits this process's high-water mark, so whoever calls this stays small: no
    pyarrow, no pandas.

    Raises:
        RuntimeError: The program failed; the message ends with what it printed.
    """
    with (
        tempfile.NamedTemporaryFile("w", suffix=".json") as file,
        tempfile.TemporaryFile() as noise,
    ):
        file.write(json.dumps(asdict(job)))
        file.flush()
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.prepare_peers.{module}", file.name],
            stdout=subprocess.PIPE,
            stderr=noise,
            text=True,
        )
        sampler = _Sampler(process.pid)
        sampler.start()
        # Standard output is read to its end first: one line, which fits into the pipe.
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall_s = time.monotonic() - started
        sampler.stop()
        noise.seek(0)
        if process.returncode != 0:
            tail = noise.read().decode(errors="replace")[-2000:]
            raise RuntimeError(f"{module} ended with {process.returncode}:\n{tail}")
    return Cost(
        cpu_s=usage.ru_utime + usage.ru_stime,
        wall_s=wall_s,
        peak_bytes=max(usage.ru_maxrss * 1024, sampler.peak_bytes),
        outcome=Outcome(**json.loads(printed.splitlines()[-1])),
    )


def best(module: str, job: Job, repeat: int) -> Cost:
    """The run with the least CPU time of several."""
    return min((run(module, job) for _ in range(repeat)), key=lambda cost: cost.cpu_s)


class _Sampler(threading.Thread):
    """Sums the memory of a process and its descendants while there is more than one of them."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._over = threading.Event()
        self.peak_bytes = 0

    def run(self) -> None:
        while not self._over.wait(_SAMPLE_EVERY_S):
            family = list(_family(self._pid))
            if len(family) > 1:
                self.peak_bytes = max(self.peak_bytes, sum(map(_proportional_set, family)))

    def stop(self) -> None:
        """End sampling."""
        self._over.set()
        self.join()


def _family(pid: int) -> Iterator[int]:
    yield pid
    with suppress(OSError):  # it may end at any moment
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


def _proportional_set(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
