"""Brings remote files to this machine, a few at a time."""

from __future__ import annotations

import logging
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from fsspec.callbacks import Callback
from tqdm import tqdm

from tuneline.data.sources.locate import scheme_of
from tuneline.errors import ConfigurationError, MachineError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tuneline.data.sources.locate import Remote

_log = logging.getLogger("tuneline")

AT_ONCE = 4
"""Files that are fetched at the same time."""

_ATTEMPTS = {"http": 5, "https": 5, "hf": 5}
"""By scheme; the filesystems of the others try again on their own."""

_FIRST_WAIT_S = 1.0


class _Bytes(Callback):  # type: ignore[misc]  # fsspec carries no types
    """Moves a bar by the bytes that came."""

    def __init__(self, bar: tqdm[Any]) -> None:
        super().__init__()
        self._bar = bar

    def relative_update(self, inc: int = 1) -> None:
        self._bar.update(inc)


def fetch(files: Sequence[tuple[Remote, Path]]) -> None:
    """Fetch every file to its path.

    Raises:
        ConfigurationError: Lists every file that has gone or may not be read.
        MachineError: A file cannot be written here.
        ServiceError: A file could not be fetched, after several attempts.
    """
    total = sum(remote.state.get("size") or 0 for remote, _ in files)
    problems: list[str] = []
    with (
        tqdm(
            total=total or None,
            desc="fetching",
            unit="B",
            unit_scale=True,
            leave=False,
            disable=not sys.stderr.isatty(),
        ) as bar,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        running = [pool.submit(_fetch, remote, path, _Bytes(bar)) for remote, path in files]
        try:
            for each in running:
                try:
                    each.result()
                except ConfigurationError as error:
                    problems.extend(error.problems)
        finally:
            pool.shutdown(cancel_futures=True)  # after a failure the rest need not be fetched
    if problems:
        raise ConfigurationError(problems)


def _fetch(remote: Remote, path: Path, progress: _Bytes) -> None:
    scheme = scheme_of(remote.uri)
    attempts = _ATTEMPTS.get(scheme, 1)
    for attempt in range(1, attempts + 1):
        try:
            # The hub's filesystem has a slow way for those who watch, so it is not watched.
            watch = {} if scheme == "hf" else {"callback": progress}
            remote.filesystem.get_file(remote.path, str(path), **watch)
            _require_whole(remote, path)
            break
        except (FileNotFoundError, PermissionError) as error:
            raise ConfigurationError(
                f"{remote.uri}: cannot be read ({error}). Check the URI and your rights."
            ) from error
        except Exception as error:  # every filesystem raises its own types
            if isinstance(error, OSError) and error.filename == str(path):
                raise MachineError(f"{path}: cannot be written ({error.strerror}).") from error
            if attempt == attempts:
                raise ServiceError(f"{remote.uri}: cannot be fetched ({error}).") from error
            wait = _FIRST_WAIT_S * 2 ** (attempt - 1) * random.uniform(0.5, 1)  # noqa: S311
            _log.warning("data: %s: %s; trying again in %.1f s", remote.uri, error, wait)
            time.sleep(wait)
    _log.info("data: fetched %s (%d bytes)", remote.uri, path.stat().st_size)


def _require_whole(remote: Remote, path: Path) -> None:
    expected = remote.state.get("size")
    # A store that unpacks on the way says how much it has, not how much it sends.
    if expected is None or remote.state.get("contentEncoding") or remote.state.get("partial"):
        return
    if path.stat().st_size != expected:
        raise OSError(f"{path.stat().st_size} bytes came of {expected}")
