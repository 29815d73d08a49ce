"""The catalogue's limits of single media files, in the form that the checks of media take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneline.data.media.limits import MediaLimit, MediaLimits

if TYPE_CHECKING:
    from tuneline.data.targets.catalogue import ModelEntry


def media_limits(entry: ModelEntry) -> MediaLimits:
    """Size, length and pages by modality; what is unknown is no limit.

    Args:
        entry: The target.
    """
    return {
        kind: MediaLimit(
            size=None if isinstance(limit.bytes, str) else limit.bytes,
            seconds=limit.seconds,
            pages=None if isinstance(limit.pages, str) else limit.pages,
        )
        for kind, limit in entry.media.items()
        if kind != "text"
    }
