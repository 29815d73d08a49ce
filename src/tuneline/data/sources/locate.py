"""What stands behind a URI: schemes that are taken, files on this machine, objects in stores."""

from __future__ import annotations

import glob
import importlib
import ipaddress
import logging
import stat
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tuneline.data.rows.formats import SUFFIXES, data_format
from tuneline.errors import ConfigurationError, MachineError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterable

_log = logging.getLogger("tuneline")

# Module that the scheme's filesystem needs, and the extra that brings it.
_NEEDED: dict[str, tuple[str, str]] = {
    "gs": ("gcsfs", "gcs"),
    "s3": ("s3fs", "s3"),
    "http": ("aiohttp", "http"),
    "https": ("aiohttp", "http"),
    "hf": ("huggingface_hub", "hub"),
}
TABLE_SCHEME = "bq"
_WEB = ("http", "https")
_GLOB_MARKS = "*?["
_CONNECT_S = 30
_SILENCE_S = 120  # without a byte, a download is given up and tried again


@dataclass(frozen=True, slots=True)
class Local:
    """A file on this machine; ``name`` is its path below a folder or pattern that was given."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class Remote:
    """A file in a store; ``state`` is what the store tells of it, ``name`` as for local files."""

    uri: str
    name: str
    filesystem: Any
    path: str
    state: dict[str, Any]


def scheme_of(uri: str) -> str:
    """The scheme of a URI, lower case; ``file`` for paths."""
    return uri.split("://", 1)[0].lower() if "://" in uri else "file"


def locate(uri: str) -> list[Local] | list[Remote]:
    """Find the files behind a path, glob, folder or URI, sorted by name.

    Raises:
        ConfigurationError: There are none, or the scheme is not taken.
        MachineError: A local folder cannot be read.
        ServiceError: A store cannot be asked.
    """
    if scheme_of(uri) == "file":
        try:
            return _local_files(uri)
        except OSError as error:
            raise MachineError(f"{uri}: cannot be read ({error.strerror}).") from error
    return _remote_files(uri)


def _local_files(uri: str) -> list[Local]:
    path = Path(uri.split("://", 1)[1] if "://" in uri else uri).expanduser()
    if path.is_dir():
        found = [each for each in path.rglob("*") if each.is_file() and _is_filled(each, uri)]
        names = _data_names([each.relative_to(path).as_posix() for each in found], uri)
        return [Local(path / name, name) for name in names]
    if path.exists():
        if not stat.S_ISREG(path.stat().st_mode):
            raise ConfigurationError(f"{uri}: is no regular file. Save its content to one.")
        return [Local(path, "")]
    if any(mark in str(path) for mark in _GLOB_MARKS):
        matches = [Path(each) for each in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207
        base = _fixed_part(str(path))
        files = [
            Local(each, each.relative_to(base).as_posix())
            for each in matches
            if each.is_file() and _is_filled(each, uri)
        ]
        if files:
            return files
        raise ConfigurationError(f"{uri}: matches no file. Check the pattern.")
    raise ConfigurationError(f"{uri}: no such file. Check the path.")


def _is_filled(path: Path, uri: str) -> bool:
    """Whether a file has bytes; writers of many files leave empty ones beside the others."""
    if path.stat().st_size:
        return True
    _log.warning("data: %s: %s is empty and was left out.", uri, path.name)
    return False


def _fixed_part(pattern: str) -> str:
    """The folder of a pattern in front of its first wildcard."""
    steps = pattern.split("/")
    first = next(place for place, step in enumerate(steps) if any(m in step for m in _GLOB_MARKS))
    return "/".join(steps[:first]) or ("/" if pattern.startswith("/") else ".")


def _data_names(names: Iterable[str], uri: str) -> list[str]:
    """The data files of a folder; hidden and unknown ones are left out, the latter with a word.

    Raises:
        ConfigurationError: No data file is left.
    """
    shown = [
        name
        for name in sorted(names)
        if not any(step.startswith((".", "_")) for step in PurePosixPath(name).parts)
    ]
    data = [name for name in shown if data_format(name)]
    unknown = Counter(
        PurePosixPath(name).suffix or "no suffix" for name in shown if not data_format(name)
    )
    listed = ", ".join(f"{count} with {suffix}" for suffix, count in sorted(unknown.items()))
    if not data:
        raise ConfigurationError(
            f"{uri}: the folder holds no data file"
            + (f", but {unknown.total()} others ({listed})" if unknown else "")
            + f". Known suffixes: {', '.join(SUFFIXES)}."
        )
    if unknown:
        _log.warning("data: %s: files that are no data were left out: %s", uri, listed)
    return data


def _remote_files(uri: str) -> list[Remote]:
    filesystem, root = _filesystem(uri)
    try:
        return _listed(uri, filesystem, root)
    except ConfigurationError:
        raise
    except FileNotFoundError as error:
        raise ConfigurationError(f"{uri}: no such file. Check the URI.") from error
    except PermissionError as error:
        raise ConfigurationError(
            f"{uri}: may not be read ({_said(error)}). Check your rights."
        ) from error
    except Exception as error:  # every filesystem raises its own types
        raise ServiceError(f"{uri}: cannot be looked up ({_said(error)}).") from error


def _listed(uri: str, filesystem: Any, root: str) -> list[Remote]:
    if scheme_of(uri) in _WEB:
        # What a web server shows of a folder is a page for people: each file has its own URI.
        return [Remote(uri, "", filesystem, root, filesystem.info(root))]
    if any(mark in root for mark in _GLOB_MARKS):
        found = filesystem.glob(root, detail=True)
        files = {path: state for path, state in found.items() if state["type"] == "file"}
        if not files:
            raise ConfigurationError(f"{uri}: matches no file. Check the pattern.")
        return _remotes(uri, filesystem, _fixed_part(root), files)
    state = filesystem.info(root)
    if state["type"] == "file":
        return [Remote(uri, "", filesystem, root, state)]
    files = {
        path: state
        for path, state in filesystem.find(root, detail=True).items()
        if state["type"] == "file"
    }
    names = _data_names([_below(path, root) for path in files], uri)
    chosen = {path: state for path, state in files.items() if _below(path, root) in set(names)}
    return _remotes(uri, filesystem, root, chosen)


def _remotes(uri: str, filesystem: Any, root: str, files: dict[str, Any]) -> list[Remote]:
    return [
        Remote(f"{scheme_of(uri)}://{path}", _below(path, root), filesystem, path, state)
        for path, state in sorted(files.items())
    ]


def _below(path: str, root: str) -> str:
    return path.removeprefix(root.rstrip("/")).lstrip("/")


def _filesystem(uri: str) -> tuple[Any, str]:
    """The filesystem of a URI and the path in it.

    Raises:
        ConfigurationError: The scheme is not taken, or what it needs is not installed.
    """
    scheme = scheme_of(uri)
    if "::" in uri or scheme not in _NEEDED:
        taken = ", ".join(f"{name}://" for name in ("file", *_NEEDED, TABLE_SCHEME))
        raise ConfigurationError(f"{uri}: this kind of URI is not taken. Give a path or {taken}.")
    if scheme == "http" and not _is_loopback(urlsplit(uri).hostname or ""):
        raise ConfigurationError(f"{uri}: http:// is open to changes on the way. Use https://.")
    require_module(uri, *_NEEDED[scheme])
    import fsspec

    options: dict[str, Any] = {}
    if scheme in _WEB:
        from aiohttp import ClientTimeout

        limits = ClientTimeout(total=None, sock_connect=_CONNECT_S, sock_read=_SILENCE_S)
        options = {"client_kwargs": {"timeout": limits, "trust_env": True}}
    try:
        filesystem, path = fsspec.core.url_to_fs(uri, **options)
        filesystem.invalidate_cache()  # a file may have changed since the last look
    except Exception as error:  # every filesystem raises its own types
        raise ConfigurationError(f"{uri}: cannot be opened ({_said(error)}).") from error
    return filesystem, path


def require_module(uri: str, module: str, extra: str) -> None:
    """Check that an optional dependency is there.

    Raises:
        ConfigurationError: It is not; the message names the extra.
    """
    try:
        importlib.import_module(module)
    except ImportError as error:
        raise ConfigurationError(
            f"{uri}: needs an extra: pip install 'tuneline[{extra}]' ({error})."
        ) from error


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
