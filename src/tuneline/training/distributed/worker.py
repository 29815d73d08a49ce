"""One process of a run that `tuneline.training.distributed.launch` started."""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path

from tuneline import errors
from tuneline.errors import StoppedError, TunelineError

WORKER = "tuneline.training.distributed.worker"
FAILURES = "TUNELINE_FAILURES"
"""Environment variable: folder in which a process writes down the error that ended it."""


def main() -> None:
    """Run one process, and leave its error where the launcher reads it."""
    from tuneline.training.distributed.ranks import ranks_of
    from tuneline.training.settings import TrainConfig
    from tuneline.training.train import train

    given = json.loads(sys.argv[1])
    rank = ranks_of(os.environ).rank
    logging.basicConfig(
        level=logging.WARNING if rank else logging.INFO, format="%(message)s", stream=sys.stderr
    )
    try:
        folder = given["checkpoint_folder"]
        train(TrainConfig.model_validate(given["config"]), Path(folder) if folder else None)
    except TunelineError as error:
        write_failure(error, Path(os.environ[FAILURES]) / f"{rank:06d}")
        sys.exit(error.exit_code)


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
