"""One program's process, watched from outside: started, read, and ended with what it started."""

from __future__ import annotations

import marshal
import os
import secrets
import selectors
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import tuneline
from tuneline.errors import MachineError
from tuneline.evaluation.sandbox.folder import is_over, work_folder

if TYPE_CHECKING:
    from tuneline.evaluation.sandbox.limits import Limits

Status = Literal["passed", "failed", "syntax", "ended early", "timeout", "too many files"]
"""``failed``: code or tests raised. ``syntax``: one of them does not parse. ``ended early``: the
process ended before its last test did."""

_PACKAGE = str(Path(tuneline.__file__).resolve().parents[1])
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from tuneline.evaluation.sandbox.child import main; main()"
)
# As -I, but the order of sets is the same in every run: -I would ignore the seed of hashes.
_FLAGS = ("-P", "-s", "-S", "-B")
_ENVIRONMENT = {"PYTHONHASHSEED": "0"}
_LOOK_S = 0.05  # how often the folder is looked at
_READ_BYTES = 65536
_SET_INSIDE = ("cpu_s", "memory_bytes", "file_bytes", "open_files")  # limits of the kernel
_REPORT_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Guards:
    """Which guards a process puts up; the fields are those of `guards.put_up`."""

    user: int | None = None
    reading: bool = False
    files: bool = False
    calls: bool = False
    network: bool = False


class GuardError(MachineError):
    """The machine does not give a guard that was asked for."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one program ended.

    Attributes:
        status: See `Status`.
        detail: The error in one line; empty where it passed.
        stdout: The start of what it printed.
        stderr: The start of what it printed as errors.
        wall_s: Seconds that it took.
    """

    status: Status
    detail: str
    stdout: str
    stderr: str
    wall_s: float

    @property
    def passed(self) -> bool:
        """Whether code and tests ran to their end without an error."""
        return self.status == "passed"


def run_process(
    source: str, tests: str, limits: Limits, guards: Guards, interpreter: str
) -> Outcome:
    """Run a program and its tests in a process of their own.

    Raises:
        GuardError: A guard could not be put up; nothing of the program ran.
        MachineError: The process could not be started.
    """
    started = time.monotonic()
    token = secrets.token_hex(16)
    job: dict[str, object] = {
        "source": source,
        "tests": tests,
        "token": token,
        "guards": asdict(guards),
        "limits": {name: getattr(limits, name) for name in _SET_INSIDE},
    }
    with work_folder(guards.user) as folder:
        read_end, write_end = os.pipe()
        with os.fdopen(read_end, "rb", buffering=0) as report:
            try:
                process = _start(interpreter, write_end)
            finally:
                os.close(write_end)
            with process:
                watch = _Watch(process, report.fileno(), limits)
                job["report"], job["folder"] = write_end, folder
                stopped = watch.follow(marshal.dumps(job), folder, started + limits.wall_s)
    status, detail = stopped or _verdict(watch.report, token, process.returncode)
    return Outcome(
        status, detail, watch.text("stdout"), watch.text("stderr"), time.monotonic() - started
    )


def _start(interpreter: str, report: int) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [interpreter, *_FLAGS, "-c", _START, _PACKAGE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_ENVIRONMENT,
            pass_fds=(report,),
            start_new_session=True,
            bufsize=0,
        )
    except OSError as error:
        raise MachineError(
            f"{interpreter}: the interpreter for programs cannot be started ({error}). "
            "Free memory or processes, or give another interpreter."
        ) from error


class _Watch:
    """Reads what a process writes until its report ends or a limit is reached."""

    def __init__(self, process: subprocess.Popen[bytes], report: int, limits: Limits) -> None:
        assert process.stdout is not None  # noqa: S101 all three are pipes
        assert process.stderr is not None  # noqa: S101
        self._process = process
        self._limits = limits
        self._report = report
        self._names = {"stdout": process.stdout.fileno(), "stderr": process.stderr.fileno()}
        self._room = dict.fromkeys(self._names.values(), limits.output_bytes)
        self._room[report] = _REPORT_BYTES
        self.kept = {descriptor: bytearray() for descriptor in self._room}

    @property
    def report(self) -> str:
        """What was written to the report."""
        return self.kept[self._report].decode(errors="replace")

    def text(self, name: str) -> str:
        """What was kept of ``stdout`` or ``stderr``."""
        return self.kept[self._names[name]].decode(errors="replace")

    def follow(self, job: bytes, folder: str, deadline: float) -> tuple[Status, str] | None:
        """Hand over the job and wait; what stopped the process, None where it ended itself."""
        try:
            # A process that could not start has gone already; its verdict says so.
            with suppress(BrokenPipeError):
                self._hand_over(job)
            return self._read(folder, deadline)
        finally:
            with suppress(ProcessLookupError, PermissionError):  # ended already
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            for descriptor in self._names.values():
                os.set_blocking(descriptor, False)
                with suppress(BlockingIOError):
                    while self._keep(descriptor):
                        continue

    def _hand_over(self, job: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101
        with self._process.stdin as stdin:
            view = memoryview(job)
            while view:
                view = view[stdin.write(view) :]

    def _read(self, folder: str, deadline: float) -> tuple[Status, str] | None:
        with selectors.DefaultSelector() as selector:
            for descriptor in self.kept:
                selector.register(descriptor, selectors.EVENT_READ)
            look = time.monotonic() + _LOOK_S
            while (now := time.monotonic()) < deadline:
                if now >= look:
                    if is_over(folder, self._limits.file_bytes, self._limits.files):
                        return "too many files", "its folder holds more than it may"
                    look = now + _LOOK_S
                for key, _ in selector.select(min(look, deadline) - now):
                    if self._keep(key.fd):
                        continue
                    if key.fd == self._report:
                        return None
                    selector.unregister(key.fd)
        return "timeout", f"longer than {self._limits.wall_s:g} s"

    def _keep(self, descriptor: int) -> bool:
        """Read once; False at the end."""
        chunk = os.read(descriptor, _READ_BYTES)
        self.kept[descriptor] += chunk[: self._room[descriptor] - len(self.kept[descriptor])]
        return bool(chunk)


def _verdict(report: str, token: str, code: int) -> tuple[Status, str]:
    said, _, rest = report.partition("\n")
    status, _, detail = rest.partition("\n")
    if secrets.compare_digest(said.encode(), token.encode()):
        if status == "unguarded":
            raise GuardError(
                f"The process for untrusted programs could not be guarded ({detail}). "
                "Nothing was run."
            )
        for known in get_args(Status):
            if status == known:
                return known, detail
    if code == -signal.SIGXCPU:
        return "timeout", "more processor time than allowed"
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    return "ended early", f"ended with {how} before its tests had finished"
