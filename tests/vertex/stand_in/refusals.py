"""What the service says when it does not do what was asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

HTTP_STATUS = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
_FIRST_CODE = {status: code for code, status in reversed(HTTP_STATUS.items())}


class RefusedError(Exception):
    """A request that is not carried out.

    Attributes:
        code: The name of the gRPC code.
        message: The words.
        details: Messages of google.rpc, as JSON with ``@type``.
        status: The HTTP status.
        retry_after: What the header of that name says; empty: there is none.
    """

    def __init__(
        self,
        code: str,
        message: str,
        details: Sequence[dict[str, Any]] = (),
        *,
        status: int = 0,
        retry_after: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = list(details)
        self.status = status or HTTP_STATUS.get(code, 500)
        self.retry_after = retry_after

    @classmethod
    def with_status(cls, status: int, message: str, retry_after: str = "") -> RefusedError:
        """A refusal that a test planted, by its HTTP status."""
        code = _FIRST_CODE.get(status, "UNKNOWN")
        return cls(code, message, status=status, retry_after=retry_after)

    @property
    def body(self) -> dict[str, Any]:
        """The JSON that goes out over HTTP."""
        error = {"code": self.status, "message": self.message, "status": self.code}
        return {"error": {**error, "details": self.details} if self.details else error}


def invalid(message: str) -> RefusedError:
    """A request that could never work."""
    return RefusedError("INVALID_ARGUMENT", message)


def precondition(message: str) -> RefusedError:
    """A request that the state of things, or its place, does not allow."""
    return RefusedError("FAILED_PRECONDITION", message)


def not_found(kind: str, name: str) -> RefusedError:
    """Nothing has this name."""
    return RefusedError("NOT_FOUND", f"The {kind} {name} is not found.")


def violations(found: Sequence[tuple[str, str]]) -> RefusedError:
    """Fields that are wrong, all at once, in the words that the service lists them with."""
    said = "".join(
        f"{place}.Field: {field}; Message: {text}\t" for place, (field, text) in enumerate(found, 1)
    )
    bad = [{"field": field, "description": text} for field, text in found]
    detail = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": bad}
    return RefusedError("INVALID_ARGUMENT", f"List of found errors:\t{said}", [detail])
