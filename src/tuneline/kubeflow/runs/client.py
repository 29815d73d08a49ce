"""KFP's client, with deadlines, and what its failures mean.

Answers are read here and not by the generated client, which takes an answer that is no JSON, such
as the page of a login or one cut off on the way, for an empty one: a run that was started would
seem not to be there.

Requests that change nothing when they come twice are sent again while a failure passes. Those that
make something are sent once: whoever sends them looks first whether it is there.
"""

from __future__ import annotations

import json
import os
import re
import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import kfp_server_api
import urllib3
from kfp import client as kfp_client

from tuneline.errors import ConfigurationError, ServiceError
from tuneline.submission.patience import Patience
from tuneline.submission.waiting import Waits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOKEN = "TUNELINE_KFP_TOKEN"  # noqa: S105 - the name of a variable
"""Environment variable: the bearer token that the service wants."""

_PASSING = (408, 429, 500, 502, 503, 504)
_NOT_DONE = (400, 401, 403, 404, 405, 409, 412, 429, 501)
_CONNECT_S = 10
_ANSWER_S = 60
_FIRST_CONTACT_S = 20.0
_LONGEST_MESSAGE = 1000


@dataclass(frozen=True, slots=True)
class Connection:
    """Which service is asked, and how.

    Attributes:
        host: Where it answers, without a slash at its end.
        namespace: The user's, in a multi-user installation; empty: the one of KFP's own settings.
        ca_certificate: File of certificates that sign the host's.
    """

    host: str
    namespace: str = ""
    ca_certificate: Path | None = None


class UnreadableAnswerError(Exception):
    """An answer came, and it is not what the service's API gives.

    Args:
        message: What it is.
        is_page: Whether it is a page for people, such as that of a login, which stays.
    """

    def __init__(self, message: str, *, is_page: bool = False) -> None:
        super().__init__(f"{message} but a page, such as that of a login" if is_page else message)
        self.is_page = is_page


FAILURES = (
    kfp_server_api.ApiException,
    urllib3.exceptions.HTTPError,
    UnreadableAnswerError,
)
"""What a request raises where it fails."""


class _Client(kfp_client.Client):  # type: ignore[misc]  # it has no types
    """KFP's client, whose constructor asks with a deadline here, and writes no file."""

    def get_kfp_healthz(self, sleep_duration: int = 5) -> Any:  # noqa: ARG002 - KFP's signature
        patience = Patience(failing_s=_FIRST_CONTACT_S, first_wait_s=0.5, longest_wait_s=5.0)
        answer = patiently(patience, self.healthzs.healthz_service_get_healthz)
        return SimpleNamespace(multi_user=answer.get("multi_user", False))

    def set_user_namespace(self, namespace: str) -> None:
        """Take the pod's namespace for this client alone; a pod may have no home to write to."""
        self._context_setting["namespace"] = namespace


def connected(connection: Connection) -> Any:
    """A client of Kubeflow Pipelines that has asked the service once.

    The token is that of the environment; else that of the pod's service account, where KFP mounts
    one (``KF_PIPELINES_SA_TOKEN_PATH``).

    Raises:
        ConfigurationError: The service refuses, or is no Kubeflow Pipelines.
        ServiceError: It does not answer.
    """
    token = os.environ.get(TOKEN, "")
    with warnings.catch_warnings(), translated(f"Asking {connection.host}"):
        warnings.simplefilter("ignore", FutureWarning)  # says that KFP 1 is not served
        client = _Client(
            host=connection.host,
            # KFP's client takes its default for none.
            namespace=connection.namespace or "kubeflow",
            existing_token=token or None,
            credentials=None if token else _of_service_account(),
            ssl_ca_cert=str(connection.ca_certificate) if connection.ca_certificate else None,
        )
        client.get_kfp_healthz()
    return client


def _of_service_account() -> Any:
    """Credentials of the pod that this is; None where there are none."""
    place = os.environ.get(kfp_client.KF_PIPELINES_SA_TOKEN_ENV, "")
    if not Path(place or kfp_client.KF_PIPELINES_SA_TOKEN_PATH).is_file():
        return None
    return kfp_client.ServiceAccountTokenVolumeCredentials(place or None)


def namespace_of(connection: Connection, client: Any) -> str | None:
    """The user's namespace; None in an installation of one user."""
    return connection.namespace or client.get_user_namespace() or None


def once(method: Callable[..., Any], *arguments: Any, **options: Any) -> dict[str, Any]:
    """Send one request and read its answer.

    Args:
        method: A method of the generated client.
        *arguments: Its required arguments.
        **options: Its others.

    Raises:
        ApiException: The service refuses or fails.
        HTTPError: The connection broke, or the answer took too long.
        UnreadableAnswerError: The answer is no JSON object.
    """
    try:
        response = method(
            *arguments,
            **options,
            _request_timeout=(_CONNECT_S, _ANSWER_S),
            _preload_content=False,
        )
    except UnicodeDecodeError as error:  # by the client, of a refusal's body
        raise UnreadableAnswerError("the answer is no text") from error
    is_page = "html" in str(response.headers.get("Content-Type", ""))
    try:
        answer = json.loads(response.data)
    except ValueError as error:
        raise UnreadableAnswerError("the answer is no JSON", is_page=is_page) from error
    if not isinstance(answer, dict):
        raise UnreadableAnswerError("the answer is no JSON object")
    return answer


def patiently(
    patience: Patience, method: Callable[..., Any], *arguments: Any, **options: Any
) -> dict[str, Any]:
    """Send a request as `once` does, and again while a failure passes.

    Args:
        patience: The waits between, and ``failing_s`` seconds for all of them.
        method: A method of the generated client.
        *arguments: Its required arguments.
        **options: Its others.
    """
    waits, end = Waits(patience), time.monotonic() + patience.failing_s
    while True:
        try:
            return once(method, *arguments, **options)
        except FAILURES as error:
            if not _passes(error) or time.monotonic() > end:
                raise
        waits.wait()


def may_have_worked(error: BaseException) -> bool:
    """Whether a request that failed so may have been carried out all the same.

    What is refused with a reason was not, nor what never reached the host; a connection that broke,
    an answer that cannot be read or an overloaded server says nothing.
    """
    if isinstance(error, kfp_server_api.ApiException):
        return error.status not in _NOT_DONE
    if isinstance(error, urllib3.exceptions.MaxRetryError):
        return not isinstance(error.reason, urllib3.exceptions.NewConnectionError)
    return isinstance(error, urllib3.exceptions.HTTPError | UnreadableAnswerError)


def _passes(error: BaseException) -> bool:
    if isinstance(error, kfp_server_api.ApiException):
        return error.status in _PASSING
    if isinstance(error, UnreadableAnswerError):
        return not error.is_page
    reason = getattr(error, "reason", None)
    return not isinstance(reason, urllib3.exceptions.NameResolutionError)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn what a client raises into this project's errors, with the service's own words.

    Args:
        doing: What was tried, as the start of a sentence: "Starting tickets".

    Raises:
        ConfigurationError: The service refuses the request or the token.
        ServiceError: It does not answer, or fails.
    """
    try:
        yield
    except kfp_server_api.ApiException as error:
        if error.status == 401:
            raise ConfigurationError(
                f"{doing}: the token is missing, expired or refused: {said(error)}. Set {TOKEN}."
            ) from error
        if error.status in _NOT_DONE and error.status not in _PASSING:
            raise ConfigurationError(f"{doing}: the service refuses: {said(error)}.") from error
        raise ServiceError(f"{doing}: {said(error)}. Try again later.") from error
    except UnreadableAnswerError as error:
        if _passes(error):
            raise ServiceError(f"{doing}: {error}. Try again later.") from error
        raise ConfigurationError(
            f"{doing}: {error}. Check --host, which ends before /apis, and set {TOKEN}."
        ) from error
    except urllib3.exceptions.HTTPError as error:
        raise ServiceError(f"{doing}: {said(error)}. Check --host, and try again.") from error


def said(error: BaseException) -> str:
    """What an error says, in one line."""
    if not isinstance(error, kfp_server_api.ApiException):
        text = f"{getattr(error, 'reason', None) or error}"
        # Objects of the client's stand before what happened.
        return _one_line(re.sub(r"^.*<[^>]*>[^:]*: |^.*?HTTPS?ConnectionPool\([^)]*\): ", "", text))
    if not error.status:
        return _one_line(error.reason)
    return _one_line(f"{error.status} {_of_body(error.body) or error.reason}")


def _of_body(body: str | None) -> str:
    """The message of a status in the service's JSON; else nothing, such as for a proxy's page."""
    try:
        status = json.loads(body or "")
    except ValueError:
        return ""
    if not isinstance(status, dict):
        return ""
    return str(status.get("message") or status.get("error") or "")


def _one_line(text: object) -> str:
    return " ".join(str(text).split())[:_LONGEST_MESSAGE].rstrip(".: ")
