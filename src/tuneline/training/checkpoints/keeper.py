"""The checkpoints of a run: which one it goes on from, which are kept, and where copies lie."""

from __future__ import annotations

import fcntl
import logging
import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, TYPE_CHECKING

from tuneline.errors import ConfigurationError, MachineError
from tuneline.files import write_text
from tuneline.training.checkpoints.copier import Copier
from tuneline.training.checkpoints.folder import (
    Checkpoint,
    Tensors,
    name_of,
    open_checkpoint,
    step_of,
    write_checkpoint,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tuneline.training.checkpoints.store import CheckpointStore
    from tuneline.training.state import RunState

logger = logging.getLogger("tuneline")

_RUN_FILE = "run.txt"
_LOCK_FILE = ".lock"
_NEWEST_KEPT = 2
_ASIDE = "damaged-"


class Checkpoints:
    """A run's checkpoints in a folder, and their copies in a store. One process writes them.

    Args:
        folder: Where they lie.
        run_digest: Digest of everything that decides the run's result.
        store: Where copies go; None: nowhere.

    Raises:
        ConfigurationError: The folder holds checkpoints of a run with other data or settings, or
            another process works in it.
        MachineError: The folder cannot be written.
    """

    def __init__(self, folder: Path, run_digest: str, store: CheckpointStore | None = None) -> None:
        self._folder = folder
        self._store = store
        self._best_of: dict[int, int] = {}
        _claim(folder, run_digest)
        self._lock = _locked(folder)
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoints")
        self._writing: Future[None] | None = None
        self._copier = Copier(store, folder) if store else None
        for leftover in folder.glob(f".{name_of(0)[:-1]}*"):
            shutil.rmtree(leftover)

    def newest(self) -> Checkpoint | None:
        """The newest checkpoint that is proven whole, together with the best one before it.

        Damaged ones are set aside under another name, and the log says why.

        Raises:
            ServiceError: The store does not answer.
        """
        stored = self._store.steps() if self._store else set()
        proven: dict[int, Checkpoint | None] = {}
        for step in sorted(self._steps() | stored, reverse=True):
            checkpoint = self._proven(step, stored, proven)
            if checkpoint is None:
                continue
            best = checkpoint.state.best_step
            if best in (0, step) or self._proven(best, stored, proven):
                self._best_of = dict.fromkeys(self._steps(), 0) | {
                    found: whole.state.best_step for found, whole in proven.items() if whole
                }
                return checkpoint
            logger.warning(
                "tune: %s cannot be used, since the best one so far, %s, is damaged or gone",
                checkpoint.path,
                name_of(best),
            )
        return None

    def at(self, step: int) -> Checkpoint:
        """The checkpoint of a step that this run wrote or proved.

        Raises:
            MachineError: It was damaged since.
        """
        self.wait()
        found = open_checkpoint(self._folder / name_of(step))
        if isinstance(found, str):
            raise MachineError(
                f"{self._folder / name_of(step)}: {found}. Run the same command again: it goes on "
                "from a checkpoint that is whole."
            )
        return found

    def save(self, state: RunState, tensors: Tensors, *, in_background: bool) -> None:
        """Write a checkpoint, then copy it in the background, then remove those not needed.

        Args:
            state: Where the run stands.
            tensors: Weights and moments in main memory.
            in_background: Whether the run goes on meanwhile; nothing may change the tensors then.

        Raises:
            MachineError: This one, or the one before, could not be written.
        """
        self.wait()
        if in_background:
            self._writing = self._writer.submit(self._write, state, tensors)
        else:
            self._write(state, tensors)

    def wait(self) -> None:
        """Wait until the newest checkpoint is on the disk.

        Raises:
            MachineError: It could not be written.
        """
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def close(self, deadline_s: float | None = None) -> None:
        """Wait until everything is written and copied, and let another process work here.

        Args:
            deadline_s: Longest wait for the copy, in seconds; None: as long as it takes.

        Raises:
            MachineError: A checkpoint could not be written.
        """
        if self._lock.closed:
            return
        try:
            self.wait()
            if self._copier is not None and not self._copier.finish(deadline_s):
                logger.warning("tune: the newest checkpoint was not copied in time")
        finally:
            self._writer.shutdown()
            self._lock.close()

    def _write(self, state: RunState, tensors: Tensors) -> None:
        write_checkpoint(self._folder, state, tensors)
        self._best_of[state.step] = state.best_step
        newest = sorted(self._best_of)[-_NEWEST_KEPT:]
        kept = {*newest, *(self._best_of[step] for step in newest)} - {0}
        in_use = frozenset[int]()
        if self._copier is not None:
            self._copier.copy(kept & self._steps())
            in_use = self._copier.in_use
        for step in self._best_of.keys() - kept - in_use:
            del self._best_of[step]
            shutil.rmtree(self._folder / name_of(step), ignore_errors=True)

    def _steps(self) -> set[int]:
        steps = (step_of(path.name) for path in self._folder.iterdir())
        return {step for step in steps if step is not None}

    def _proven(
        self, step: int, stored: set[int], proven: dict[int, Checkpoint | None]
    ) -> Checkpoint | None:
        if step not in proven:
            proven[step] = self._from_folder(step) or self._from_store(step, stored)
        return proven[step]

    def _from_folder(self, step: int) -> Checkpoint | None:
        path = self._folder / name_of(step)
        if not path.exists():
            return None
        found = open_checkpoint(path)
        if isinstance(found, Checkpoint):
            return found
        aside = self._folder / f"{_ASIDE}{path.name}"
        number = 1
        while aside.exists():
            number += 1
            aside = aside.with_name(f"{_ASIDE}{path.name}-{number}")
        path.rename(aside)
        logger.warning("tune: %s is damaged: %s; set aside as %s", path, found, aside.name)
        return None

    def _from_store(self, step: int, stored: set[int]) -> Checkpoint | None:
        if self._store is None or step not in stored:
            return None
        logger.info("tune: fetching %s", name_of(step))
        self._store.download(step, self._folder)
        found = self._from_folder(step)
        if found is not None and self._copier is not None:
            self._copier.knows(step)
        return found


def _locked(folder: Path) -> IO[str]:
    """A file that this process alone has open, as long as it lives.

    Raises:
        ConfigurationError: Another process has it.
    """
    file = (folder / _LOCK_FILE).open("a", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise ConfigurationError(
            f"{folder}: another run works in this folder. Wait for its end or stop it, or choose "
            "another output folder."
        ) from error
    except OSError as error:
        logger.warning("tune: %s cannot be locked (%s): start no second run there", folder, error)
    return file


def _claim(folder: Path, run_digest: str) -> None:
    mark = folder / _RUN_FILE
    if not mark.exists():
        write_text(mark, run_digest + "\n")
    elif mark.read_text(encoding="utf-8").strip() != run_digest:
        raise ConfigurationError(
            f"{folder}: holds checkpoints of a run with other data, base model or settings. "
            "Choose another output folder, or remove this one to start over."
        )
