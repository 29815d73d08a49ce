"""The places of this machine that a task's container sees, at the same paths as here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from docker.types import Mount


@dataclass(frozen=True, slots=True)
class Place:
    """A file or folder that a container sees.

    Attributes:
        target: Where it lies in the container, absolute.
        source: Where it lies on this machine.
        writable: Whether tasks may write to it.
    """

    target: Path
    source: Path
    writable: bool = False

    @classmethod
    def same(cls, path: Path, *, writable: bool = False) -> Place:
        """A place with one path inside and outside."""
        return cls(path, path, writable)

    def holds(self, other: Place) -> bool:
        """Whether what another place shows is seen through this one anyway, with the same rights.

        A link between the two ends what a container sees through this one.
        """
        if self.writable != other.writable or not other.target.is_relative_to(self.target):
            return False
        seen = self.source.resolve() / other.target.relative_to(self.target)
        return seen == other.source.resolve()

    def mount(self) -> Mount:
        """What the engine is told."""
        from docker.types import Mount

        return Mount(str(self.target), str(self.source), type="bind", read_only=not self.writable)


def without_nested(places: Iterable[Place]) -> list[Place]:
    """Leave out what lies within other places, outermost first.

    Of two places with one target the writable one stays. A place stays within another where its
    rights differ from it.
    """
    by_target: dict[Path, Place] = {}
    for place in places:
        if place.target not in by_target or place.writable:
            by_target[place.target] = place
    kept: list[Place] = []
    for place in sorted(by_target.values(), key=lambda each: each.target.parts):
        around = [each for each in kept if place.target.is_relative_to(each.target)]
        if not (around and around[-1].holds(place)):
            kept.append(place)
    return kept


def volumes(given: Mapping[str, Mapping[str, str]]) -> list[Place]:
    """KFP's own volumes; written as ``source:target`` they would forbid paths with a colon."""
    return [
        Place(Path(each["bind"]), Path(source), "ro" not in each["mode"].split(","))
        for source, each in given.items()
    ]
