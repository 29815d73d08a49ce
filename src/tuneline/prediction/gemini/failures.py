"""Which failures of a service pass, which do not, and what to tell a person of the latter."""

from __future__ import annotations

import email.utils
import json
import random
import re
import socket
import time
from typing import TYPE_CHECKING, Any

import httpx
from google.auth import exceptions as auth_errors
from google.genai import errors as service_errors

from tuneline.errors import ConfigurationError, ServiceError, TunelineError

if TYPE_CHECKING:
    from tuneline.prediction.gemini.settings import GeminiSettings

PASSING_CODES = frozenset({408, 429, 500, 502, 503, 504})
"""HTTP codes after which the same request may be answered later."""

_REMEDIES = {
    400: "The request or a setting is not one that this model takes; the message says which.",
    401: "Log in again: gcloud auth application-default login, or set a valid key.",
    403: "Check that the project may use the model, and that these credentials have the role "
    "roles/aiplatform.user.",
    404: "Check the model's name, that it is not retired, and that it is served in this location.",
}


def passes(error: Exception) -> bool:
    """Whether the same request may be answered when it is sent again."""
    if isinstance(error, service_errors.APIError):
        return error.code in PASSING_CODES
    if isinstance(error, auth_errors.GoogleAuthError):
        return bool(error.retryable) or isinstance(error, auth_errors.TransportError)
    # Connections that break or hang, and answers cut off on the way.
    return isinstance(error, httpx.TransportError | TimeoutError | json.JSONDecodeError)


def most_attempts(error: Exception, settings: GeminiSettings) -> int:
    """How often a request is sent in all that fails so; a host without address is asked twice."""
    return min(2, settings.attempts) if _no_such_host(error) else settings.attempts


def _no_such_host(error: BaseException | None) -> bool:
    """Whether it came of a host name that does not resolve, whichever library says so."""
    while error is not None:
        if isinstance(error, socket.gaierror):
            return True
        error = error.__cause__ or error.__context__
    return False


def wait_s(error: Exception, attempt: int, settings: GeminiSettings) -> float:
    """Seconds before the next attempt: what the service asks for, and a random time on top.

    The random time is uniform between 0 and an end that doubles with every attempt ("full jitter",
    M. Brooker, Exponential Backoff And Jitter, AWS Architecture Blog, 2015), so that many waiting
    requests do not come back together.

    Args:
        error: What happened.
        attempt: How many attempts were made.
        settings: The first end, and the last one.
    """
    end = min(settings.longest_wait_s, settings.first_wait_s * 2.0 ** (attempt - 1))
    return asked_wait_s(error) + random.uniform(0, end)  # noqa: S311 - no secret


def asked_wait_s(error: Exception) -> float:
    """Seconds that the service asks to wait, by ``Retry-After`` or ``RetryInfo``; 0 if none."""
    if not isinstance(error, service_errors.APIError):
        return 0.0
    headers = getattr(error.response, "headers", None) or {}
    return max(_header_s(headers.get("retry-after", "")), _details_s(error.details), 0.0)


def last_word(error: Exception, settings: GeminiSettings, model: str, where: str) -> TunelineError:
    """The error to end the run with.

    Args:
        error: What happened, at the last attempt.
        settings: How the service was asked.
        model: Which model.
        where: Which row, empty where it is not known.
    """
    said = describe(error)
    row = f" (asked for {where})" if where else ""
    if _no_such_host(error):
        return ServiceError(
            f"{model}: the host name of the service does not resolve{row}: {said}. Check this "
            "machine's network, the location, and the address in GOOGLE_VERTEX_BASE_URL or "
            "GOOGLE_GEMINI_BASE_URL where one is set. What was answered is in the journal and is "
            "not asked for again."
        )
    if passes(error):
        advice = (
            "Ask for less at a time by concurrency, requests_per_minute or tokens_per_minute, or "
            "ask for more quota."
            if isinstance(error, service_errors.APIError) and error.code == 429
            else "Try again later."
        )
        return ServiceError(
            f"{model}: no answer after {settings.attempts} attempts{row}: {said}. {advice} What "
            "was answered is in the journal and is not asked for again."
        )
    if isinstance(error, auth_errors.GoogleAuthError):
        return ConfigurationError(f"{model}: the credentials are refused: {said}. {_REMEDIES[401]}")
    code = error.code if isinstance(error, service_errors.APIError) else 400
    remedy = _REMEDIES.get(code, _REMEDIES[400])
    return ConfigurationError(f"{model}: the service refuses{row}: {said}. {remedy}")


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
