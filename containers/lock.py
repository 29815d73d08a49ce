"""Writes the lock files of the images: ``make locks``.

The versions are those of constraints.txt, with which the tests run. pip's and uv's configuration
say which index is asked; its address is written nowhere.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from containers.images import FOLDER, LOCKS, ROOT, Lock

_HEADER = "# What is installed in an image, with the hashes of its files. `make locks` writes it.\n"
_PLATFORM = "x86_64-manylinux_2_28"
_PYTHON = "3.11"


def write_lock(lock: Lock) -> None:
    """Resolve one lock file and put it in place.

    Raises:
        subprocess.CalledProcessError: There is no solution, or the index does not answer.
    """
    with tempfile.TemporaryDirectory() as folder:
        further = Path(folder) / "requirements.in"
        further.write_text("\n".join(lock.requirements) + "\n", encoding="utf-8")
        sources = [str(ROOT / "pyproject.toml"), str(further)] if lock.extras else [str(further)]
        extras = [word for extra in lock.extras for word in ("--extra", extra)]
        found = subprocess.run(
            [
                *(sys.executable, "-m", "uv", "pip", "compile", *sources, *extras),
                *([] if lock.dependencies else ["--no-deps"]),
                *("--constraints", str(ROOT / "constraints.txt"), "--generate-hashes"),
                *("--python-version", _PYTHON, "--python-platform", _PLATFORM),
                *("--no-header", "--no-annotate", "--quiet"),
            ],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "UV_FIND_LINKS": _further_files() if lock.off_index else ""},
        )
    lock.file.write_text(_HEADER + found.stdout, encoding="utf-8")
    count = found.stdout.count("==")
    print(f"{lock.file.relative_to(FOLDER)}: {count} distributions")


def _further_files() -> str:
    """Where pip would look beside the index; uv asks for it by another name."""
    return os.environ.get("UV_FIND_LINKS") or os.environ.get("PIP_FIND_LINKS", "")


def main() -> None:
    """Write all lock files."""
    try:
        for lock in LOCKS:
            write_lock(lock)
    except subprocess.CalledProcessError as error:
        sys.exit(f"uv found no versions:\n{error.stderr}")


if __name__ == "__main__":
    main()
