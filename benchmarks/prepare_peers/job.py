"""What a peer is told and what it answers."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

Shape = Literal["prompts", "chat", "short"]


@dataclass(frozen=True, slots=True)
class Job:
    """One preparation.

    ``shape`` names the kind of rows in ``data``: prompt/completion rows, chats of five turns, or
    short prompt/completion rows with near twins. ``workers`` and ``near_duplicates`` are for
    Tuneline alone; ``rules`` is ``structure`` for a plain loop that looks for no personal data,
    secrets or answers inside prompts.
    """

    data: str
    out: str
    shape: Shape
    workers: int = 1
    near_duplicates: str = "off"
    exports: bool = True
    rules: Literal["all", "structure"] = "all"

    @property
    def folder(self) -> Path:
        """Where to write."""
        return Path(self.out)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The accounting, and what else the program measured of itself.

    ``warned`` counts kept rows by the rules that only warn; ``cpu_s`` is filled in by programs that
    time a part of their own work.
    """

    read: int = 0
    rejected: int = 0
    duplicates: int = 0
    per_split: dict[str, int] = field(default_factory=dict)
    warned: dict[str, int] = field(default_factory=dict)
    cpu_s: dict[str, float] = field(default_factory=dict)

    @property
    def kept(self) -> int:
        """Rows in all splits."""
        return sum(self.per_split.values())


def answer(work: Callable[[Job], Outcome]) -> None:
    """Read the job named on the command line, do it, and print the outcome."""
    job = Job(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    job.folder.mkdir(parents=True, exist_ok=True)
    print(json.dumps(asdict(work(job))))
