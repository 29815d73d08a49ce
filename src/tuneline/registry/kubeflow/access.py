"""What a server is shown and asked to show: the token, and the authorities that are trusted.

The token is read as the registry's own client reads it, but for one thing: over plain HTTP the
token that a cluster gives every pod is not sent unasked, since whoever is on the way could use it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tuneline.errors import ConfigurationError
from tuneline.registry.kubeflow.address import TOKEN_VARIABLE

if TYPE_CHECKING:
    from tuneline.registry.kubeflow.address import KubeflowRegistry

AUTHORITIES_VARIABLE = "SSL_CERT_FILE"
"""Environment variable that names the file with the trusted authorities, which OpenSSL reads.

Kubeflow Pipelines sets it in every task where it was installed with an authority of its own.
"""

POD_TOKEN = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
"""Where a cluster puts the token of a pod's service account."""


@dataclass(frozen=True, slots=True)
class Access:
    """What is sent along with every request.

    Attributes:
        token: Bearer token; empty: none.
        source: Where it was read, or what to set to give one; goes into messages.
    """

    token: str = field(repr=False)
    source: str


def read_access(registry: KubeflowRegistry) -> Access:
    """Read the token for a server, and check that the file of authorities is there.

    Raises:
        ConfigurationError: A file that the environment names cannot be read, or holds no token.
    """
    problems = []
    if registry.secure:
        authorities = os.environ.get(AUTHORITIES_VARIABLE, "")
        if authorities and not Path(authorities).is_file():
            problems.append(f"{AUTHORITIES_VARIABLE}: {authorities} is no file.")
    named = os.environ.get(TOKEN_VARIABLE, "")
    access = Access("", f"none was sent; {TOKEN_VARIABLE} names the file that holds one")
    try:
        if named:
            access = _read(Path(named), f"{TOKEN_VARIABLE} names its file, {named}")
        elif registry.secure and POD_TOKEN.is_file():
            access = _read(
                POD_TOKEN, f"it is the pod's, {POD_TOKEN}; {TOKEN_VARIABLE} names another"
            )
    except ConfigurationError as error:
        problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    return access


def _read(file: Path, source: str) -> Access:
    try:
        token = file.read_text(encoding="ascii").strip()
    except OSError as error:
        raise ConfigurationError(
            f"{TOKEN_VARIABLE}: {file} cannot be read ({error.strerror})."
        ) from error
    except UnicodeDecodeError:  # its text is part of the error, and may be part of a token
        token = ""
    if not token or not token.isprintable() or " " in token:
        raise ConfigurationError(f"{TOKEN_VARIABLE}: {file} must hold a token, and nothing else.")
    return Access(token, source)
