"""A few rows of the bundled examples, for tests that need a task that can be learned."""

from importlib.resources import files
from pathlib import Path


def write_tickets(path: Path, rows: int) -> Path:
    """Write the first rows of the bundled support tickets to a file."""
    tickets = files("tuneline") / "examples" / "support_tickets" / "tickets.jsonl"
    lines = tickets.read_text(encoding="utf-8").splitlines(keepends=True)
    assert len(lines) >= rows
    path.write_text("".join(lines[:rows]), encoding="utf-8")
    return path
