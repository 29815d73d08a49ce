"""Looks at the media behind the URIs of a batch: each file once, many at a time.

Memory stays bounded: files are looked at batch by batch in the process that reads the batch, and
what was found is remembered for the last `REMEMBERED` files of that process. A file that many
batches share is looked at again only by another process, or after that many others.
"""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING

from tuneline.data.checks.rule import Hit
from tuneline.data.media.concurrency import DeadlineError, each
from tuneline.data.media.facts import MediaFacts, read_facts
from tuneline.data.media.limits import MediaLimits, beyond_limits
from tuneline.data.media.mime_types import contradicts
from tuneline.data.media.opening import MediaAccess
from tuneline.data.media.placed import Placed, files_of
from tuneline.data.media.problem import MediaProblem
from tuneline.data.media.remembered import Remembered
from tuneline.data.media.uris import shown
from tuneline.data.media.web import Web
from tuneline.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from tuneline.data.batch import Batch
    from tuneline.data.schema import File
    from tuneline.errors import TunelineError

REMEMBERED = 65_536
"""Files of which one process remembers what it found: about 20 MiB."""

MAX_FAILURES = 5
"""Failed files after which the rest are not tried: the service or the network is down."""


def inspect_media(
    uris: Iterable[tuple[str, str]],
    *,
    access: MediaAccess | None = None,
    concurrency: int = 16,
    deadline_s: float = 900,
    progress: Callable[[int], None] | None = None,
) -> dict[str, MediaFacts]:
    """Look at every distinct file once.

    Args:
        uris: Pairs of URI and MIME type; the first type given for a URI counts.
        access: How they are opened; by default, not from this machine.
        concurrency: Files at one time at most.
        deadline_s: Seconds for all of them.
        progress: Called with the number of files done.

    Returns:
        What was found, by URI, in their order. A missing or refused file is a finding.

    Raises:
        ServiceError: A service failed or the deadline passed; says for how many.
    """
    types = _first_types(uris)
    found, failures = dict[str, MediaFacts](), list[str]()
    look = partial(_look, access=access or MediaAccess())
    calls = each(look, types.items(), concurrency=concurrency, deadline_s=deadline_s)
    try:
        for done, ((uri, _), outcome) in enumerate(calls, start=1):
            if isinstance(outcome, MediaFacts):
                found[uri] = outcome
            else:
                failures.append(f"{shown(uri)} {_service_failure(outcome)}")
            if progress is not None:
                progress(done)
            if len(failures) >= MAX_FAILURES:
                break
    except DeadlineError:
        failures.append(f"{deadline_s:g} seconds were not enough.")
    return _all_found(types, found, failures)


def _all_found(
    types: dict[str, str], found: dict[str, MediaFacts], failures: list[str]
) -> dict[str, MediaFacts]:
    if failures:
        raise ServiceError(
            f"{len(types) - len(found)} of {len(types)} media files could not be looked at, so "
            f"nothing is known of them. First: {failures[0]} Run again, or set media to off."
        )
    return {uri: found[uri] for uri in types}


def _service_failure(error: TunelineError) -> ServiceError:
    """The error, if it is one of a service; others end the run at once."""
    if isinstance(error, ServiceError):
        return error
    raise error


def _first_types(uris: Iterable[tuple[str, str]]) -> dict[str, str]:
    types: dict[str, str] = {}
    for uri, mime_type in uris:
        types.setdefault(uri, mime_type)
    return types


def _look(item: tuple[str, str], access: MediaAccess) -> MediaFacts:
    return read_facts(*item, access)


class MediaInspector:
    """Checks what is behind the URIs of a batch; one a worker process.

    Args:
        limits: Limits by modality; without, sizes and lengths are not judged.
        web: How URLs are read.
        concurrency: Files at one time at most.
        deadline_s: Seconds for the files of one batch.
    """

    def __init__(
        self,
        limits: MediaLimits | None = None,
        *,
        web: Web | None = None,
        concurrency: int = 16,
        deadline_s: float = 900,
    ) -> None:
        self._limits = limits or {}
        self._web = web or Web()
        self._concurrency = concurrency
        self._deadline_s = deadline_s
        self._known: Remembered[bytes, MediaFacts] = Remembered(REMEMBERED)

    def check(self, batch: Batch, base: Path | None = None) -> Iterator[Hit]:
        """Look at the files of a batch and yield what is wrong with them.

        Args:
            batch: Examples of one source.
            base: Folder of that source, where it is a local file.

        Raises:
            ServiceError: A service or the network failed, or the deadline passed.
            MachineError: This machine failed.
        """
        placed = list(files_of(batch))
        facts = self._facts([each_file.file for each_file in placed], base)
        pages: dict[int, int] = {}
        for place in placed:
            found = facts[place.file.uri]
            pages[place.index] = pages.get(place.index, 0) + (found.pages or 0)
            resolution = batch.examples[place.index].media_resolution
            for problem in self._problems(place.file, found, resolution):
                yield _hit(batch, place, problem)
        yield from self._too_many_pages(pages)

    def _facts(self, files: list[File], base: Path | None) -> dict[str, MediaFacts]:
        """What is known of the files; unknown ones are looked at."""
        facts: dict[str, MediaFacts] = {}
        unknown: dict[str, str] = {}
        for file in files:
            known = self._known.get(_key(file.uri, base))
            if known is None:
                unknown.setdefault(file.uri, file.mime_type)
            else:
                facts[file.uri] = known
        if unknown:
            found = inspect_media(
                unknown.items(),
                access=MediaAccess(base, self._web),
                concurrency=self._concurrency,
                deadline_s=self._deadline_s,
            )
            for uri, fact in found.items():
                self._known[_key(uri, base)] = fact
            facts.update(found)
        return facts

    def _problems(
        self, file: File, facts: MediaFacts, resolution: str | None
    ) -> Iterator[MediaProblem]:
        if facts.problem is not None:
            yield facts.problem
            return
        if facts.size == 0:
            yield MediaProblem("empty_media", "is empty: it has no byte.")
            return
        if contradicts(file.mime_type, facts.mime_type):
            content = facts.mime_type or "nothing that is known"
            yield MediaProblem(
                "mime_not_content", f"is declared as {file.mime_type[:80]!r}, but holds {content}."
            )
        yield from beyond_limits(file, facts, self._limits, resolution)

    def _too_many_pages(self, pages: dict[int, int]) -> Iterator[Hit]:
        limit = self._limits.get("document")
        if limit is None or limit.pages is None:
            return
        for index, count in pages.items():
            if count > limit.pages:
                message = f"{count:,} pages of PDF; an example may have {limit.pages:,}."
                yield Hit(index, "too_long_media", "", message)


def _hit(batch: Batch, place: Placed, problem: MediaProblem) -> Hit:
    message = f"{shown(place.file.uri)} {problem.message}"
    return Hit(place.index, problem.code, place.field(batch), message)


def _key(uri: str, base: Path | None) -> bytes:
    return hashlib.blake2b(f"{base}\0{uri}".encode(), digest_size=16).digest()
