"""What goes wrong between this task and the cluster: what passes, and what it means."""

from __future__ import annotations

import json
import random
import re
from typing import TYPE_CHECKING, Any

from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from tuneline.errors import ConfigurationError, ServiceError, TunelineError

if TYPE_CHECKING:
    from tuneline.kubeflow.train_job.settings import Patience

_PASSING_CODES = frozenset({0, 408, 429, 500, 502, 503, 504})
"""HTTP codes after which the same request may be answered later; 0: the connection failed."""

_FOR_A_MOMENT = (401, 403)
"""Refusals that may pass where requests were answered before: tokens and roles are renewed."""

_NOT_FOUND = 404
_LONGEST_TEXT = 600


class BrokenAnswerError(Exception):
    """An answer that is no JSON object."""


FAILURES = (ApiException, HTTPError, BrokenAnswerError)
"""What requests to the cluster fail with."""


def code_of(error: Exception) -> int:
    """HTTP code of an answer; 0 where there was none."""
    return int(error.status or 0) if isinstance(error, ApiException) else 0


def passes(error: Exception, *, answered: bool) -> bool:
    """Whether the same request may be answered when it is sent again.

    Args:
        error: What happened.
        answered: Whether the cluster answered such requests before.
    """
    code = code_of(error)
    if code == _NOT_FOUND and not is_missing_object(error):
        return answered  # something on the way that does not know the path
    return code in _PASSING_CODES or (answered and code in _FOR_A_MOMENT)


def wait_s(error: Exception, attempt: int, patience: Patience) -> float:
    """Seconds before the next attempt: what the server asks for, and a random time on top.

    The random time's end doubles with every attempt ("full jitter").

    Args:
        error: What happened.
        attempt: How many attempts were made.
        patience: Says the first end and the last one.
    """
    headers = (error.headers if isinstance(error, ApiException) else None) or {}
    asked = str(headers.get("Retry-After", ""))
    end = min(patience.longest_wait_s, patience.first_wait_s * 2.0 ** (attempt - 1))
    jitter = random.uniform(0, end)  # noqa: S311 - no secret
    return (float(asked) if re.fullmatch(r"\d{1,4}", asked) else 0.0) + jitter


def said(error: Exception) -> str:
    """One line: the server's code and message, or what happened on the way."""
    if isinstance(error, ApiException) and error.status:
        status = _status(error)
        message = str(status.get("message") or error.reason or "no message")
        return f"{error.status} {_line(message)}"
    return _line(str(error)) or type(error).__name__


def is_missing_object(error: Exception) -> bool:
    """Whether the server knows the kind of object, and has none of that name."""
    return code_of(error) == _NOT_FOUND and _status(error).get("reason") == "NotFound"


def refusal(doing: str, error: Exception) -> TunelineError:
    """The error for a request that is not to be sent again, with what to do about it."""
    code, text = code_of(error), said(error)
    if code == 401:
        advice = "The token is not accepted: is it expired, or of another cluster?"
    elif code == 403 and "cannot" in text:
        advice = (
            "The service account of this task needs a role for it: docs/kubeflow.md, 'Several "
            "nodes', has one."
        )
    elif code == _NOT_FOUND and not is_missing_object(error):
        advice = (
            "The cluster does not know TrainJobs (trainer.kubeflow.org/v1alpha1): install Kubeflow "
            "Trainer 2.2 or later."
        )
    elif code == 400 and "unknown field" in text:
        advice = "The cluster's Kubeflow Trainer is too old: 2.2 or later is needed."
    else:
        advice = ""
    return ConfigurationError(f"{doing}: {text.rstrip('.')}.{' ' * bool(advice)}{advice}")


def no_answer(doing: str, error: Exception, failing_s: float) -> TunelineError:
    """The error where failures that should pass did not."""
    return ServiceError(
        f"{doing}: {said(error).rstrip('.')}. It failed for {failing_s:.0f} s. A job "
        "that was started goes on, for an hour where nobody follows it; the same task finds it "
        "again."
    )


def _status(error: Exception) -> dict[str, Any]:
    """The ``Status`` object in a server's answer; empty where there is none."""
    body = getattr(error, "body", None)
    try:
        found = json.loads(body) if body else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) and found.get("kind") == "Status" else {}


def _line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST_TEXT]
