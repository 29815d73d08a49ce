"""Clients of Vertex AI's services, and what their failures mean.

Requests that change nothing when they come twice are sent again while a failure passes. Those that
make something are sent once: whoever sends them looks first whether it is there.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import requests
from google.api_core import exceptions as api_errors
from google.api_core import retry
from google.auth import exceptions as auth_errors

from tuneline.errors import ConfigurationError, ServiceError
from tuneline.vertex.credentials import application_credentials
from tuneline.vertex.failures import is_transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tuneline.vertex.place import Place

ADDRESS = "GOOGLE_VERTEX_BASE_URL"
"""Environment variable: another server that is asked in the service's place, by JSON over HTTP."""

GRPC_ADDRESS = "TUNELINE_VERTEX_GRPC"
"""Environment variable: likewise, ``host:port``, by gRPC over TLS."""

_PASSING = (
    api_errors.TooManyRequests,  # includes RESOURCE_EXHAUSTED
    api_errors.InternalServerError,
    api_errors.BadGateway,
    api_errors.ServiceUnavailable,
    api_errors.GatewayTimeout,  # includes DEADLINE_EXCEEDED
    api_errors.Unknown,
    api_errors.Aborted,
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
)
_REFUSED = (
    api_errors.BadRequest,  # includes INVALID_ARGUMENT and FAILED_PRECONDITION
    api_errors.Unauthorized,
    api_errors.Forbidden,
    api_errors.NotFound,
    api_errors.Conflict,
)
_NOT_DONE = (
    api_errors.BadRequest,
    api_errors.Unauthorized,
    api_errors.Forbidden,
    api_errors.NotFound,
    api_errors.Conflict,
    api_errors.PreconditionFailed,
    api_errors.TooManyRequests,
    api_errors.MethodNotImplemented,
)
_ATTEMPT_S = 60.0
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 30.0


def api_client(kind: Any, place: Place) -> Any:
    """A client of one of the services, such as ``aiplatform_v1.ModelServiceClient``.

    Args:
        kind: The client's class.
        place: The location decides which host is asked.

    Raises:
        ConfigurationError: There are no application default credentials.
    """
    credentials, _ = application_credentials()
    options, transport = {"api_endpoint": place.host}, None
    if address := os.environ.get(GRPC_ADDRESS, ""):
        options = {"api_endpoint": address}
    elif address := os.environ.get(ADDRESS, ""):
        options, transport = {"api_endpoint": address}, "rest"
    return kind(credentials=credentials, client_options=options, transport=transport)


def patient(deadline_s: float = 300.0) -> dict[str, Any]:
    """Arguments of a client's method that make it try again while a failure passes.

    The waits are random between 0 and an end that doubles, up to 30 seconds.

    Args:
        deadline_s: Seconds for all attempts together.
    """
    again = retry.Retry(
        predicate=_passes,
        initial=_FIRST_WAIT_S,
        maximum=_LONGEST_WAIT_S,
        multiplier=2.0,
        timeout=deadline_s,
    )
    return {"retry": again, "timeout": _ATTEMPT_S}


def once(timeout_s: float = _ATTEMPT_S) -> dict[str, Any]:
    """Arguments of a client's method that make it try once."""
    return {"retry": None, "timeout": timeout_s}


def may_have_worked(error: BaseException) -> bool:
    """Whether a request that failed so may have been carried out all the same.

    What is refused with a reason was not, nor what was never sent for want of credentials; a
    connection that broke or an overloaded server that answered too late says nothing. Quota is
    looked at before the work starts.
    """
    if isinstance(error, api_errors.GoogleAPICallError):
        return not isinstance(error, _NOT_DONE)
    return isinstance(error, api_errors.GoogleAPIError | requests.RequestException)


def _passes(error: BaseException) -> bool:
    return isinstance(error, _PASSING) or (
        isinstance(error, auth_errors.GoogleAuthError) and is_transport(error)
    )


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn what a client raises into this project's errors, with the service's own words.

    Args:
        doing: What was tried, as the start of a sentence: "Registering tickets".

    Raises:
        ConfigurationError: The service refuses the request or the credentials.
        ServiceError: It does not answer, or fails.
    """
    try:
        yield
    except _REFUSED as error:
        raise ConfigurationError(f"{doing}: the service refuses: {said(error)}") from error
    except auth_errors.RefreshError as error:
        if is_transport(error):
            raise ServiceError(f"{doing}: {said(error)}. Try again later.") from error
        raise ConfigurationError(
            f"{doing}: the credentials are refused: {said(error)}. Log in again: gcloud auth "
            "application-default login."
        ) from error
    except (
        api_errors.GoogleAPIError,
        auth_errors.GoogleAuthError,
        requests.RequestException,
    ) as error:
        raise ServiceError(f"{doing}: {said(error)}. Try again later.") from error


def said(error: BaseException) -> str:
    """What an error says, in one line."""
    cause = getattr(error, "cause", None)  # of a RetryError
    message = getattr(cause or error, "message", "") or str(cause or error)
    code = getattr(getattr(cause or error, "code", None), "value", "")
    text = " ".join(f"{code} {message}".split())
    # By JSON over HTTP the request's line stands before what the service says.
    return re.sub(r"\b(GET|POST|PATCH|DELETE) https?://\S+ ", "", text)[:1000].rstrip(".: ")
