"""What a target takes of one file, and which files are beyond it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from tuneline.data.media.mime_types import Modality, modality
from tuneline.data.media.problem import MediaProblem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tuneline.data.media.facts import MediaFacts
    from tuneline.data.schema import File


@dataclass(frozen=True, slots=True)
class MediaLimit:
    """Limits of one modality; none: no limit.

    Attributes:
        size: Most bytes of one file.
        seconds: Longest play time; for video by media resolution, where the key ``default`` stands
            for an example that names none.
        pages: Most pages of PDF in one example.
    """

    size: int | None = None
    seconds: float | Mapping[str, float] | None = None
    pages: int | None = None

    def seconds_at(self, resolution: str | None) -> float | None:
        """Longest play time at a media resolution."""
        if isinstance(self.seconds, Mapping):
            return self.seconds.get(resolution or "default", self.seconds.get("default"))
        return self.seconds


MediaLimits = Mapping[Modality, MediaLimit]


def beyond_limits(
    file: File, facts: MediaFacts, limits: MediaLimits, resolution: str | None
) -> Iterator[MediaProblem]:
    """What of one file is beyond its limits.

    Args:
        file: The file as the data names it, which may be a clip of the whole.
        facts: What was found.
        limits: Limits by modality.
        resolution: Media resolution of the example.
    """
    kind = modality(file.mime_type)
    limit = limits.get(kind) if kind else None
    if limit is None:
        return
    if limit.size is not None and facts.size is not None and facts.size > limit.size:
        yield MediaProblem(
            "too_large_media", f"has {facts.size:,} bytes; {kind} may have {limit.size:,}."
        )
    longest = limit.seconds_at(resolution)
    if longest is None or kind not in ("audio", "video"):
        return
    seconds = played_seconds(file.video_metadata, facts.seconds)
    if seconds is None:
        yield MediaProblem(
            "unknown_media_length", f"tells no duration; {kind} may last {longest:g} seconds."
        )
    elif seconds > longest:
        yield MediaProblem(
            "too_long_media", f"lasts {seconds:.1f} seconds; {kind} may last {longest:g}."
        )


def played_seconds(video_metadata: str | None, whole: float | None) -> float | None:
    """Seconds that are played: of the clip, where ``startOffset`` and ``endOffset`` cut one.

    Args:
        video_metadata: The clip as JSON text, with offsets such as ``"12.5s"``.
        whole: Seconds of the whole file, where known.
    """
    if video_metadata is None:
        return whole
    clip = orjson.loads(video_metadata)
    start = _offset(clip, "startOffset", "start_offset") or 0
    end = _offset(clip, "endOffset", "end_offset")
    if end is None or (whole is not None and end > whole):
        end = whole
    return None if end is None else max(end - start, 0)


def _offset(clip: object, *names: str) -> float | None:
    for name in names:
        value = clip.get(name) if isinstance(clip, dict) else None
        try:
            if isinstance(value, int | float):
                return float(value)
            if isinstance(value, str):
                return float(value.removesuffix("s"))
        except ValueError:
            return None  # what is no number cuts nothing
    return None
