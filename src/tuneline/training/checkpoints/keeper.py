"""The checkpoints of a run: which one it goes on from, which are kept, and where copies lie."""

from __future__ import annotations

import logging
import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLateError
from typing import TYPE_CHECKING

from tuneline.errors import ConfigurationError, MachineError, ServiceError
from tuneline.files import write_text
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
_NEWEST_KEPT = 2
_ASIDE = "damaged-"


class Checkpoints:
    """A run's checkpoints in a folder, and their copies in a store. One process writes them.

    Args:
        folder: Where they lie.
        run_digest: Digest of everything that decides the run's result.
        store: Where copies go; None: nowhere.

    Raises:
        ConfigurationError: The folder holds checkpoints of a run with other data or settings.
        MachineError: The folder cannot be written.
    """

    def __init__(self, folder: Path, run_digest: str, store: CheckpointStore | None = None) -> None:
        self._folder = folder
        self._store = store
        self._best_of: dict[int, int] = {}
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoints")
        self._writing: Future[None] | None = None
        self._uploading: Future[None] | None = None
        _claim(folder, run_digest)
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
            self._writing = self._worker.submit(self._write, state, tensors)
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
        """Wait until everything is written and copied.

        Args:
            deadline_s: Longest wait for the copy, in seconds; None: as long as it takes.

        Raises:
            MachineError: A checkpoint could not be written.
        """
        self.wait()
        try:
            if self._uploading is not None:
                self._uploading.result(deadline_s)
        except TooLateError:
            logger.warning("tune: the newest checkpoint was not copied in time")
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _write(self, state: RunState, tensors: Tensors) -> None:
        path = write_checkpoint(self._folder, state, tensors)
        self._best_of[state.step] = state.best_step
        newest = sorted(self._best_of)[-_NEWEST_KEPT:]
        kept = {*newest, *(self._best_of[step] for step in newest)}
        for step in self._best_of.keys() - kept:
            del self._best_of[step]
            shutil.rmtree(self._folder / name_of(step), ignore_errors=True)
        if self._store is not None:
            self._uploading = self._worker.submit(self._copy, self._store, path, kept)

    def _copy(self, store: CheckpointStore, path: Path, kept: set[int]) -> None:
        try:
            store.upload(path)
            for step in store.steps() - kept:
                store.remove(step)
        except (ServiceError, FileNotFoundError) as error:
            logger.warning("tune: %s was not copied: %s", path.name, error)

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
        return self._from_folder(step)


def _claim(folder: Path, run_digest: str) -> None:
    mark = folder / _RUN_FILE
    if not mark.exists():
        write_text(mark, run_digest + "\n")
    elif mark.read_text(encoding="utf-8").strip() != run_digest:
        raise ConfigurationError(
            f"{folder}: holds checkpoints of a run with other data, base model or settings. "
            "Choose another output folder, or remove this one to start over."
        )
