"""The one exception tree, with the exit code that the command line gives each branch.

Exit codes: 1 the input or the verdict says no; 2 wrong usage; 3 a service or the machine failed;
above 128 a signal asked to stop, and the same command goes on where it ended. Messages name the
file, the row and the field, and say what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class TunelineError(Exception):
    """Root of every error that Tuneline raises on purpose."""

    exit_code: int = 3


class ConfigurationError(TunelineError, ValueError):
    """Settings that contradict each other, are unknown or name nothing; lists every problem.

    Args:
        problems: One sentence for each problem, all of them, not the first alone.
    """

    exit_code = 2

    def __init__(self, problems: Sequence[str] | str) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        lines = self.problems
        super().__init__(
            lines[0]
            if len(lines) == 1
            else f"{len(lines)} problems:" + "".join(f"\n  - {line}" for line in lines)
        )

    def __reduce__(self) -> tuple[type[ConfigurationError], tuple[list[str]]]:
        return type(self), (self.problems,)


class DataError(TunelineError, ValueError):
    """Examples, predictions or artifacts that cannot be used as they are."""

    exit_code = 1


class MachineError(TunelineError, OSError):
    """The machine refused: a folder that cannot be written, a full disk, a killed task."""

    exit_code = 3


class ServiceError(TunelineError, RuntimeError):
    """A remote service failed or did not answer in time."""

    exit_code = 3


class StoppedError(TunelineError, RuntimeError):
    """A signal asked to stop, and the work can go on where it ended.

    Args:
        message: What was done, and how it goes on.
        signal_number: The signal; the exit code is 128 more, as shells have it. Kubernetes' and
            Vertex AI's restart rules take that for a failure that is worth another try.
    """

    def __init__(self, message: str, signal_number: int = 15) -> None:
        super().__init__(message)
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number
