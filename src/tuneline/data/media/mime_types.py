"""MIME types: whether they are well formed, what they mean, and what bytes and suffixes say."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import urlsplit

Modality = Literal["image", "audio", "video", "document"]

HEAD_BYTES = 4096
"""Bytes at a file's start that tell its type."""

_MIME_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
_PREFIXES: dict[str, Modality] = {"image": "image", "audio": "audio", "video": "video"}
_DOCUMENTS = frozenset({"application/pdf", "text/plain"})

# Names of one container. Its first bytes tell no more: an MP4 may hold sound alone.
_CONTAINERS = {
    name: names[0]
    for names in (
        ("image/jpeg", "image/jpg", "image/pjpeg"),
        ("image/png", "image/x-png", "image/apng"),
        ("image/heic", "image/heif", "image/heic-sequence", "image/heif-sequence"),
        ("image/bmp", "image/x-ms-bmp"),
        ("image/x-icon", "image/vnd.microsoft.icon"),
        ("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"),
        ("audio/mpeg", "audio/mp3", "audio/x-mp3", "audio/mpga", "audio/x-mpeg"),
        ("audio/flac", "audio/x-flac"),
        ("audio/aac", "audio/x-aac", "audio/aacp"),
        ("audio/aiff", "audio/x-aiff"),
        ("audio/ogg", "audio/opus", "audio/vorbis", "application/ogg", "video/ogg"),
        (
            "video/mp4", "video/quicktime", "video/mov", "video/x-m4v", "video/3gpp",
            "video/3gpp2", "audio/mp4", "audio/m4a", "audio/x-m4a", "audio/3gpp",
        ),
        ("video/webm", "audio/webm", "video/x-matroska", "audio/x-matroska", "video/matroska"),
        ("video/mpeg", "video/mpg", "video/mpegps", "video/mpgs"),
        ("video/x-msvideo", "video/avi", "video/msvideo"),
        ("video/x-ms-wmv", "video/wmv", "audio/x-ms-wma", "video/x-ms-asf"),
        ("video/x-flv", "video/flv"),
    )
    for name in names
}  # fmt: skip

# Types whose every file begins with a signature that is known here: other bytes are another type.
_SIGNED = frozenset(
    {
        "image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", "image/tiff",
        "audio/wav", "audio/flac", "audio/ogg", "audio/aiff", "video/mp4", "video/webm",
        "video/x-msvideo", "application/pdf",
    }
)  # fmt: skip

_SUFFIXES = {
    ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp",
    ".gif": "image/gif", ".bmp": "image/bmp", ".tif": "image/tiff", ".tiff": "image/tiff",
    ".heic": "image/heic", ".heif": "image/heif", ".avif": "image/avif", ".svg": "image/svg+xml",
    ".wav": "audio/wav", ".mp3": "audio/mpeg", ".flac": "audio/flac", ".aac": "audio/aac",
    ".aif": "audio/aiff", ".aiff": "audio/aiff", ".ogg": "audio/ogg", ".oga": "audio/ogg",
    ".opus": "audio/ogg", ".m4a": "audio/mp4", ".mp4": "video/mp4", ".m4v": "video/mp4",
    ".mov": "video/quicktime", ".3gp": "video/3gpp", ".webm": "video/webm",
    ".mkv": "video/x-matroska", ".mpeg": "video/mpeg", ".mpg": "video/mpeg",
    ".avi": "video/x-msvideo", ".wmv": "video/x-ms-wmv", ".flv": "video/x-flv",
    ".pdf": "application/pdf", ".txt": "text/plain", ".htm": "text/html", ".html": "text/html",
    ".json": "application/json", ".zip": "application/zip",
}  # fmt: skip


def plain(mime_type: str) -> str:
    """The type in lower case, without parameters such as ``; codecs=opus``."""
    return mime_type.partition(";")[0].strip().lower()


def is_mime_type(mime_type: str) -> bool:
    """Whether the text has the form ``type/subtype`` of RFC 6838."""
    return _MIME_TYPE.fullmatch(plain(mime_type)) is not None


def modality(mime_type: str) -> Modality | None:
    """What a file of this type is to a model; none for a type that is no media type."""
    name = plain(mime_type)
    if _MIME_TYPE.fullmatch(name) is None:
        return None
    if name in _DOCUMENTS:
        return "document"
    return _PREFIXES.get(name.partition("/")[0])


def same_type(first: str, second: str) -> bool:
    """Whether two types name the same container, such as ``audio/x-wav`` and ``audio/wav``."""
    return _container(first) == _container(second)


def type_of_suffix(uri: str) -> str | None:
    """The type that the suffix of a path or URI stands for; none where it stands for none."""
    path = urlsplit(uri).path if uri.lower().startswith(("http://", "https://")) else uri
    return _SUFFIXES.get(PurePosixPath(path).suffix.lower())


def type_of_content(head: bytes) -> str | None:
    """The type that the first `HEAD_BYTES` of a file tell; none where they tell none."""
    if b"%PDF-" in head[:1024]:  # readers take a PDF that begins a little later
        return "application/pdf"
    import filetype  # of the extra `media`, which only a look at contents needs

    kind = filetype.guess(head)
    if kind is not None:
        return str(kind.mime)
    # Writers of MP4 put in brands that no list has.
    return "video/mp4" if head[4:8] == b"ftyp" else None


def contradicts(declared: str, content: str | None) -> bool:
    """Whether the bytes of a file speak against the type that was declared.

    Args:
        declared: Type that the data gives.
        content: What `type_of_content` said; for none, only types with a known signature can be
            contradicted.
    """
    if content is None:
        return _container(declared) in _SIGNED
    return not same_type(declared, content)


def _container(mime_type: str) -> str:
    name = plain(mime_type)
    return _CONTAINERS.get(name, name)
