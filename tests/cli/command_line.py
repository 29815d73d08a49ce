"""Runs the command line as its users do: in a process of its own, in a folder of its own."""

import os
import subprocess
import sys
from pathlib import Path


def tuneline(
    folder: Path, *arguments: str, timeout_s: float = 240
) -> subprocess.CompletedProcess[str]:
    """Run ``python -m tuneline`` and give back its exit code and output."""
    return subprocess.run(
        [sys.executable, "-m", "tuneline", *arguments],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def left_behind(folder: Path) -> list[str]:
    """Names of all files below a folder, hidden ones included."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
