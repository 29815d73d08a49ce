"""One process of a run that `tuneline.training.distributed.launch` started."""

from __future__ import annotations

import ctypes
import json
import logging
import os
import signal
import sys
from pathlib import Path

from tuneline import errors
from tuneline.errors import StoppedError, TunelineError

WORKER = "tuneline.training.distributed.worker"
OUTCOME = "TUNELINE_OUTCOME"
"""Environment variable: folder for the result, which each machine gets, or the errors."""

FAILURE = "failure-"
"""Beginning of the name of the file in which a process writes down the error that ended it."""

_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)


def main() -> None:
    """Run one process, and leave its result or error where the launcher reads it."""
    _end_with_the_launcher()
    from tuneline.training.distributed.ranks import ranks_of
    from tuneline.training.settings import TrainConfig
    from tuneline.training.train import train

    given = json.loads(sys.argv[1])
    ranks, outcome = ranks_of(os.environ), Path(os.environ[OUTCOME])
    logging.basicConfig(
        level=logging.INFO if ranks.main else logging.WARNING,
        format="%(message)s",
        stream=sys.stderr,
    )
    try:
        folder = given["checkpoint_folder"]
        config = TrainConfig.model_validate(given["config"])
        result = train(config, Path(folder) if folder else None)
    except TunelineError as error:
        write_failure(error, outcome / f"{FAILURE}{ranks.rank:06d}")
        sys.exit(error.exit_code)
    if ranks.local_rank == 0:
        result.write(outcome)


def _end_with_the_launcher() -> None:
    """Be asked to stop where the launcher is killed, so that no run goes on unseen."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGTERM)


def write_failure(error: TunelineError, path: Path) -> None:
    """Write an error down, to be raised again by `read_failure` elsewhere."""
    described = {"type": type(error).__name__, "message": str(error)}
    if isinstance(error, StoppedError):
        described["signal"] = str(error.signal_number)
    path.write_text(json.dumps(described), encoding="utf-8")


def read_failure(path: Path) -> TunelineError:
    """The error that `write_failure` wrote."""
    described = json.loads(path.read_bytes())
    kind = getattr(errors, described["type"], TunelineError)
    error: TunelineError
    if kind is StoppedError:
        error = StoppedError(described["message"], int(described["signal"]))
    else:
        error = kind(described["message"])
    return error


if __name__ == "__main__":
    main()
