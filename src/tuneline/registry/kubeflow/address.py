"""Where a server of Kubeflow Model Registry is, as the setting ``registry`` says it."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from tuneline.errors import ConfigurationError

TOKEN_VARIABLE = "KF_PIPELINES_SA_TOKEN_PATH"  # noqa: S105 - a name, no token
"""Environment variable that names the file with the token; the registry's own client reads it."""

_SECURE = "kubeflow://"
_PLAIN = "kubeflow+http://"
_PORTS = {_SECURE: 443, _PLAIN: 8080}
"""Ports where a URI names none: those of the registry's own client."""

_PARTS = re.compile(r"(?P<host>\[[^\]]*\]|[^:/\[\]]+)(?::(?P<port>\d{1,5}))?/?")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?")
_LONGEST_HOST = 253
_HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class KubeflowRegistry:
    """A server.

    Attributes:
        host: Its name or address; an IPv6 address stands in brackets.
        port: Its port.
        secure: Whether it is spoken to by TLS.
    """

    host: str
    port: int
    secure: bool

    @property
    def uri(self) -> str:
        """What the setting ``registry`` says for it, with the port."""
        return f"{_SECURE if self.secure else _PLAIN}{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """What requests start with."""
        return f"{'https' if self.secure else 'http'}://{self.host}:{self.port}"


def kubeflow_registry(registry: str) -> KubeflowRegistry | None:
    """The server that the setting ``registry`` names; None where it names no such server.

    Raises:
        ConfigurationError: It starts with ``kubeflow`` and is no such URI, or holds a password.
    """
    scheme, separator, rest = registry.partition("://")
    scheme += separator
    if not separator or not re.match(r"kubeflow(\+|:)", scheme):
        return None
    if "@" in rest:  # said without the URI: a message may be read by everybody
        raise ConfigurationError(
            f"the {scheme} URI holds a user name or password, which everybody who sees the run "
            "could read. Give it without: the token is read from the file that "
            f"{TOKEN_VARIABLE} names."
        )
    found = _PARTS.fullmatch(rest)
    if scheme not in _PORTS or found is None or not _is_host(found["host"]):
        raise ConfigurationError(
            f"{registry!r} must be kubeflow://HOST or kubeflow://HOST:PORT, without a path, and "
            "with kubeflow+http where the server speaks plain HTTP"
        )
    port = int(found["port"] or _PORTS[scheme])
    if not 0 < port <= _HIGHEST_PORT:
        raise ConfigurationError(f"{registry!r}: port {port} is not between 1 and {_HIGHEST_PORT}")
    return KubeflowRegistry(found["host"], port, secure=scheme == _SECURE)


def _is_host(text: str) -> bool:
    if not text.startswith("["):
        return len(text) <= _LONGEST_HOST and all(map(_LABEL.fullmatch, text.split(".")))
    try:
        ipaddress.IPv6Address(text[1:-1])
    except ValueError:
        return False
    return True
