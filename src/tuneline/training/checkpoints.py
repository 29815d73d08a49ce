"""Which checkpoint a run continues from, and whether the folder belongs to this run at all."""

from __future__ import annotations

import json
import logging
import shutil
from typing import TYPE_CHECKING

from tuneline.errors import ConfigurationError
from tuneline.files import write_text

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger("tuneline")

_RUN_FILE = "run.txt"
STATE_FILE = "trainer_state.json"
"""The trainer's state; written last, so a checkpoint that holds it was written to the end."""


def claim(folder: Path, run_digest: str) -> None:
    """Mark a checkpoint folder as this run's.

    Args:
        folder: Where checkpoints go.
        run_digest: Digest of everything that decides the run's result.

    Raises:
        ConfigurationError: The folder holds checkpoints of a run with other data or settings.
    """
    mark = folder / _RUN_FILE
    if not mark.exists():
        write_text(mark, run_digest + "\n")
    elif mark.read_text(encoding="utf-8").strip() != run_digest:
        raise ConfigurationError(
            f"{folder}: holds checkpoints of a run with other data, base model or settings. "
            "Choose another output folder, or remove this one to start over."
        )


def newest(folder: Path) -> Path | None:
    """Find the newest checkpoint that was written to the end; remove torn ones, and say so."""
    found = sorted(
        folder.glob("checkpoint-*"), key=lambda path: int(path.name.rsplit("-", 1)[1]), reverse=True
    )
    for checkpoint in found:
        if _is_whole(checkpoint):
            return checkpoint
        logger.warning("tune: %s was cut off while it was written; removed", checkpoint)
        shutil.rmtree(checkpoint)
    return None


def _is_whole(checkpoint: Path) -> bool:
    try:
        json.loads((checkpoint / STATE_FILE).read_bytes())
    except (FileNotFoundError, ValueError):
        return False
    return True
