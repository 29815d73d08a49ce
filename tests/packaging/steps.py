"""Commands that run far from the developer's settings, and the files that would be committed."""

import os
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

# Variables of the developer's shell that would let the checkout or other settings leak in.
_LEAKING = ("PYTHON", "TUNELINE", "VIRTUAL_ENV", "PYTEST")


def run(*command: object, cwd: Path) -> str:
    """Run a command outside the repository; return its output, or fail with all of it."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(_LEAKING)
    }
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def source_files() -> list[Path]:
    """Everything in the repository that git does not ignore, links as links."""
    listed = run(
        "git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", cwd=REPOSITORY
    )
    paths = [Path(name) for name in listed.split("\0") if name]
    return [path for path in paths if (REPOSITORY / path).exists()]
