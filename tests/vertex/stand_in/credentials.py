"""Who may ask: bearers of the token, and of what the service account signed itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from google.auth import jwt

from tests.prediction.gemini.stand_in import PROJECT
from tests.vertex.stand_in.names import PROJECT_NUMBER, project_of
from tests.vertex.stand_in.refusals import RefusedError

if TYPE_CHECKING:
    from tests.vertex.stand_in.state import Vertex


def public_half(private_key: str) -> bytes:
    """The public key of a private one, in PEM."""
    key = load_pem_private_key(private_key.encode(), None).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def check_bearer(vertex: Vertex, header: str) -> None:
    """Let the token through, and tokens that clients of this SDK sign with the account's own key.

    Raises:
        RefusedError: It is neither.
    """
    kind, _, token = header.partition(" ")
    if kind == "Bearer" and (token == vertex.gemini.token or _signed(vertex, token)):
        return
    raise RefusedError(
        "UNAUTHENTICATED",
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login "
        "cookie or other valid authentication credential.",
    )


def _signed(vertex: Vertex, token: str) -> bool:
    if token.count(".") != 2 or not vertex.public_key:
        return False
    try:
        claims = jwt.decode(token, certs=vertex.public_key)
    except ValueError:
        return False
    return bool(claims.get("iss") == f"asker@{PROJECT}.iam.gserviceaccount.com")


def check_project(resource: str) -> None:
    """Let names of the project through.

    Raises:
        RefusedError: It is another project's.
    """
    project = project_of(resource)
    if project not in (PROJECT, PROJECT_NUMBER):
        raise RefusedError("PERMISSION_DENIED", f"Permission denied on resource project {project}.")
