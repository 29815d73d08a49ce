"""What one media file is: size, type by content, duration, pages."""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pypdf
import tinytag

from tuneline.data.media.mime_types import modality, type_of_content
from tuneline.data.media.problem import MediaProblem
from tuneline.data.media.ranges import BUFFER_BYTES, RangeStream

if TYPE_CHECKING:
    from tuneline.data.media.opening import MediaAccess, OpenMedia

MAX_READ_BYTES = 16 * 1024 * 1024
"""Bytes of one file that are fetched at most to learn its duration or pages."""

MAX_PDF_BYTES = 64 * 1024 * 1024
"""A larger PDF is not opened; its pages stay unknown."""


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """What was found behind a URI.

    Attributes:
        size: Bytes; none where a server does not tell.
        mime_type: Type that the content tells; none where it tells none.
        seconds: Duration of audio and video; none where it cannot be told, as in WebM.
        pages: Pages of a PDF as its page tree counts them; none for others and large ones.
        problem: Why nothing, or not everything, is known.
    """

    size: int | None = None
    mime_type: str | None = None
    seconds: float | None = None
    pages: int | None = None
    problem: MediaProblem | None = None


def read_facts(uri: str, mime_type: str, access: MediaAccess) -> MediaFacts:
    """Look at one file: its head, and as much as its duration or pages need.

    Args:
        uri: The file.
        mime_type: What the data says it is, which counts where the content tells nothing.
        access: How it is opened.

    Raises:
        ServiceError: A service failed, so nothing is known.
        MachineError: This machine failed.
    """
    try:
        with access.open(uri) as media:
            return _facts(media, mime_type)
    except MediaProblem as problem:
        return MediaFacts(problem=problem)


def _facts(media: OpenMedia, mime_type: str) -> MediaFacts:
    content = type_of_content(media.head)
    kind = content or mime_type
    seconds = pages = problem = None
    if media.fetch is not None and media.size:
        if modality(kind) in ("audio", "video"):
            seconds = _seconds(RangeStream(media.fetch, media.size, MAX_READ_BYTES))
        elif kind == "application/pdf" and media.size <= MAX_PDF_BYTES:
            pages, problem = _pages(RangeStream(media.fetch, media.size, MAX_PDF_BYTES))
    return MediaFacts(media.size, content, seconds, pages, problem)


def _seconds(stream: RangeStream) -> float | None:
    reader = io.BufferedReader(stream, BUFFER_BYTES)
    try:
        tag = tinytag.TinyTag.get(file_obj=reader, tags=False)
    except tinytag.TinyTagException:
        if stream.failure is not None:
            raise stream.failure from None
        return None  # a container that it does not read, or a damaged one
    return tag.duration or None


def _pages(stream: RangeStream) -> tuple[int | None, MediaProblem | None]:
    reader = io.BufferedReader(stream, BUFFER_BYTES)
    # pypdf logs every oddity of a file, which may hold text of the file.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        document = pypdf.PdfReader(reader)
        # The page tree's own count: walking the tree would fetch every page.
        count = document.root_object["/Pages"]["/Count"]  # type: ignore[index]
        return int(count), None
    except Exception:  # noqa: BLE001 - a damaged file makes it raise any type there is
        if stream.failure is not None:
            raise stream.failure from None
        return None, MediaProblem("unreadable_media", "is no PDF that can be read; save it anew.")
