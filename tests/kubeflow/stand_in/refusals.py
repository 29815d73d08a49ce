"""Refusals, in the words and codes of the service."""

from __future__ import annotations

from typing import Any

_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 409: 6, 429: 8, 500: 13, 501: 12, 503: 14}


class RefusedError(Exception):
    """A call is refused."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    @property
    def body(self) -> dict[str, Any]:
        """The status in the service's JSON."""
        code = _CODES.get(self.status, 2)
        return {"error": self.message, "code": code, "message": self.message, "details": []}


def invalid(message: str) -> RefusedError:
    """A request that is wrong."""
    return RefusedError(400, f"Invalid input error: {message}")
