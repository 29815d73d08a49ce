"""What a container sees of this machine, by the rules of mounts and links, without an engine."""

import os
from collections.abc import Iterable
from pathlib import Path

from tuneline.local.docker.mounts import Place


class ContainerView:
    """A container's file system, of which only what is mounted matters."""

    def __init__(self, places: Iterable[Place]) -> None:
        self._mounted: list[Place] = []
        for place in places:
            # Engines follow links within the container to where they mount.
            target = self._walked(place.target, make=True)
            self._mounted.append(Place(target, place.source.resolve(), place.writable))

    def file(self, path: Path) -> Path | None:
        """The file of this machine that a path leads to in the container; None: there is none."""
        try:
            inside = self._walked(path, make=False)
        except FileNotFoundError:
            return None
        return self._source(inside)

    def writable(self, path: Path) -> bool:
        """Whether a path that is there may be written to."""
        place = self._place(self._walked(path, make=False))
        return place is not None and place.writable

    def _place(self, inside: Path) -> Place | None:
        around = [each for each in self._mounted if inside.is_relative_to(each.target)]
        return max(reversed(around), key=lambda each: len(each.target.parts), default=None)

    def _source(self, inside: Path) -> Path | None:
        place = self._place(inside)
        return None if place is None else place.source / inside.relative_to(place.target)

    def _walked(self, path: Path, *, make: bool) -> Path:
        """Follow a path as a kernel does: every step must be there, every link is followed."""
        at = Path("/")
        steps = list(path.parts[1:])
        while steps:
            at = at / steps.pop(0)
            if any(at == each.target or at in each.target.parents for each in self._mounted):
                continue
            source = self._source(at)
            if source is not None and source.is_symlink():
                target = Path(os.path.normpath(at.parent / source.readlink()))
                steps = [*target.parts[1:], *steps]
                at = Path("/")
            elif not make and (source is None or not source.exists()):
                raise FileNotFoundError(at)
        return at
