"""The user's files as local ones: found, fetched where they are remote, and known by digest."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

import fsspec

from tuneline.errors import ConfigurationError, MachineError, ServiceError
from tuneline.files import sha256_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Purpose = Literal["data", "validation", "test"]

_COPY_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """One file that the user gave.

    ``purpose`` is ``data`` for the file that is split, or the split that the file is;  ``name`` is
    what messages call it: its base name, with its folder where two files share that.
    """

    purpose: Purpose
    name: str
    path: Path
    sha256: str


@contextmanager
def opened(uris: Mapping[Purpose, str]) -> Iterator[list[Source]]:
    """Yield the sources as local files; remote ones are fetched for as long as the block lasts.

    Args:
        uris: Path or URI by purpose; empty ones are left out.

    Raises:
        ConfigurationError: Lists every file that is missing, is a folder or has an unknown scheme.
        MachineError: A local file cannot be read.
        ServiceError: A remote file cannot be fetched.
    """
    given = {purpose: uri for purpose, uri in uris.items() if uri}
    names = _names(given)
    problems = []
    sources = []
    with TemporaryDirectory(prefix="tuneline-") as folder:
        for purpose, uri in given.items():
            try:
                path = _local(uri) if is_local(uri) else _fetched(uri, Path(folder) / purpose)
                sources.append(Source(purpose, names[purpose], path, _digest(path)))
            except ConfigurationError as error:
                problems.extend(error.problems)
        if problems:
            raise ConfigurationError(problems)
        yield sources


def is_local(uri: str) -> bool:
    """Whether ``uri`` is a path of this machine."""
    return "://" not in uri or uri.startswith("file://")


def local_path(uri: str) -> Path:
    """The path behind a local ``uri``."""
    return Path(uri.removeprefix("file://")).expanduser()


def _names(given: Mapping[Purpose, str]) -> dict[Purpose, str]:
    """Base names, or the last two steps of the path where two files share their base name."""
    steps = {purpose: uri.rstrip("/").split("/") for purpose, uri in given.items()}
    bases = [path[-1] for path in steps.values()]
    return {
        purpose: path[-1] if bases.count(path[-1]) == 1 else "/".join(path[-2:])
        for purpose, path in steps.items()
    }


def _local(uri: str) -> Path:
    path = local_path(uri)
    if path.is_dir():
        raise ConfigurationError(f"{uri}: is a folder; give one file.")
    if not path.is_file():
        raise ConfigurationError(f"{uri}: no such file. Check the path.")
    return path


def _digest(path: Path) -> str:
    try:
        return sha256_file(path)
    except OSError as error:
        raise MachineError(f"{path}: cannot be read ({error.strerror}).") from error


def _fetched(uri: str, path: Path) -> Path:
    try:
        with fsspec.open(uri, "rb") as remote, path.open("wb") as local:
            shutil.copyfileobj(remote, local, _COPY_BYTES)
    except (ValueError, ImportError) as error:  # fsspec's words for an unknown or missing scheme
        raise ConfigurationError(
            f"{uri}: cannot be opened ({error}). For gs:// install the extra: "
            "pip install 'tuneline[gcs]'."
        ) from error
    except FileNotFoundError as error:
        raise ConfigurationError(f"{uri}: no such file. Check the URI.") from error
    except Exception as error:  # every filesystem raises its own types
        raise ServiceError(f"{uri}: cannot be fetched ({error}).") from error
    return path
