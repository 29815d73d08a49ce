"""Local media into a bucket, under names made of their content.

Equal files have one object, two runs give the same names, and a run that stopped goes on where it
was: what is there with the right size is not sent again. Stores show an object only when all of it
has arrived, so no temporary names are needed. Two processes that meet the same file at the same
moment may both send it: the same bytes under the same name.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from tuneline.data.checks.rule import Hit
from tuneline.data.media.concurrency import DeadlineError, Item, Result, each
from tuneline.data.media.local_files import find_local, open_local
from tuneline.data.media.placed import files_of
from tuneline.data.media.problem import MediaProblem
from tuneline.data.media.remembered import Remembered
from tuneline.data.media.stores import object_size, open_store, store_failure
from tuneline.data.media.uris import (
    is_local_media,
    parse_media_uri,
    require_bucket,
    shown,
)
from tuneline.errors import ConfigurationError, DataError, ServiceError, TunelineError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tuneline.data.batch import Batch
    from tuneline.data.schema import Example, Part, Turn

REMEMBERED = 65_536
"""Files whose object one process remembers, so that they are neither read nor asked for again."""

_SUFFIX = re.compile(r"\.[a-z0-9]{1,8}")
# A multiple of 256 KiB, as gs:// asks, and at least 5 MiB, as s3:// asks.
_CHUNK_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What became of local files: their object by URI, or why they were not sent."""

    objects: dict[str, str]
    problems: dict[str, MediaProblem]


class _State(NamedTuple):
    """What of a file changes when its content does."""

    path: Path
    size: int
    changed_ns: int


class _Named(NamedTuple):
    """A file and the name of its object, without the store."""

    state: _State
    name: str


class MediaUploader:
    """Uploads local media; one a worker process.

    Args:
        destination: ``gs://bucket/prefix`` or ``s3://bucket/prefix``.
        concurrency: Files at one time at most; each holds up to 16 MiB of memory.
        deadline_s: Seconds for the files of one batch.

    Raises:
        ConfigurationError: ``destination`` is no bucket.
    """

    def __init__(self, destination: str, *, concurrency: int = 4, deadline_s: float = 3600) -> None:
        try:
            self._scheme, self._folder = require_bucket(destination)
        except MediaProblem as problem:
            raise ConfigurationError(f"media_upload: {shown(destination)} {problem}") from None
        self._concurrency = concurrency
        self._deadline_s = deadline_s
        self._names: Remembered[_State, str] = Remembered(REMEMBERED)
        self._there: Remembered[str, bool] = Remembered(REMEMBERED)

    def apply(self, batch: Batch, base: Path | None) -> tuple[list[Example], list[Hit]]:
        """Upload the local files of a batch and put their objects in their place.

        Args:
            batch: Examples of one source.
            base: Folder of that source, where it is a local file.

        Returns:
            The examples with new URIs, and a hit for each file that could not be uploaded.

        Raises:
            ServiceError: The store failed, or the deadline passed.
            DataError: A file changed while it was uploaded.
        """
        placed = [place for place in files_of(batch) if is_local_media(place.file.uri)]
        if not placed:
            return list(batch.examples), []
        uploaded = self.upload([place.file.uri for place in placed], base)
        hits = [
            Hit(place.index, problem.code, place.field(batch), f"{shown(uri)} {problem.message}")
            for place in placed
            if (problem := uploaded.problems.get(uri := place.file.uri)) is not None
        ]
        return rewrite(batch.examples, uploaded.objects), hits

    def missing(self, batch: Batch, base: Path | None) -> Iterator[Hit]:
        """Look the local files of a batch up, and yield those that could not be uploaded."""
        placed = [place for place in files_of(batch) if is_local_media(place.file.uri)]
        _, problems = _found((place.file.uri for place in placed), base)
        for place in placed:
            if (problem := problems.get(place.file.uri)) is not None:
                message = f"{shown(place.file.uri)} {problem.message}"
                yield Hit(place.index, problem.code, place.field(batch), message)

    def upload(
        self,
        uris: Iterable[str],
        base: Path | None,
        *,
        progress: Callable[[int], None] | None = None,
    ) -> Uploaded:
        """Upload every distinct content once.

        Args:
            uris: Paths and ``file://`` URIs; others are left out.
            base: Folder that relative paths start from and that every file must lie in.
            progress: Called with the number of objects that are there, after each.

        Raises:
            ServiceError: The store failed, or the deadline passed; says for how many.
            DataError: A file changed while it was uploaded.
        """
        end = time.monotonic() + self._deadline_s
        by_path, problems = _found(uris, base)
        objects: dict[str, str] = {}
        distinct: dict[str, _Named] = {}
        for path, named in self._calls(self._named, by_path, end):
            if isinstance(named, MediaProblem):
                problems.update(dict.fromkeys(by_path[path], named))
                continue
            self._names[named.state] = named.name
            distinct.setdefault(named.name, named)
            for uri in by_path[path]:
                objects[uri] = f"{self._scheme}://{named.name}"
        new = [named for named in distinct.values() if named.name not in self._there]
        for done, (named, _) in enumerate(self._calls(self._put, new, end), start=1):
            self._there[named.name] = True
            if progress is not None:
                progress(done)
        return Uploaded(objects, problems)

    def _calls(
        self, function: Callable[[Item], Result], items: Collection[Item], end: float
    ) -> Iterator[tuple[Item, Result]]:
        """Call many at once; the first failure ends it."""
        left = len(items)
        seconds = end - time.monotonic()
        try:
            for item, outcome in each(
                function, items, concurrency=self._concurrency, deadline_s=seconds
            ):
                if isinstance(outcome, ServiceError):
                    raise self._failure(str(outcome), left) from outcome
                if isinstance(outcome, TunelineError):
                    raise outcome
                left -= 1
                yield item, outcome
        except DeadlineError:
            reason = f"{self._deadline_s:g} seconds were not enough."
            raise self._failure(reason, left) from None

    def _failure(self, reason: str, left: int) -> ServiceError:
        return ServiceError(
            f"{left} media files are not in {self._scheme}://{self._folder} yet. {reason} Run "
            "again: what has arrived is not sent again."
        )

    def _named(self, path: Path) -> _Named | MediaProblem:
        """Read a file for the name of its object."""
        try:
            with open_local(path) as file:
                state = _state(path, os.fstat(file.fileno()))
                known = self._names.get(state)
                if known is not None:
                    return _Named(state, known)
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except MediaProblem as problem:
            return problem
        suffix = path.suffix.lower()
        suffix = suffix if _SUFFIX.fullmatch(suffix) else ""
        return _Named(state, f"{self._folder}/{digest[:2]}/{digest}{suffix}")

    def _put(self, named: _Named) -> None:
        """Send a file unless an object of its name and size is there."""
        scheme, state, name = self._scheme, named.state, named.name
        try:
            if object_size(scheme, name) == state.size:
                return
        except MediaProblem as problem:
            if problem.code != "missing_media":
                raise ServiceError(f"{scheme}://{name} {problem}") from problem
        try:
            open_store(scheme).put_file(str(state.path), name, chunksize=_CHUNK_BYTES)
        except Exception as error:
            failure = store_failure(error)
            if isinstance(failure, MediaProblem):  # no bucket, or no right to write
                raise ServiceError(f"{scheme}://{name} cannot be written ({error}).") from error
            raise failure from error
        if not _is_unchanged(state):
            open_store(scheme).rm_file(name)  # it may not hold what its name says
            raise DataError(f"{state.path}: changed while it was uploaded. Run again.")


def rewrite(examples: Sequence[Example], objects: Mapping[str, str]) -> list[Example]:
    """The examples with the URIs of their files replaced.

    Args:
        examples: Left as they are; those without such a file are returned themselves.
        objects: New URI by old one.
    """
    return [_rewritten(example, objects) for example in examples]


def _rewritten(example: Example, objects: Mapping[str, str]) -> Example:
    if not any(
        part.file is not None and part.file.uri in objects
        for turn in example.turns
        for part in turn.parts
    ):
        return example

    def new_part(part: Part) -> Part:
        if part.file is None or part.file.uri not in objects:
            return part
        file = msgspec.structs.replace(part.file, uri=objects[part.file.uri])
        return msgspec.structs.replace(part, file=file)

    def new_turn(turn: Turn) -> Turn:
        return msgspec.structs.replace(turn, parts=tuple(map(new_part, turn.parts)))

    return msgspec.structs.replace(example, turns=tuple(map(new_turn, example.turns)))


def _found(
    uris: Iterable[str], base: Path | None
) -> tuple[dict[Path, list[str]], dict[str, MediaProblem]]:
    """The URIs by the real path that they lead to, and those that lead to none."""
    by_path: dict[Path, list[str]] = {}
    problems: dict[str, MediaProblem] = {}
    for uri in filter(is_local_media, dict.fromkeys(uris)):
        try:
            path = parse_media_uri(uri).path
            by_path.setdefault(find_local(path, base), []).append(uri)
        except MediaProblem as problem:
            problems[uri] = problem
    return by_path, problems


def _state(path: Path, found: os.stat_result) -> _State:
    return _State(path, found.st_size, found.st_mtime_ns)


def _is_unchanged(state: _State) -> bool:
    try:
        return _state(state.path, state.path.stat()) == state
    except OSError:
        return False
