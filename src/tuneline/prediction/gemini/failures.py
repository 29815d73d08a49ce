"""Which failures of a service pass, which do not, and what to tell a person of the latter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.auth import exceptions as auth_errors
from google.genai import errors as service_errors

from tuneline.errors import ConfigurationError, ServiceError, TunelineError
from tuneline.vertex.failures import describe, no_such_host, passes

if TYPE_CHECKING:
    from tuneline.prediction.gemini.settings import GeminiSettings

_REMEDIES = {
    400: "The request or a setting is not one that this model takes; the message says which.",
    401: "Log in again: gcloud auth application-default login, or set a valid key.",
    403: "Check that the project may use the model, and that these credentials have the role "
    "roles/aiplatform.user.",
    404: "Check the model's name, that it is not retired, and that it is served in this location.",
}


def most_attempts(error: Exception, settings: GeminiSettings) -> int:
    """How often a request is sent in all that fails so; a host without address is asked twice."""
    return min(2, settings.attempts) if no_such_host(error) else settings.attempts


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
    if no_such_host(error):
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
