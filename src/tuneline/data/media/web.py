"""Files on the web: ranges over HTTP from public addresses, with retries.

Proxies of the environment are not used: a proxy would resolve names itself, and nothing here could
tell where a request ends.
"""

from __future__ import annotations

import http.client
import random
import re
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from functools import cached_property, partial
from typing import IO, TYPE_CHECKING, NamedTuple

from tuneline.data.media.addresses import connect
from tuneline.data.media.problem import MediaProblem
from tuneline.data.media.uris import parse_media_uri
from tuneline.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable
    from email.message import Message

_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
_CONTENT_RANGE = re.compile(r"bytes (?:\d+-\d+|\*)/(\d+)")


class Ranged(NamedTuple):
    """A part of a file: its bytes, the size of the whole, and whether the server gives ranges."""

    content: bytes
    size: int | None
    ranges: bool


@dataclass(frozen=True)
class Web:
    """Reads ranges of URLs.

    Args:
        allow_loopback: Take URLs of this machine, for tests.
        timeout_s: Longest wait for an answer, in seconds.
        attempts: Tries of one request before it counts as failed.
        first_wait_s: Wait after the first failed try, in seconds; it doubles every time.
    """

    allow_loopback: bool = False
    timeout_s: float = 30
    attempts: int = 4
    first_wait_s: float = 0.5

    def get(self, url: str, start: int, end: int) -> Ranged:
        """Fetch the bytes from ``start`` up to and without ``end``.

        A server without ranges answers from the first byte on; no more than ``end`` are read.

        Raises:
            MediaProblem: The file is missing, refused, or at an address that is not opened.
            ServiceError: No usable answer, try after try.
        """
        wait = self.first_wait_s
        for left in reversed(range(self.attempts)):
            try:
                return self._once(url, start, end)
            except ServiceError:
                if not left:
                    raise
            time.sleep(wait * random.uniform(0.5, 1.5))  # noqa: S311 - no secret: spreads retries
            wait *= 2
        raise ServiceError("no try was allowed.")

    def _once(self, url: str, start: int, end: int) -> Ranged:
        headers = {
            "Range": f"bytes={start}-{end - 1}",
            "Accept-Encoding": "identity",
            "User-Agent": "tuneline",
        }
        request = urllib.request.Request(url, headers=headers)  # noqa: S310 - parsed before
        try:
            with self._opener.open(request, timeout=self.timeout_s) as answer:
                return _ranged(answer, start, end)
        except urllib.error.HTTPError as error:
            with error:
                return _refusal(error)
        except urllib.error.URLError as error:
            raise ServiceError(f"cannot be reached ({error.reason}).") from error
        except (OSError, http.client.HTTPException) as error:
            raise ServiceError(f"stopped answering ({error or type(error).__name__}).") from error

    @cached_property
    def _opener(self) -> urllib.request.OpenerDirector:
        opener = urllib.request.OpenerDirector()
        plain = partial(_Connection, allow_loopback=self.allow_loopback)
        secure = partial(_SecureConnection, allow_loopback=self.allow_loopback)
        for handler in (
            _Handler(plain, secure),
            _Redirects(allow_loopback=self.allow_loopback),
            urllib.request.HTTPErrorProcessor(),
            urllib.request.HTTPDefaultErrorHandler(),
        ):
            opener.add_handler(handler)
        return opener


class _Connection(http.client.HTTPConnection):
    def __init__(self, host: str, *, timeout: float, allow_loopback: bool) -> None:
        super().__init__(host, timeout=timeout)
        self._allow_loopback = allow_loopback

    def connect(self) -> None:
        self.sock = connect(
            self.host,
            self.port,
            timeout_s=self.timeout or 0,
            allow_loopback=self._allow_loopback,
        )


class _SecureConnection(_Connection):
    default_port = http.client.HTTPS_PORT

    def connect(self) -> None:
        super().connect()
        context = ssl.create_default_context()
        self.sock = context.wrap_socket(self.sock, server_hostname=self.host)


class _Handler(urllib.request.AbstractHTTPHandler):
    def __init__(
        self, plain: Callable[..., _Connection], secure: Callable[..., _Connection]
    ) -> None:
        super().__init__()
        self._plain = plain
        self._secure = secure

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._plain, request)

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._secure, request)

    http_request = https_request = urllib.request.AbstractHTTPHandler.do_request_


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to what the data itself might have named."""

    def __init__(self, *, allow_loopback: bool) -> None:
        self._allow_loopback = allow_loopback

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message,
        newurl: str,
    ) -> urllib.request.Request | None:
        target = parse_media_uri(newurl, allow_loopback=self._allow_loopback)
        request = super().redirect_request(req, fp, code, msg, headers, target.path)  # type: ignore[arg-type]
        if request is not None:
            request.headers.update(req.headers)
        return request


def _ranged(answer: http.client.HTTPResponse, start: int, end: int) -> Ranged:
    if answer.status == http.client.PARTIAL_CONTENT:
        found = _CONTENT_RANGE.match(answer.headers.get("Content-Range", ""))
        size = int(found[1]) if found else None
        content = answer.read(end - start)
        if not content:
            raise ServiceError("stopped answering (it sent nothing).")
        return Ranged(content, size, ranges=found is not None)
    length = answer.headers.get("Content-Length", "")
    content = answer.read(end)
    return Ranged(content[start:], int(length) if length.isdecimal() else None, ranges=False)


def _refusal(error: urllib.error.HTTPError) -> Ranged:
    """What an answer with an error status means; an empty file has no range to give."""
    if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
        found = _CONTENT_RANGE.match(error.headers.get("Content-Range", ""))
        if found and int(found[1]) == 0:
            return Ranged(b"", 0, ranges=True)
    if http.client.MULTIPLE_CHOICES <= error.code < http.client.BAD_REQUEST:
        raise MediaProblem("bad_media_uri", "redirects in a circle, or to what is no URL.")
    if error.code in (http.client.NOT_FOUND, http.client.GONE):
        raise MediaProblem("missing_media", "is not there (the server says 404 or 410).")
    if error.code in _TRANSIENT:
        raise ServiceError(f"cannot be fetched now (the server says {error.code}).") from error
    raise MediaProblem("unreadable_media", f"cannot be read (the server says {error.code}).")
