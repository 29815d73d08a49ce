"""Which failures of a service's Gen AI client pass, how long to wait, and what it said."""

from __future__ import annotations

import email.utils
import json
import random
import re
import socket
import time
from typing import Any

import httpx
import requests
from google.auth import exceptions as auth_errors
from google.genai import errors as service_errors

PASSING_CODES = frozenset({408, 429, 500, 502, 503, 504})
"""HTTP codes after which the same request may be answered later."""


FAILURES = (
    service_errors.APIError,
    auth_errors.GoogleAuthError,
    httpx.HTTPError,
    requests.RequestException,  # with client certificates, the client speaks by this library
    json.JSONDecodeError,
    TimeoutError,
)
"""What the client raises where a request fails."""

_REFUSALS = (400, 401, 403, 404, 412, 429, 501)


def passes(error: Exception) -> bool:
    """Whether the same request may be answered when it is sent again."""
    if isinstance(error, service_errors.APIError):
        return error.code in PASSING_CODES
    if isinstance(error, auth_errors.GoogleAuthError):
        return bool(error.retryable) or is_transport(error)
    # Connections that break or hang, and answers cut off on the way.
    return isinstance(
        error,
        httpx.TransportError
        | httpx.DecodingError
        | requests.RequestException
        | TimeoutError
        | json.JSONDecodeError,
    )


def is_transport(error: BaseException | None) -> bool:
    """Whether credentials could not be refreshed for want of an answer.

    On Google's machines that is reported as a refusal, with the true reason behind it.
    """
    while error is not None:
        if isinstance(error, auth_errors.TransportError):
            return True
        error = error.__cause__ or error.__context__
    return False


def is_refusal(error: Exception) -> bool:
    """Whether it is certain that a request that failed so was not carried out."""
    if isinstance(error, service_errors.APIError):
        return error.code in _REFUSALS
    return isinstance(error, auth_errors.GoogleAuthError)  # it was never sent


def no_such_host(error: BaseException | None) -> bool:
    """Whether it came of a host name that does not resolve, whichever library says so."""
    while error is not None:
        if isinstance(error, socket.gaierror):
            return True
        error = error.__cause__ or error.__context__
    return False


def wait_s(error: Exception, attempt: int, *, first_wait_s: float, longest_wait_s: float) -> float:
    """Seconds before the next attempt: what the service asks for, and a random time on top.

    The random time is uniform between 0 and an end that doubles with every attempt ("full jitter",
    M. Brooker, Exponential Backoff And Jitter, AWS Architecture Blog, 2015), so that many waiting
    requests do not come back together.

    Args:
        error: What happened.
        attempt: How many attempts were made.
        first_wait_s: The first end.
        longest_wait_s: The last one.
    """
    end = min(longest_wait_s, first_wait_s * 2.0 ** (attempt - 1))
    return asked_wait_s(error) + random.uniform(0, end)  # noqa: S311 - no secret


def asked_wait_s(error: Exception) -> float:
    """Seconds that the service asks to wait, by ``Retry-After`` or ``RetryInfo``; 0 if none."""
    if not isinstance(error, service_errors.APIError):
        return 0.0
    headers = getattr(error.response, "headers", None) or {}
    return max(_header_s(headers.get("retry-after", "")), _details_s(error.details), 0.0)


def describe(error: Exception) -> str:
    """One line: the service's code and message, or what happened on the way."""
    if isinstance(error, service_errors.APIError):
        message = " ".join(str(error.message or error.status or "no message").split())
        return f"{error.code} {message[:500]}".rstrip(".")
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return "no answer in time"
    if isinstance(error, json.JSONDecodeError):
        return "the answer is no JSON"
    return (" ".join(str(error).split())[:500] or type(error).__name__).rstrip(".")


def _header_s(value: str) -> float:
    """Seconds, or a date."""
    if re.fullmatch(r"\d+(\.\d+)?", value.strip()):
        return float(value)
    try:
        return email.utils.parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, TypeError):
        return 0.0


def _details_s(details: Any) -> float:
    """The ``retryDelay`` of a ``google.rpc.RetryInfo``, such as ``"3.5s"``."""
    error = details.get("error", details) if isinstance(details, dict) else {}
    given = error.get("details", ()) if isinstance(error, dict) else ()
    for detail in given if isinstance(given, list) else ():
        delay = str(detail.get("retryDelay", "")) if isinstance(detail, dict) else ""
        if re.fullmatch(r"\d+(\.\d+)?s", delay):
            return float(delay[:-1])
    return 0.0
