"""Cloud Storage as the service reads and writes it: the emulator of the environment."""

from __future__ import annotations

import os
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen


def read(uri: str) -> bytes | None:
    """The content of ``gs://bucket/name``; None where there is no such object."""
    bucket, name = _parts(uri)
    url = f"{_address()}/storage/v1/b/{bucket}/o/{quote(name, safe='')}?alt=media"
    try:
        with urlopen(url) as answer:
            content: bytes = answer.read()
            return content
    except HTTPError as error:
        if error.code == 404:
            return None
        raise


def write(uri: str, content: bytes) -> None:
    """Make an object."""
    bucket, name = _parts(uri)
    query = urlencode({"uploadType": "media", "name": name})
    url = f"{_address()}/upload/storage/v1/b/{bucket}/o?{query}"
    urlopen(Request(url, content, {"Content-Type": "application/octet-stream"})).close()


def _parts(uri: str) -> tuple[str, str]:
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    return bucket, name


def _address() -> str:
    return os.environ["STORAGE_EMULATOR_HOST"].rstrip("/")
