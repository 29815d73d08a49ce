"""The files that are prepared: made once, and kept for the next run."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.prepare_peers.rows import VERSION

if TYPE_CHECKING:
    from benchmarks.prepare_peers.job import Shape


@dataclass(frozen=True, slots=True)
class Workload:
    """A file of generated rows, and what is in it."""

    shape: Shape
    path: Path
    rows: int
    rejected: int
    duplicates: int

    @classmethod
    def made(cls, shape: Shape, rows: int) -> Workload:
        """The file of so many rows, written now unless an earlier run left it."""
        folder = Path(tempfile.gettempdir()) / "tuneline-benchmarks"
        folder.mkdir(exist_ok=True)
        path = folder / f"{shape}-{rows}-v{VERSION}.jsonl"
        if not path.exists():
            # In a process of its own: this one's memory must stay small, see `measure.run`.
            module = "benchmarks.prepare_peers.rows"
            subprocess.run([sys.executable, "-m", module, shape, str(rows), str(path)], check=True)
        counts = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        return cls(shape, path, counts["rows"], counts["rejected"], counts["duplicates"])

    @property
    def kept(self) -> int:
        """Rows that must be kept."""
        return self.rows - self.rejected - self.duplicates

    @property
    def row_bytes(self) -> float:
        """Bytes of a row on average."""
        return self.path.stat().st_size / self.rows
