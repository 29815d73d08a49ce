"""From URIs to local files, for as long as they are needed."""

from __future__ import annotations

import logging
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tuneline.data.sources.fetch import AT_ONCE, fetch
from tuneline.data.sources.locate import TABLE_SCHEME, Local, Remote, locate, scheme_of
from tuneline.data.sources.source import Purpose, Source, short_names
from tuneline.data.sources.tables import Table, download, find_table
from tuneline.data.sources.unpack import unpacked
from tuneline.errors import ConfigurationError, MachineError
from tuneline.files import sha256_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_log = logging.getLogger("tuneline")


@dataclass(frozen=True, slots=True)
class _Found:
    """A file behind a URI, before it is brought here."""

    purpose: Purpose
    uri: str
    weight: float
    file: Local | Remote | Table

    @property
    def place(self) -> str:
        """Its own path or URI, without a query."""
        if isinstance(self.file, Local):
            return self.file.path.as_posix()
        if isinstance(self.file, Table):
            return self.file.name
        return self.file.uri.split("?")[0].split("#")[0]

    @property
    def base(self) -> Path | None:
        """The folder of a local file."""
        return self.file.path.parent if isinstance(self.file, Local) else None

    @property
    def identity(self) -> str:
        """What is the same of two ways to write the same file."""
        if isinstance(self.file, Local):
            return str(self.file.path.resolve())
        return self.file.name if isinstance(self.file, Table) else self.file.uri


@contextmanager
def opened(uris: Mapping[Purpose, Sequence[tuple[str, float]]]) -> Iterator[list[Source]]:
    """Yield the sources as local files; what is fetched or unpacked lasts as long as the block.

    Each URI is a path, a glob, a folder, or a URI of a store, a web server, a hub or a table.

    Args:
        uris: URIs with their weights, by purpose; empty URIs are left out.

    Raises:
        ConfigurationError: Lists every URI with nothing behind it, of an unknown scheme or given
            twice for the same purpose.
        DataError: A compressed file is damaged.
        MachineError: A local file cannot be read, or a temporary one not written.
        ServiceError: A remote file cannot be fetched.
    """
    found = _find(uris)
    names = short_names([(each.purpose, each.place) for each in found])
    with _temporary_folder() as folder:
        paths = _brought_here(found, Path(folder))
        targets = [Path(folder) / f"{place}-unpacked" for place in range(len(paths))]
        with ThreadPoolExecutor(AT_ONCE) as pool:  # digests and unpacking run beside each other
            digests = pool.map(_digest, paths)
            ready = pool.map(_ready, paths, names, targets)
            sources = [
                Source(each.purpose, name, path, digest, each.weight, each.uri, each.base)
                for each, name, path, digest in zip(found, names, ready, digests, strict=True)
            ]
        yield sources


def _temporary_folder() -> TemporaryDirectory[str]:
    try:
        return TemporaryDirectory(prefix="tuneline-")
    except OSError as error:
        said = error.strerror or str(error)
        raise MachineError(f"No temporary folder can be made ({said}). Free some space.") from error


def _find(uris: Mapping[Purpose, Sequence[tuple[str, float]]]) -> list[_Found]:
    problems = []
    found: dict[tuple[Purpose, str], _Found] = {}
    for purpose, given in uris.items():
        for uri, weight in given:
            try:
                for file in _files(uri) if uri else []:
                    each = _Found(purpose, uri, weight, file)
                    if (purpose, each.identity) in found:
                        problems.append(f"{uri}: {each.place} is given twice as {purpose}.")
                    found[purpose, each.identity] = each
            except ConfigurationError as error:
                problems.extend(error.problems)
    if problems:
        raise ConfigurationError(problems)
    return _without_held_out(list(found.values()))


def _without_held_out(found: list[_Found]) -> list[_Found]:
    """Leave files of a folder or glob out where one of them was given as a held-out file too."""
    held_out = {each.identity for each in found if each.purpose != "data"}
    counts = Counter(each.uri for each in found if each.purpose == "data")
    kept = []
    for each in found:
        if each.purpose == "data" and each.identity in held_out and counts[each.uri] > 1:
            message = "data: %s: %s is held out, so it is not trained on."
            _log.warning(message, each.uri, each.place)
        else:
            kept.append(each)
    return kept


def _files(uri: str) -> Sequence[Local | Remote | Table]:
    return [find_table(uri)] if scheme_of(uri) == TABLE_SCHEME else locate(uri)


def _brought_here(found: list[_Found], folder: Path) -> list[Path]:
    """The local path of every file, in order."""
    paths = []
    remote = []
    for place, each in enumerate(found):
        path = folder / str(place)
        if isinstance(each.file, Local):
            path = each.file.path
        elif isinstance(each.file, Table):
            download(each.file, path)
        else:
            remote.append((each.file, path))
        paths.append(path)
    if remote:
        fetch(remote)
    return paths


def _ready(path: Path, name: str, target: Path) -> Path:
    try:
        return unpacked(path, name, target)
    except OSError as error:
        if isinstance(error, MachineError):
            raise
        raise MachineError(f"{path}: cannot be read ({error.strerror}).") from error


def _digest(path: Path) -> str:
    try:
        return sha256_file(path)
    except OSError as error:
        raise MachineError(f"{path}: cannot be read ({error.strerror}).") from error
