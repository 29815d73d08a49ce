"""Copies checkpoints to a store while the run goes on."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from tuneline.errors import ServiceError
from tuneline.training.checkpoints.folder import name_of

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from tuneline.training.checkpoints.store import CheckpointStore

logger = logging.getLogger("tuneline")


class Copier:
    """Copies a run's checkpoints, one set at a time and always the newest.

    Its thread does not hold up the end of the process: what is half copied has no manifest, and is
    removed or completed by the next run.

    Args:
        store: Where copies go.
        folder: Where the checkpoints lie.
    """

    def __init__(self, store: CheckpointStore, folder: Path) -> None:
        self._store = store
        self._folder = folder
        self._changed = threading.Condition()
        self._wanted: frozenset[int] = frozenset()
        self._copying: frozenset[int] = frozenset()
        self._there: set[int] = set()
        self._ended = False
        threading.Thread(target=self._run, name=f"copies of {folder}", daemon=True).start()

    def copy(self, steps: AbstractSet[int]) -> None:
        """Make these the checkpoints that the store holds; those asked for before it give way."""
        with self._changed:
            self._wanted = frozenset(steps)
            self._changed.notify_all()

    @property
    def in_use(self) -> frozenset[int]:
        """Steps whose checkpoints must stay where they are for now."""
        with self._changed:
            return self._wanted | self._copying

    def knows(self, step: int) -> None:
        """Note that a step's checkpoint was read from the store and is whole there."""
        self._there.add(step)

    def finish(self, deadline_s: float | None) -> bool:
        """Wait until nothing is left to copy, and copy nothing more; whether that came in time."""
        with self._changed:
            done = self._changed.wait_for(lambda: not (self._wanted or self._copying), deadline_s)
            self._ended = True
            self._changed.notify_all()
        return done

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted or self._ended)
                if self._ended:
                    return
                self._copying, self._wanted = self._wanted, frozenset()
            try:
                self._copy(self._copying)
            except (ServiceError, OSError) as error:
                names = ", ".join(name_of(step) for step in sorted(self._copying))
                logger.warning("tune: %s not copied: %s", names, error)
            finally:
                with self._changed:
                    self._copying = frozenset()
                    self._changed.notify_all()

    def _copy(self, steps: frozenset[int]) -> None:
        # What an earlier run left there may be damaged: it is written again.
        for step in sorted(steps - self._there):
            if self._ended:
                return
            self._store.upload(self._folder / name_of(step))
            self._there.add(step)
        if not self._ended:
            self._store.remove_all_but(steps)
            self._there &= steps
