"""Makes something on the service once, although a request or its answer may be lost."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

import requests
from google.api_core import exceptions as api_errors
from google.api_core import retry
from google.auth import exceptions as auth_errors

from tuneline.errors import ServiceError
from tuneline.vertex.clients import may_have_worked, once, patient

if TYPE_CHECKING:
    from collections.abc import Callable

Thing = TypeVar("Thing")

_ATTEMPTS = 3
_LOOKS_AFTER_S = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 60.0)
_OPERATION_S = 1800.0
_QUOTA_S = 300.0


def within_quota() -> dict[str, Any]:
    """Arguments of a client's method that makes something: it is sent once.

    What a quota refuses is sent again: quotas are checked before the work starts.
    """
    only_quota = retry.if_exception_type(api_errors.TooManyRequests)
    again = retry.Retry(predicate=only_quota, initial=1.0, maximum=30.0, timeout=_QUOTA_S)
    return {**once(), "retry": again}


def found_or_made(
    find: Callable[[], Thing | None], make: Callable[[], Thing]
) -> tuple[Thing, bool]:
    """Find something, or make it.

    After a failure that does not say whether it was made, it is looked for again before another
    request is sent, several times over two minutes: a request may still be at work.

    Args:
        find: Looks for it; None where it is not there.
        make: Sends one request that makes it.

    Returns:
        It, and whether it was made here.
    """
    if (found := find()) is not None:
        return found, False
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return make(), True
        except (
            api_errors.GoogleAPIError,
            auth_errors.GoogleAuthError,
            requests.RequestException,
        ) as error:
            # A conflict: an earlier request of ours, or another process, was there first.
            if not (may_have_worked(error) or isinstance(error, api_errors.Conflict)):
                raise
            if (found := _found_after_a_while(find)) is not None:
                return found, True
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError(attempt)  # the last attempt returned or raised


def finished(operation: Any) -> Any:
    """Wait for an operation and give back its result.

    Raises:
        ServiceError: It does not end in half an hour.
    """
    try:
        return operation.result(timeout=_OPERATION_S, retry=patient()["retry"])
    except TimeoutError as error:
        raise ServiceError(
            f"{operation.operation.name}: is still at work after {_OPERATION_S / 60:.0f} minutes. "
            "Register again later: what it has made by then is found."
        ) from error


def _found_after_a_while(find: Callable[[], Thing | None]) -> Thing | None:
    for seconds in _LOOKS_AFTER_S:
        time.sleep(seconds)
        if (found := find()) is not None:
            return found
    return None
