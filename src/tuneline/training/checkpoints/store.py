"""Checkpoints in an object store, so that a run goes on where another machine ended."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from tuneline.errors import ConfigurationError, ServiceError
from tuneline.files import new_folder
from tuneline.training.checkpoints.folder import MANIFEST, name_of, step_of

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from pathlib import Path

logger = logging.getLogger("tuneline")

_TRIES = 4
_FIRST_WAIT_S = 1.0
_DIGEST_DIGITS = 16


class CheckpointStore:
    """A run's checkpoints below a URI.

    Args:
        uri: ``gs://``, ``s3://`` or any other folder of fsspec's.
        run_digest: Digest of all that decides the run's result; names its folder, so that runs
            share a URI and find their own.

    Raises:
        ConfigurationError: The URI's filesystem is not known or not installed.
    """

    def __init__(self, uri: str, run_digest: str) -> None:
        import fsspec

        try:
            self._filesystem, root = fsspec.core.url_to_fs(uri)
        except (ImportError, ValueError) as error:
            raise ConfigurationError(
                f"checkpoint_uri: {uri}: its filesystem cannot be opened ({error}). Install the "
                "extra for this kind of URI, such as tuneline[gcs] or tuneline[s3]."
            ) from error
        self._uri = uri
        self._root = f"{root.rstrip('/')}/{run_digest[:_DIGEST_DIGITS]}"

    def steps(self) -> set[int]:
        """Steps whose checkpoints were uploaded to their end.

        Raises:
            ServiceError: The store does not answer.
        """
        return {step for step, name in self._found() if name == MANIFEST}

    def upload(self, path: Path) -> None:
        """Copy a checkpoint, its manifest last: what has none is not whole.

        Raises:
            ServiceError: The store does not take it.
        """
        files = sorted(path.iterdir(), key=lambda file: file.name == MANIFEST)
        for file in files:
            target = f"{self._root}/{path.name}/{file.name}"
            self._tried("write", lambda: self._filesystem.put_file(str(file), target))  # noqa: B023

    def download(self, step: int, folder: Path) -> None:
        """Copy a step's checkpoint into a folder of this machine, whole or not at all.

        Raises:
            MachineError: The folder cannot be written.
            ServiceError: The store does not answer.
        """
        source = f"{self._root}/{name_of(step)}"
        with new_folder(folder / name_of(step)) as temporary:
            for file in self._tried("list", lambda: self._files(source)):
                target = temporary / file.rsplit("/", 1)[-1]
                self._tried("read", lambda: self._filesystem.get_file(file, str(target)))  # noqa: B023

    def _remove(self, step: int) -> None:
        """Remove a step's checkpoint, its manifest first."""
        source = f"{self._root}/{name_of(step)}"
        files = self._tried("list", lambda: self._files(source))
        for file in sorted(files, key=lambda name: not name.endswith(MANIFEST)):
            self._tried("remove", lambda: self._filesystem.rm_file(file))  # noqa: B023

    def remove_all_but(self, kept: AbstractSet[int]) -> None:
        """Remove every other checkpoint, whole or half copied.

        Raises:
            ServiceError: The store does not answer.
        """
        for step in {step for step, _ in self._found()} - kept:
            self._remove(step)

    def _found(self) -> set[tuple[int, str]]:
        """Every file that is there: its step and its name."""
        found = self._tried("list", lambda: self._files(self._root))
        parts = [file.removeprefix(f"{self._root}/").split("/") for file in found]
        named = ((step_of(first), last) for first, *_, last in parts)
        return {(step, name) for step, name in named if step is not None}

    def _files(self, folder: str) -> list[str]:
        self._filesystem.invalidate_cache()
        try:
            found: list[str] = self._filesystem.find(folder)
        except FileNotFoundError:
            return []
        return found

    def _tried(self, doing: str, call: Any) -> Any:
        """Call, and again after a while where it fails: the clients' own retries come to an end."""
        for attempt in range(_TRIES):
            try:
                return call()
            except Exception as error:  # every filesystem raises its own types
                if attempt == _TRIES - 1:
                    raise ServiceError(
                        f"{self._uri}: checkpoints cannot be {_PAST[doing]} ({error}). Check the "
                        "URI and your rights."
                    ) from error
                time.sleep(_FIRST_WAIT_S * 2**attempt)
        raise AssertionError(doing)  # the last attempt returned or raised


_PAST = {"list": "listed", "write": "written", "read": "read", "remove": "removed"}
