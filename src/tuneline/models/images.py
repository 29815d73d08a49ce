"""Images that examples name, opened for a model's processor."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tuneline.data.media.opening import MediaAccess
from tuneline.data.media.problem import MediaProblem
from tuneline.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from tuneline.data.media.opening import OpenMedia

_KEPT = 512
"""Files whose bytes are kept in memory: of common images about 100 MB."""


class Images:
    """Opens images by URI: files of this machine, ``gs://``, ``s3://``, ``https://``.

    Args:
        folder: Folder that local paths start from and must lie in; None: local paths are refused.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._access = MediaAccess(base=folder)
        self._bytes = lru_cache(maxsize=_KEPT)(self._read)

    def open(self, uri: str) -> Any:
        """An image as RGB pixels, turned as its camera says (`PIL.Image.Image`).

        Raises:
            DataError: It is missing, may not be read, or is no image.
            MachineError: The machine failed.
            ServiceError: A store or server did not answer.
        """
        from PIL import Image, ImageOps, UnidentifiedImageError

        try:
            with Image.open(io.BytesIO(self._bytes(uri))) as image:
                return ImageOps.exif_transpose(image).convert("RGB")
        except MediaProblem as error:
            advice = "" if self._folder else " Set media_folder to the folder of the data file."
            raise DataError(f"{uri}: {error}{advice}") from error
        except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
            raise DataError(f"{uri}: cannot be read as an image: {error}") from error

    def _read(self, uri: str) -> bytes:
        with self._access.open(uri) as media:
            return _whole(media)


def _whole(media: OpenMedia) -> bytes:
    if media.fetch is None or media.size is None:
        raise MediaProblem("unreadable_media", "is on a server that gives no parts of files.")
    return media.fetch(0, media.size)
