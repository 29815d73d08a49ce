"""Media URIs of untrusted data: read without touching anything, and refused unless known safe."""

from __future__ import annotations

import ipaddress
import posixpath
import re
import socket
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, quote, unquote, urlsplit

from tuneline.data.media.addresses import is_loopback, is_public
from tuneline.data.media.problem import MediaProblem

Scheme = Literal["gs", "s3", "https", "http", "local"]

MAX_URI_CHARS = 2048

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_PRIVATE_NAMES = ("localhost", "local", "internal", "home.arpa", "lan", "intranet")
_SHOWN_CHARS = 200


@dataclass(frozen=True, slots=True)
class MediaUri:
    """Where a media file is.

    ``path`` is ``bucket/name`` in a store, the whole URL on the web, and a path of this machine,
    relative to the source's folder, for a local file.
    """

    scheme: Scheme
    path: str


def parse_media_uri(uri: str, *, allow_loopback: bool = False) -> MediaUri:
    """Read a media URI; nothing is opened or resolved.

    Args:
        uri: ``gs://``, ``s3://``, ``https://`` or ``file://`` URI, or a path.
        allow_loopback: Take ``http://`` and ``https://`` URLs of this machine, for tests.

    Raises:
        MediaProblem: ``bad_media_uri``: it is malformed, or of a kind that is not opened.
    """
    if not uri or len(uri) > MAX_URI_CHARS:
        raise _bad(f"has {len(uri)} characters; a media URI has 1 to {MAX_URI_CHARS}.")
    if not uri.isprintable() or uri != uri.strip():
        raise _bad("holds a character that does not print, or a space at an end; take it out.")
    found = _SCHEME.match(uri)
    scheme = found[1].lower() if found else "local"
    match scheme:
        case "local":
            return MediaUri("local", _local(uri))
        case "file":
            return MediaUri("local", _from_file_uri(uri))
        case "gs" | "s3":
            return MediaUri("gs" if scheme == "gs" else "s3", _in_store(uri))
        case "https" | "http":
            url = _on_the_web(uri, allow_loopback=allow_loopback)
            return MediaUri("https" if scheme == "https" else "http", url)
        case "data":
            raise _bad(
                "is a data: URI. Keep the file beside the data or in a bucket, and give its path."
            )
        case _:
            raise _bad(
                f"has the scheme {scheme[:20]}:, which is not opened. Use gs://, s3://, https://, "
                "file:// or a path (write ./ before a file name with a colon)."
            )


def is_local_media(uri: str) -> bool:
    """Whether ``uri`` is a path or a ``file://`` URI."""
    found = _SCHEME.match(uri)
    return found is None or found[1].lower() == "file"


def shown(uri: str) -> str:
    """The URI for a message: without user name, password and query, which may be secret; short."""
    text = re.sub(r"(?<=://)[^/?#]*@", "", uri.partition("?")[0].partition("#")[0])
    if text[:5].lower() == "data:":
        text = "data:"
    text = text.encode("unicode_escape").decode("ascii")
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "..."


def require_bucket(uri: str) -> tuple[Scheme, str]:
    """Read the URI of a folder in a bucket: its scheme, and ``bucket/prefix`` without a slash.

    Raises:
        MediaProblem: ``bad_media_uri``: it names no bucket of gs:// or s3://.
    """
    found = _SCHEME.match(uri)
    scheme = found[1].lower() if found else ""
    if scheme not in ("gs", "s3") or not uri.isprintable():
        raise _bad("is no bucket; give gs://bucket/prefix or s3://bucket/prefix.")
    bucket, _, prefix = _after_slashes(uri).rstrip("/").partition("/")
    _require_bucket_name(bucket)
    if prefix:
        _require_steps(prefix)
    return "gs" if scheme == "gs" else "s3", f"{bucket}/{prefix}".rstrip("/")


def _local(path: str) -> str:
    if "\0" in path:  # percent-decoded from a file:// URI
        raise _bad("holds a NUL.")
    if "\\" in path:
        raise _bad("holds a backslash; write / between folders.")
    if path.startswith("~"):
        raise _bad("begins with ~, which is not expanded; give the path from the data file.")
    if posixpath.normpath(path).split("/")[0] == "..":
        raise _bad("leaves the folder of the data file; keep media beside or below it.")
    return path


def _from_file_uri(uri: str) -> str:
    parts = urlsplit(uri)
    if parts.netloc.lower() not in ("", "localhost"):
        raise _bad("names another machine; a file:// URI is file:///path.")
    if parts.query or parts.fragment:
        raise _bad("holds ? or #; write them as %3F and %23.")
    path = unquote(parts.path)
    if not path.startswith("/"):
        raise _bad("is no absolute path; a file:// URI is file:///path.")
    if not path.isprintable():
        raise _bad("holds a character that does not print; take it out.")
    return _local(path)


def _in_store(uri: str) -> str:
    bucket, _, name = _after_slashes(uri).partition("/")
    _require_bucket_name(bucket)
    if not name or name.endswith("/"):
        raise _bad("names no object of its bucket; give gs://bucket/name or s3://bucket/name.")
    _require_steps(name)
    return f"{bucket}/{name}"


def _after_slashes(uri: str) -> str:
    _, _, rest = uri.partition(":")
    if not rest.startswith("//"):
        raise _bad("lacks the // after its scheme.")
    return rest[2:]


def _require_bucket_name(bucket: str) -> None:
    if _BUCKET.fullmatch(bucket) is None or _address(bucket) is not None:
        raise _bad("does not begin with the name of a bucket.")


def _require_steps(name: str) -> None:
    if any(step in ("", ".", "..") for step in name.split("/")):
        raise _bad("holds an empty step, . or .. in its path; write the object's real name.")


def _on_the_web(uri: str, *, allow_loopback: bool) -> str:
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError as error:
        raise _bad(f"is no URL ({error}).") from error
    if "\\" in uri or port == 0:
        raise _bad("is no URL: it holds a backslash or port 0.")
    if parts.username is not None or parts.password is not None:
        raise _bad("holds a user name or password, which would end up in every output.")
    loopback = _require_host(parts.hostname or "", allow_loopback=allow_loopback)
    if parts.scheme.lower() == "http" and not loopback:
        raise _bad("is http://, which anyone on the way can change; use https://.")
    return _quoted(parts)


def _require_host(host: str, *, allow_loopback: bool) -> bool:
    """Refuse hosts that are not on the public internet; return whether this is a loopback."""
    name = host.rstrip(".").lower()
    address = _address(name)
    if address is not None:
        if is_loopback(address):
            if allow_loopback:
                return True
        elif is_public(address):
            return False
        raise _bad("names a private, local or reserved address, which is not opened.")
    if not name.isascii() or not re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*", name):
        raise _bad("has no valid host name; write an international one as xn--.")
    if name == "localhost" and allow_loopback:
        return True
    if "." not in name or name.endswith(tuple(f".{last}" for last in _PRIVATE_NAMES)):
        raise _bad("names a host of a private network, which is not opened.")
    return False


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host is written as, old notations such as 0x7f.1 and 2130706433 too."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return None


def _quoted(parts: SplitResult) -> str:
    """The URL without its fragment, with other than ASCII characters of the path encoded."""
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    return parts._replace(path=path, query=query, fragment="").geturl()


def _bad(message: str) -> MediaProblem:
    return MediaProblem("bad_media_uri", message)
