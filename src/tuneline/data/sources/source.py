"""One file that the user gave, on this machine."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Purpose = Literal["data", "validation", "test"]


@dataclass(frozen=True, slots=True)
class Source:
    """One file that the user gave.

    Attributes:
        purpose: ``data`` for a file that is split, or the split that the file is.
        name: What messages call it; no other source has it. Its base name, or as many last steps
            of its path as tell it apart; its suffix is that of the file that the user gave.
        path: The file to read: fetched and unpacked where it has to be.
        sha256: Digest of the bytes that the user gave, before unpacking; of a table, of the rows
            as they were written here.
        weight: Share in the mixture, of all files behind one URI together.
        mixture: The URI that the file came from, as it was given.
        base: Folder of the file that the user gave, where it is on this machine.
    """

    purpose: Purpose
    name: str
    path: Path
    sha256: str
    weight: float = 1.0
    mixture: str = ""
    base: Path | None = None


def short_names(places: Sequence[tuple[Purpose, str]]) -> list[str]:
    """A short name for each file, all different.

    Args:
        places: What each file is for, and its path or URI.
    """
    paths = list(dict.fromkeys(place for _, place in places))
    names = dict(
        zip(paths, _different([path.rstrip("/").split("/") for path in paths]), strict=True)
    )
    often = Counter(place for _, place in places)  # one file may have two purposes
    return [
        f"{purpose}:{names[place]}" if often[place] > 1 else names[place]
        for purpose, place in places
    ]


def _different(paths: list[list[str]]) -> list[str]:
    names = [steps[-1] for steps in paths]
    for count in range(2, max(map(len, paths), default=0) + 1):
        often = Counter(names)
        names = [
            "/".join(steps[-count:]) if often[name] > 1 else name
            for steps, name in zip(paths, names, strict=True)
        ]
    return names
