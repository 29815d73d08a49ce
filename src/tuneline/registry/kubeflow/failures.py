"""What failures of the registry's client mean: which pass, which may have worked, what was said."""

from __future__ import annotations

import email.utils
import json
import random
import re
import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import aiohttp
from mr_openapi.exceptions import ApiException
from pydantic import ValidationError

from tuneline.errors import ConfigurationError, ServiceError
from tuneline.registry.kubeflow.access import AUTHORITIES_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tuneline.registry.kubeflow.access import Access

FAILURES = (
    ApiException,
    aiohttp.ClientError,
    TimeoutError,
    ValidationError,  # an answer in JSON that is none of the registry's
    json.JSONDecodeError,
    UnicodeDecodeError,
)
"""What the client raises where a request fails."""

_PASSING_CODES = frozenset({408, 429, 500, 502, 503, 504})
_CONFLICT = 409
_NOT_FOUND = 404
_TOO_MANY = 429
_LONGEST_WORDS = 300


def passes(error: Exception) -> bool:
    """Whether the same request may be answered when it is sent again."""
    if isinstance(error, ApiException):
        return error.status in _PASSING_CODES
    if isinstance(error, aiohttp.ClientSSLError):
        return False
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(
        error.os_error, socket.gaierror
    ):
        return error.os_error.errno == socket.EAI_AGAIN  # not: there is no such host
    # Connections that break or hang, and answers cut off on the way.
    broken = (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError)
    return isinstance(error, broken)


def is_conflict(error: Exception) -> bool:
    """Whether something of that name is there already."""
    return isinstance(error, ApiException) and error.status == _CONFLICT


def is_not_found(error: Exception) -> bool:
    """Whether nothing of that name is there."""
    return isinstance(error, ApiException) and error.status == _NOT_FOUND


def may_have_worked(error: Exception) -> bool:
    """Whether a request that failed so, and passes, may have been carried out all the same."""
    if isinstance(error, ApiException):
        return bool(error.status != _TOO_MANY)  # limits are looked at before the work starts
    return not isinstance(error, aiohttp.ClientConnectorError)  # it was never sent


def wait_s(error: Exception, attempt: int, *, first_s: float, longest_s: float) -> float:
    """Seconds before the next attempt: what the server asks for, and a random time on top.

    The random time is uniform between 0 and an end that doubles with every attempt ("full jitter",
    M. Brooker, Exponential Backoff And Jitter, AWS Architecture Blog, 2015).

    Args:
        error: What happened.
        attempt: How many attempts were made.
        first_s: The first end.
        longest_s: The last one.
    """
    end = min(longest_s, first_s * 2.0 ** (attempt - 1))
    return _asked_s(error) + random.uniform(0, end)  # noqa: S311 - no secret


def said(error: Exception) -> str:
    """One line: the server's code and words, or what happened on the way."""
    if isinstance(error, ApiException):
        words = _words(error.body) or str(error.reason or "")
        return f"{error.status or ''} {words}".strip().rstrip(".")
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ValidationError):
        problem = error.errors(include_url=False, include_input=False)[0]
        words = ": ".join(filter(None, [".".join(map(str, problem["loc"])), problem["msg"]]))
        return f"the answer is not what the API describes ({_line(words)})"
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        return "the answer is no JSON"
    return _line(str(error)).rstrip(".") or type(error).__name__


@contextmanager
def translated(doing: str, access: Access) -> Iterator[None]:
    """Turn what the client raises into this project's errors.

    Args:
        doing: What was tried, as the start of a sentence.
        access: What was sent along.

    Raises:
        ConfigurationError: The server refuses the request or the token, or is none, or its
            certificate is not trusted.
        ServiceError: It does not answer, or fails.
    """
    try:
        yield
    except FAILURES as error:
        remedy = _remedy(error, access)
        if remedy:
            raise ConfigurationError(f"{doing}: {said(error)}. {remedy}") from error
        answered = isinstance(error, ApiException) and error.status
        if passes(error) or answered:
            advice = "Try again later: what was registered by then is found."
        else:
            advice = "Check the address in registry."
        raise ServiceError(f"{doing}: {said(error)}. {advice}") from error


def _remedy(error: Exception, access: Access) -> str:
    """What to do where trying again does not help; empty where it may."""
    if isinstance(error, aiohttp.ClientSSLError):
        return (
            f"Name the file with the server's certificate authority in {AUTHORITIES_VARIABLE}, and "
            "the server as its certificate does. A server without TLS is kubeflow+http://HOST:PORT."
        )
    if not isinstance(error, ApiException):
        return ""
    return {
        400: "The server refuses the request: is it of the release that this client speaks to?",
        401: f"The server asks for another token: {access.source}.",
        403: f"The token must allow the Model Registry: {access.source}.",
        404: (
            "There is no /api/model_registry/v1. Check host and port in registry; an older server "
            "that has v1alpha3 alone must be updated."
        ),
        409: (
            "Something of that name is there and is not shown to this token; choose another "
            "model_name."
        ),
        422: "The server refuses the request: is it of the release that this client speaks to?",
    }.get(error.status or 0, "")


def _words(body: str | None) -> str:
    """A refusal's text: an object's message, a string in JSON, or plain text; a page has none."""
    try:
        content = json.loads(body or '""')
    except ValueError:
        content = "" if str(body).lstrip().startswith("<") else body
    return _line(str(content.get("message", "") if isinstance(content, dict) else content))


def _line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST_WORDS]


def _asked_s(error: Exception) -> float:
    """Seconds that ``Retry-After`` asks for, as a number or a date; 0 where it does not."""
    headers: Mapping[str, str] = getattr(error, "headers", None) or {}
    asked = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", asked):
        return float(asked)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(asked).timestamp() - time.time())
    except (ValueError, TypeError):
        return 0.0
